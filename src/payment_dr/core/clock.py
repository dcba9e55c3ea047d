"""The clock as a port: pure code is given time, it never reads it."""

from typing import Protocol


class Clock(Protocol):
    """Wall time, monotonic time and waiting; `adapters.clock.SystemClock` is the real one."""

    def now(self) -> float:
        """Seconds since the Unix epoch; may jump, so nothing's safety rests on it."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never jumps, for durations and deadlines."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; `seconds` is not negative."""
        ...
