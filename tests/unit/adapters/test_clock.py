"""The real clock agrees with itself."""

from typing import TYPE_CHECKING

from payment_dr.adapters.clock import SystemClock

if TYPE_CHECKING:
    from payment_dr.core.clock import Clock


def test_the_clock_advances_by_at_least_what_it_slept() -> None:
    clock: Clock = SystemClock()
    before, wall = clock.monotonic(), clock.now()
    clock.sleep(0.002)
    assert clock.monotonic() - before >= 0.002
    assert clock.now() > 1_700_000_000
    assert clock.now() >= wall
