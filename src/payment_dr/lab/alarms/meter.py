"""What AWS itself would measure of calls: Lambda and API Gateway, as lines of the hosts' logs.

A host tells each call; a second's worth of them becomes one line, so that a loaded host writes one
line a second and an idle one none. Names and dimensions are those that AWS publishes:
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
"""

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from payment_dr.core.settings import Settings
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.lab.alarms import embedded

LAMBDA: Final = "AWS/Lambda"
API_GATEWAY: Final = "AWS/ApiGateway"
FLUSH_S: Final = 1.0
VALUES_MAX: Final = 100
"""Values of one metric in a line, by the format's specification."""

_OTHERS: Final[Mapping[str, str]] = {"webhook_delivery": "webhooks"}
"""Functions by the lab's own modules that stand in for theirs."""

_SERVER_ERROR: Final = 500

Write = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of a function, or one that was throttled."""

    duration_ms: float
    failed: bool = False
    throttled: bool = False


class Meter:
    """Gathers what happens to one function, and to the API before it; safe in any thread.

    Args:
        function: its resource name.
        api: the id of the API that calls it; None if nobody calls it by HTTP.
        now: Unix time in seconds.
        write: takes a line without its end.
    """

    def __init__(
        self, function: str, api: str | None, now: Callable[[], float], write: Write | None = None
    ) -> None:
        self._function = function
        self._api = api
        self._now = now
        self._write = write or to_stdout
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._answers: list[tuple[int, float]] = []

    def called(self, call: Call) -> None:
        """Take a call in."""
        with self._lock:
            self._calls.append(call)
            full = len(self._calls) >= VALUES_MAX
        if full:
            self.flush()

    def answered(self, status: int, latency_ms: float) -> None:
        """Take an answer of the API in."""
        with self._lock:
            self._answers.append((status, latency_ms))
            full = len(self._answers) >= VALUES_MAX
        if full:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        with self._lock:
            calls, self._calls = self._calls, []
            answers, self._answers = self._answers, []
        at_s = self._now()
        if calls:
            self._write(_line_of_calls(self._function, calls, at_s))
        if answers and self._api is not None:
            self._write(_line_of_answers(self._api, answers, at_s))


def function_of(handler: str) -> str:
    """The name of the function whose handler, or its stand-in, is `module:name`."""
    known = {function.handler: function.name for function in FUNCTIONS}
    module = handler.partition(":")[0].rpartition(".")[2]
    return known.get(handler) or _OTHERS.get(module, module)


def api_id(settings: Settings, site: str) -> str:
    """What stands for the id of a site's API in a lab, where no API Gateway gives one."""
    return settings.resource("api", site)


def to_stdout(line: str) -> None:
    """Write a line to this process's log."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _line_of_calls(function: str, calls: list[Call], at_s: float) -> str:
    ran = [call for call in calls if not call.throttled]
    values = {
        "Throttles": [float(call.throttled) for call in calls],
        "Invocations": [1.0] * len(ran),
        "Errors": [float(call.failed) for call in ran],
        "Duration": [round(call.duration_ms, 1) for call in ran],
    }
    return embedded.line(LAMBDA, {"FunctionName": function}, values, at_s=at_s)


def _line_of_answers(api: str, answers: list[tuple[int, float]], at_s: float) -> str:
    values = {
        "Count": [1.0] * len(answers),
        "5xx": [float(status >= _SERVER_ERROR) for status, _ in answers],
        "Latency": [round(latency_ms, 1) for _, latency_ms in answers],
    }
    return embedded.line(API_GATEWAY, {"ApiId": api}, values, at_s=at_s)
