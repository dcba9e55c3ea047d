"""Calls scheduled functions of one site, each on its own thread, as EventBridge Scheduler would.

A function is called at once and then again `seconds` after it ended, so never twice at a time.
What it raises is logged as JSON, and its schedule goes on. SIGTERM ends the process promptly: a
call in progress is abandoned after two seconds, as Lambda's may be at any time.
"""

import argparse
import signal
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, Self

from payment_dr.lab.alarms.meter import Call, Meter, function_of
from payment_dr.lab.directory import read_settings
from payment_dr.lab.lambda_call import Handler, LambdaContext, guarded, load_handler

TIMEOUT_S: Final = 60.0
SECONDS_MAX: Final = 86_400.0
_END_TIMEOUT_S: Final = 2.0
_POLL_S: Final = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A handler's name and the pause between its calls, in seconds."""

    handler: str
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `module:name=seconds`."""
        handler, _, seconds = text.partition("=")
        parsed = cls(handler=handler, seconds=float(seconds))
        if not (":" in handler and 0 < parsed.seconds <= SECONDS_MAX):
            raise ValueError(text)
        return parsed

    def __str__(self) -> str:
        return f"{self.handler}={self.seconds:g}"


def call(schedule: Schedule, handler: Handler, meter: Meter | None = None) -> None:
    """Call the handler once; what it raises ends in the log, and the call in the meter's line."""
    request_id = str(uuid.uuid4())
    context = LambdaContext(
        function_name=schedule.handler,
        aws_request_id=request_id,
        deadline=time.monotonic() + TIMEOUT_S,
    )
    event = {"source": "aws.scheduler", "detail-type": "Scheduled Event"}
    begun = time.monotonic()
    ended = guarded(
        lambda: (handler(event, context),), name=schedule.handler, request_id=request_id
    )
    if meter is not None:
        duration_ms = (time.monotonic() - begun) * 1000
        meter.called(Call(duration_ms=duration_ms, failed=ended is None))
        meter.flush()


def run(
    schedule: Schedule, handler: Handler, ending: threading.Event, meter: Meter | None = None
) -> None:
    """Call the handler again and again until `ending` is set."""
    while not ending.is_set():
        call(schedule, handler, meter)
        ending.wait(schedule.seconds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the schedules until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--site", help="whose functions they are; without it nothing is metered")
    parser.add_argument("--after", type=Path, help="a file; nothing is called before it exists")
    parser.add_argument(
        "--schedule",
        type=Schedule.parse,
        action="append",
        default=[],
        metavar="MODULE:NAME=SECONDS",
    )
    given = parser.parse_args(arguments)
    ending = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        ending.set()

    signal.signal(signal.SIGTERM, end)
    threads = [
        threading.Thread(
            target=run,
            args=(
                schedule,
                load_handler(schedule.handler),
                ending,
                _meter(given.directory, given.site, schedule),
            ),
            name=schedule.handler,
            daemon=True,
        )
        for schedule in given.schedule
    ]
    _wait_for(given.after, ending)
    for thread in threads:
        thread.start()
    ending.wait()
    deadline = time.monotonic() + _END_TIMEOUT_S
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _meter(directory: Path, site: str | None, schedule: Schedule) -> Meter | None:
    if site is None:
        return None
    name = read_settings(directory).resource(function_of(schedule.handler), site)
    return Meter(name, None, time.time)


def _wait_for(path: Path | None, ending: threading.Event) -> None:
    while path is not None and not path.exists() and not ending.wait(_POLL_S):
        continue


if __name__ == "__main__":
    main()
