"""A circuit breaker: after failures in a row it spares callers the wait for a dead ledger."""

import threading
from dataclasses import dataclass, field
from typing import Final

FAILURES_MAX: Final = 3
OPEN_S: Final = 1.0


@dataclass(kw_only=True, slots=True)
class CircuitBreaker:
    """Closed until `failures_max` failures in a row; then one trial is let through per `open_s`.

    Shared by the threads of a process; times are monotonic seconds given by the caller.
    """

    failures_max: int = FAILURES_MAX
    open_s: float = OPEN_S
    _failures: int = 0
    _next_trial: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def allows(self, now: float) -> bool:
        """Whether to try now; while open, a True is the one trial of this `open_s`."""
        with self._lock:
            if self._failures < self.failures_max:
                return True
            if now < self._next_trial:
                return False
            self._next_trial = now + self.open_s
            return True

    def succeeded(self) -> None:
        """The dependency answered: close."""
        with self._lock:
            self._failures = 0

    def failed(self, now: float) -> None:
        """The dependency did not answer: count, and open when that is too often."""
        with self._lock:
            self._failures += 1
            self._next_trial = now + self.open_s
