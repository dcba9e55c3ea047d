"""Several iterators at once, each on a thread of its own and a few results ahead of who takes them.

While one page is posted the next ones are read: reads of the payments table wait for another
region, and posting waits for the ledger.
"""

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Full, Queue
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")

_AHEAD: Final = 4
"""Results that wait, of all the iterators together."""

_LOOK_S: Final = 0.1
_NAME: Final = "side-by-side"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Given(Generic[_T]):
    result: _T


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ended:
    """A source has no more, or failed."""

    error: BaseException | None


_Results = Queue[_Given[_T] | _Ended]


def side_by_side(sources: Sequence[Iterator[_T]]) -> Generator[_T]:
    """Whatever the sources give, in the order in which it comes; what one raises is raised here.

    Closed early, or failed, it ends when each thread has finished the result that it works on.
    """
    results: _Results[_T] = Queue(_AHEAD)
    stopped = threading.Event()
    threads = [
        threading.Thread(target=_drain, args=(source, results, stopped), name=_NAME, daemon=True)
        for source in sources
    ]
    for thread in threads:
        thread.start()
    try:
        left = len(threads)
        while left:
            came = results.get()
            if isinstance(came, _Given):
                yield came.result
            elif came.error is not None:
                raise came.error
            else:
                left -= 1
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def _drain(source: Iterator[_T], results: _Results[_T], stopped: threading.Event) -> None:
    """Hand on what a source gives until it ends, fails, or nobody takes it any more."""
    error: BaseException | None = None
    try:
        for result in source:
            _put(results, _Given(result=result), stopped)
            if stopped.is_set():
                return
    # pylint: disable-next=broad-exception-caught; it is raised again by who takes the results
    except BaseException as raised:  # noqa: BLE001 - as above
        error = raised
    _put(results, _Ended(error=error), stopped)


def _put(results: _Results[_T], what: _Given[_T] | _Ended, stopped: threading.Event) -> None:
    put = False
    while not (put or stopped.is_set()):
        with suppress(Full):
            results.put(what, timeout=_LOOK_S)
            put = True
