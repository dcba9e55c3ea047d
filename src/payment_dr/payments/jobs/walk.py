"""Walking a sparse index shard by shard, page by page, bounded."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, Protocol

from payment_dr.payments.ports import Page, PaymentsTable
from payment_dr.payments.record import UNCONFIRMED_SHARDS, Record

PAGE: Final = 200
"""Records per page, hence about as many entries per ledger transaction."""

_PAGES_MAX: Final = 50_000
"""Bound on the pages of one shard: ten million records."""


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


def pages(table: PaymentsTable, index: Index) -> Iterator[tuple[Record, ...]]:
    """The records behind an index, strongly read; the index itself may be behind."""
    for shard in range(UNCONFIRMED_SHARDS):
        for payment_ids in islice(_pages_of(index, shard), _PAGES_MAX):
            if payment_ids:
                yield tuple(table.get_many(payment_ids))


def _pages_of(index: Index, shard: int) -> Iterator[tuple[str, ...]]:
    page = index(shard, cursor=None, limit=PAGE)
    yield page.payment_ids
    while page.cursor is not None:
        page = index(shard, cursor=page.cursor, limit=PAGE)
        yield page.payment_ids
