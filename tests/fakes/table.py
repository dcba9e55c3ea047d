"""The payments table in memory: linearizable items, sparse indexes that may lag behind."""

import threading
from collections.abc import Callable, Sequence

from fakes.faults import Gate, open_gate
from payment_dr.payments.jobs.rebuild import ScanPage
from payment_dr.payments.ports import Page
from payment_dr.payments.record import Record, shard_of


class FakePaymentsTable:
    """Satisfies `PaymentsTable`, `RecordScan` and `ExpiringTable`; `removed` are the expired.

    `lagging`: the indexes show the items as of the last `refresh_indexes`. `unconditional` is
    a planted bug: writes ignore their condition.
    """

    def __init__(self, gate: Gate = open_gate, *, lagging: bool = False) -> None:
        self.records: dict[str, Record] = {}
        self.removed: dict[str, Record] = {}
        self.lagging = lagging
        self.unconditional = False
        self._indexed: dict[str, Record] = {}
        self._gate = gate
        self._lock = threading.RLock()

    def get(self, payment_id: str) -> Record | None:
        return self._gate("get", lambda: self.records.get(payment_id))

    def get_many(self, payment_ids: Sequence[str]) -> Sequence[Record]:
        def act() -> Sequence[Record]:
            return [self.records[key] for key in payment_ids if key in self.records]

        return self._gate("get_many", act)

    def put_if_absent(self, record: Record) -> Record | None:
        def act() -> Record | None:
            with self._lock:
                existing = self.records.get(record.payment_id)
                if existing is None:
                    self.records[record.payment_id] = record
                return existing

        return self._gate("put", act)

    def replace(self, record: Record, *, based_on: int) -> bool:
        def act() -> bool:
            with self._lock:
                stored = self.records.get(record.payment_id)
                fits = stored is not None and stored.version == based_on
                if fits or self.unconditional:
                    self.records[record.payment_id] = record
                return fits or self.unconditional

        return self._gate("replace", act)

    def unconfirmed(self, shard: int, *, cursor: str | None, limit: int) -> Page:
        return self._page(lambda record: record.unconfirmed == shard, cursor, limit)

    def open_operations(self, shard: int, *, cursor: str | None, limit: int) -> Page:
        def fits(record: Record) -> bool:
            return record.pending is not None and shard_of(record.payment_id) == shard

        return self._page(fits, cursor, limit)

    def scan(self, *, cursor: str | None, limit: int) -> ScanPage:
        def act() -> ScanPage:
            rest = [key for key in sorted(self.records) if cursor is None or key > cursor]
            page = rest[:limit]
            return ScanPage(
                records=tuple(self.records[key] for key in page),
                cursor=page[-1] if len(rest) > limit else None,
            )

        return self._gate("index", act)

    def delete_expired(self, payment_id: str, *, based_on: int) -> bool:
        def act() -> bool:
            with self._lock:
                stored = self.records.get(payment_id)
                fits = stored is not None and stored.version == based_on
                if fits and stored is not None:
                    self.removed[payment_id] = self.records.pop(payment_id)
                return fits

        return self._gate("replace", act)

    def refresh_indexes(self) -> None:
        self._indexed = dict(self.records)

    def _page(self, fits: Callable[[Record], bool], cursor: str | None, limit: int) -> Page:
        def act() -> Page:
            source = self._indexed if self.lagging else self.records
            ids = sorted(key for key, record in source.items() if fits(record))
            rest = [key for key in ids if cursor is None or key > cursor]
            page = tuple(rest[:limit])
            return Page(payment_ids=page, cursor=page[-1] if len(rest) > limit else None)

        return self._gate("index", act)


class FakeBookmark:
    """Satisfies `Bookmark`."""

    def __init__(self) -> None:
        self.cursor: str | None = None

    def read(self) -> str | None:
        return self.cursor

    def write(self, cursor: str | None) -> None:
        self.cursor = cursor
