import threading
from collections.abc import Iterator

import pytest

from payment_dr.adapters.side_by_side import side_by_side


def test_everything_of_every_source_is_given_once() -> None:
    sources = [iter(range(50)), iter(range(50, 60)), iter(())]
    assert sorted(side_by_side(sources)) == list(range(60))


def test_sources_run_at_the_same_time() -> None:
    together = threading.Barrier(2, timeout=10)

    def source(number: int) -> Iterator[int]:
        together.wait()
        yield number

    assert sorted(side_by_side([source(1), source(2)])) == [1, 2]


def alive() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "side-by-side"]


def test_what_a_source_raises_is_raised_and_ends_the_others() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        list(side_by_side([iter(range(1_000_000)), broken()]))
    assert not alive()


def test_closed_early_no_source_goes_on() -> None:
    given: list[int] = []
    full = threading.Event()

    def counting() -> Iterator[int]:
        for number in range(1_000_000):
            given.append(number)
            if number == 5:  # one was taken, four wait
                full.set()
            yield number

    results = side_by_side([counting()])
    assert next(results) == 0
    assert full.wait(10)
    results.close()
    assert not alive()
    assert len(given) == 6
