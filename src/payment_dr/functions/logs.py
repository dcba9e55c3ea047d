"""Logs as one JSON object a line on standard output, by Powertools for AWS Lambda.

Each line says which request it belongs to, by three ids: `request_id` is the client's or API
Gateway's, and goes on to provider, ledger and webhooks; `function_request_id` is Lambda's own, and
`xray_trace_id` that of the trace. Callers pass what else belongs to it in
`extra={"fields": {...}}`: ids, states and durations, and never keys, secrets or means of payment.
What looks like one of these is blotted out nevertheless, whoever wrote it.
"""

import functools
import json
import logging
import re
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from payment_dr.payments.card_numbers import holds_card_number

_Answer = TypeVar("_Answer")
_Handler = Callable[[Mapping[str, Any], object], _Answer]

SERVICE: Final = "payment-dr"
BLOT: Final = "[withheld]"
_FIELDS: Final = "fields"

_SECRETS: Final = re.compile(
    r"""(?P<name>"(?:api_key|authorization|master|password|payment_method|secret|signature
                  |token)":")
            (?:[^"\\]|\\.)+
        |(?P<word>Bearer\ |password=|(?<![A-Za-z0-9])(?:sk|rk)_(?:test|live)_|whsec_)[^"\\\s]+""",
    re.VERBOSE,
)
"""A field with a telling name, or what follows a telling word in any text, in a line of JSON."""

_MAYBE_CARD: Final = re.compile(r"[2-9](?:[ -]?[0-9]){12}")


class LogFormatter(LambdaPowertoolsFormatter):
    """One line per record; `location` is the logger's name."""

    def __init__(self) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType] # half of it is untyped
            use_rfc3339=True,
            utc=True,
            # A message is text, also if it happens to be JSON.
            json_deserializer=str,
            # `exception` has it already.
            serialize_stacktrace=False,
            service=SERVICE,
            location="%(name)s",
        )

    def serialize(self, log: dict[str, Any]) -> str:  # type: ignore[override] # wider than theirs
        """The line, without its end."""
        fields = log.pop(_FIELDS, {})
        return redacted({**log, **fields})


def redacted(line: Mapping[str, Any]) -> str:
    """A line as JSON in which no secret and no card number can be read.

    Ids may look like card numbers, and are left.
    """
    text = _json(line)
    if _MAYBE_CARD.search(text):
        text = _json({name: _without_card(name, value) for name, value in line.items()})
    return _SECRETS.sub(rf"\g<name>\g<word>{BLOT}", text)


def _without_card(name: str, value: object) -> object:
    is_card = not name.endswith("_id") and isinstance(value, str) and holds_card_number(value)
    return BLOT if is_card else value


def _json(line: Mapping[str, Any]) -> str:
    return json.dumps(line, default=str, separators=(",", ":"))


_FORMATTER: Final = LogFormatter()


@contextmanager
def correlated(**ids: str | None) -> Generator[None]:
    """Have each line that this thread writes meanwhile name what it belongs to.

    Powertools' own way (`inject_lambda_context`) would name it in the lines of every thread.
    """
    _FORMATTER.thread_safe_append_keys(**ids)  # pyright: ignore[reportUnknownMemberType] # likewise
    try:
        yield
    finally:
        _FORMATTER.thread_safe_remove_keys(ids)


def logged(handler: _Handler[_Answer]) -> _Handler[_Answer]:
    """A handler of which each line names the call; nothing happens before it is called."""

    @functools.wraps(handler)
    def call(event: Mapping[str, Any], context: object) -> _Answer:
        with correlated(function_request_id=getattr(context, "aws_request_id", None)):
            return handler(event, context)

    return call


def configure_logs() -> None:
    """Send everything of WARNING and above to standard output, and of our own from INFO."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_FORMATTER)
    # Lambda has put a handler of its own there, which writes plain text.
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger("payment_dr").setLevel(logging.INFO)
