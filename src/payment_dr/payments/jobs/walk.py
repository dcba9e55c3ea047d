"""Walking a sparse index shard by shard, page by page, bounded."""

from collections.abc import Callable, Container, Generator, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final, Protocol, TypeVar

from payment_dr.payments.ports import Page, PaymentsTable
from payment_dr.payments.record import UNCONFIRMED_SHARDS, Record

PAGE: Final = 200
"""Records per page, hence about as many entries per ledger transaction."""

_PAGES_MAX: Final = 50_000
"""Bound on the pages of one shard: ten million records."""

Records = tuple[Record, ...]
_T = TypeVar("_T")


class Index(Protocol):
    """`PaymentsTable.unconfirmed` or `.open_operations`."""

    def __call__(self, shard: int, *, cursor: str | None, limit: int) -> Page:
        """One page of ids."""
        ...


class Spread(Protocol):
    """How to do one thing to each record: the `map` of a thread pool, or plain `map`."""

    def __call__(
        self, act: Callable[[Record], bool], records: Iterable[Record], /
    ) -> Iterable[bool]:
        """Results in the order of the records; an error of `act` is raised."""
        ...


class Together(Protocol):
    """How to walk the shards: one after another, or at once, each on a thread of its own."""

    def __call__(self, shards: Sequence[Iterator[_T]], /) -> Iterator[_T]:
        """What the shards give."""
        ...


def one_after_another(shards: Sequence[Iterator[_T]]) -> Iterator[_T]:
    """Without threads; each page is read when it is asked for."""
    return chain.from_iterable(shards)


def pages(table: PaymentsTable, index: Index) -> Iterator[Records]:
    """The records behind an index, strongly read; the index itself may be behind."""
    return each_page(table, index, lambda records: records)


def each_page(
    table: PaymentsTable,
    index: Index,
    act: Callable[[Records], _T],
    *,
    known: Container[str] = (),
    together: Together = one_after_another,
) -> Generator[_T]:
    """What an act on each page of the records behind an index comes to.

    Close it when it is left early: threads may be at work.

    Args:
        table: where the records are read, strongly.
        index: of it; it may be behind.
        act: is done to a page where that was read, so several may be under way.
        known: ids that are left out.
        together: how the shards are walked.
    """
    shards = [_acts(table, index, act, shard, known) for shard in range(UNCONFIRMED_SHARDS)]
    yield from together(shards)


def _acts(
    table: PaymentsTable,
    index: Index,
    act: Callable[[Records], _T],
    shard: int,
    known: Container[str],
) -> Iterator[_T]:
    for payment_ids in islice(_pages_of(index, shard), _PAGES_MAX):
        wanted = [payment_id for payment_id in payment_ids if payment_id not in known]
        if wanted:
            yield act(tuple(table.get_many(wanted)))


def _pages_of(index: Index, shard: int) -> Iterator[tuple[str, ...]]:
    page = index(shard, cursor=None, limit=PAGE)
    yield page.payment_ids
    while page.cursor is not None:
        page = index(shard, cursor=page.cursor, limit=PAGE)
        yield page.payment_ids
