"""Values that several threads share and that survive an outage for as long as they may."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from fakes.clock import FakeClock
from payment_dr.adapters.cached import Cached
from payment_dr.core.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable


class Source:
    """Counts reads; each answers with its number, or fails."""

    def __init__(self) -> None:
        self.reads = 0
        self.error: Exception | None = None
        self.before: Callable[[], object] = lambda: None

    def __call__(self) -> int:
        self.reads += 1
        self.before()
        if self.error is not None:
            raise self.error
        return self.reads


def test_a_value_is_read_again_only_when_it_is_too_old() -> None:
    source, clock = Source(), FakeClock()
    cached = Cached(source, clock=clock, age_s=1)
    assert [cached(), cached()] == [1, 1]
    clock.advance(0.999)
    assert cached() == 1
    clock.advance(0.001)
    assert cached() == 2


def test_the_age_of_a_value_counts_from_before_it_was_read() -> None:
    source, clock = Source(), FakeClock()
    source.before = lambda: clock.advance(0.7)
    cached = Cached(source, clock=clock, age_s=1)
    assert cached() == 1
    clock.advance(0.3)
    assert cached() == 2


def test_an_error_is_raised_and_not_kept() -> None:
    source = Source()
    cached = Cached(source, clock=FakeClock(), age_s=1)
    source.error = UnavailableError("down")
    with pytest.raises(UnavailableError):
        cached()
    source.error = None
    assert cached() == 2


def test_during_an_outage_a_stale_value_is_given_and_the_source_asked_once_per_age() -> None:
    source, clock = Source(), FakeClock()
    cached = Cached(source, clock=clock, age_s=1, stale_s=10)
    assert cached() == 1
    source.error = UnavailableError("down")
    clock.advance(1)
    assert [cached(), cached()] == [1, 1]
    assert source.reads == 2
    clock.advance(9)
    with pytest.raises(UnavailableError):
        cached()


def test_a_defect_of_the_source_is_raised_even_while_a_stale_value_could_be_given() -> None:
    source, clock = Source(), FakeClock()
    cached = Cached(source, clock=clock, age_s=1, stale_s=10)
    cached()
    clock.advance(1)
    source.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        cached()
    source.error = None
    assert cached() == 3


class WatchedLock:
    """Tells when it was left: who has left it has seen whether somebody reads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._left = threading.Semaphore(0)

    def __enter__(self) -> None:
        self._lock.__enter__()

    def __exit__(self, *_exc: object) -> None:
        self._lock.release()
        self._left.release()

    def wait_left(self, times: int) -> None:
        assert all(self._left.acquire(timeout=10) for _ in range(times))  # pylint: disable=R1732


def together(cached: Cached[int], source: Source, threads: int) -> list[Future[int]]:
    """Call from so many threads, all of them before the first one's read ends."""
    watched = WatchedLock()
    go_on = threading.Event()
    vars(cached)["_lock"] = watched

    def hang() -> None:
        assert go_on.wait(10)

    source.before = hang
    with ThreadPoolExecutor(threads) as pool:
        calls = [pool.submit(cached) for _ in range(threads)]
        watched.wait_left(threads)
        go_on.set()
    return calls


def test_threads_that_come_while_one_reads_share_its_answer() -> None:
    source = Source()
    calls = together(Cached(source, clock=FakeClock(), age_s=1), source, 4)
    assert [call.result() for call in calls] == [1, 1, 1, 1]
    assert source.reads == 1


def test_threads_that_come_while_one_reads_share_its_error() -> None:
    source = Source()
    source.error = UnavailableError("down")
    calls = together(Cached(source, clock=FakeClock(), age_s=1), source, 4)
    assert all(isinstance(call.exception(), UnavailableError) for call in calls)
    assert source.reads == 1


def test_a_value_that_was_doubted_is_read_anew_once_and_not_again_at_once() -> None:
    source, clock = Source(), FakeClock()
    cached = Cached(source, clock=clock, age_s=60, stale_s=3600)
    assert cached() == 1
    clock.advance(5)
    cached.doubt()
    assert [cached(), cached()] == [2, 2]
    cached.doubt()
    assert cached() == 2
    clock.advance(1)
    cached.doubt()
    assert cached() == 3


def test_a_doubted_value_is_better_than_none_while_nothing_newer_can_be_read() -> None:
    source, clock = Source(), FakeClock()
    cached = Cached(source, clock=clock, age_s=60, stale_s=3600)
    cached.doubt()
    assert cached() == 1
    clock.advance(5)
    source.error = UnavailableError("down")
    cached.doubt()
    assert cached() == 1
