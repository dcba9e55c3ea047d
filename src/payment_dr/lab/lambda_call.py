"""What Lambda hands to a handler besides the event, and how a handler is found by its name."""

import importlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from payment_dr.lab.errors import LabError

T = TypeVar("T")
Handler = Callable[[Mapping[str, Any], "LambdaContext"], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class LambdaContext:
    """The part of Lambda's context object that handlers use."""

    function_name: str
    aws_request_id: str
    deadline: float

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the call would be ended; `deadline` is on the monotonic clock."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


def load_handler(name: str) -> Handler:
    """The handler `module:attribute`.

    Raises:
        LabError: when there is none.
    """
    module, _, attribute = name.partition(":")
    try:
        handler: Handler = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise LabError(
            f"there is no handler {name!r}: {error}", remedy="name one as package.module:function"
        ) from error
    return handler


def guarded(call: Callable[[], T], *, name: str, request_id: str) -> T | None:
    """Make the call; what it raises ends here, as a line in the log, and None is returned."""
    try:
        return call()
    # pylint: disable-next=broad-exception-caught; a host outlives whatever a handler raises
    except Exception as error:  # noqa: BLE001 - as above
        log_failure(error, name=name, request_id=request_id)
    return None


def log_failure(error: Exception, *, name: str, request_id: str) -> None:
    """Write a line to the log."""
    record = {
        "timestamp": time.time(),
        "level": "ERROR",
        "function": name,
        "requestId": request_id,
        **failure_of(error),
    }
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


def failure_of(error: Exception) -> dict[str, Any]:
    """What Lambda answers when a handler raises."""
    return {
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_exception(error),
    }
