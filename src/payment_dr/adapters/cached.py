"""A value that is read anew once it is too old, by one thread for all."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Final, Generic, TypeVar

from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError

T = TypeVar("T")

_YOUNG_S: Final = 1.0
"""A value of that age is not read again for being doubted: it would be the same one."""


class Cached(Generic[T]):
    """Calls `read` when the last value is older than `age_s` seconds, counted from its start.

    Threads that come while one reads share what it gets, value or error, so a dependency that
    hangs costs each of them one time-out and not one after the other's. While `read` fails with
    UnavailableError, a value up to `stale_s` old is given instead, and `read` is tried once per
    `age_s`; with the default of 0 the error is raised. It waits no longer than `read` does.
    """

    def __init__(
        self, read: Callable[[], T], *, clock: Clock, age_s: float, stale_s: float = 0
    ) -> None:
        self._read = read
        self._clock = clock
        self._age_s = age_s
        self._stale_s = stale_s
        self._lock = Lock()
        self._kept: tuple[T, float] | None = None
        self._fresh_until = 0.0
        self._flight: Future[T] | None = None

    def __call__(self) -> T:
        """The value; whatever `read` raises when there is none to give."""
        with self._lock:
            if self._kept is not None and self._clock.monotonic() < self._fresh_until:
                return self._kept[0]
            flight, mine = self._flight, False
            if flight is None:
                flight = self._flight = Future()
                mine = True
        if mine:
            self._fly(flight)
        return flight.result()

    def doubt(self) -> None:
        """Have the next call read anew, as the value was refused somewhere.

        If that read fails with UnavailableError, the value is still given while it is not stale. A
        value that is younger than a second is left as it is, so that a server which refuses every
        value does not have each attempt read it.
        """
        with self._lock:
            if self._kept is not None and self._clock.monotonic() >= self._kept[1] + _YOUNG_S:
                self._fresh_until = 0.0

    def _fly(self, flight: Future[T]) -> None:
        """Read once and settle `flight`, whatever comes of it."""
        started = self._clock.monotonic()
        try:
            value = self._read()
        except UnavailableError as error:
            with self._lock:
                self._flight = None
                kept = self._kept
                if kept is None or started >= kept[1] + self._stale_s:
                    flight.set_exception(error)
                else:
                    self._fresh_until = started + self._age_s
                    flight.set_result(kept[0])
        except BaseException as error:
            with self._lock:
                self._flight = None
            flight.set_exception(error)
            raise
        else:
            with self._lock:
                self._kept = (value, started)
                self._fresh_until = started + self._age_s
                self._flight = None
            flight.set_result(value)
