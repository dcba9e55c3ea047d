"""A payments table that others see late: the mistake that two negative controls are made of.

The process reads its own writes at once, from memory; the real table gets them `delay_s` later.
So everything looks right, until the process dies.
"""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError
from payment_dr.payments.jobs.walk import Spread
from payment_dr.payments.ports import Page, PaymentsTable
from payment_dr.payments.record import Record

WAITING_MAX: Final = 10_000
"""Bound on writes that wait: at 200 a second and a delay of a second, fifty times the need."""


class DelayedTable:
    """`payments.ports.PaymentsTable` over another one; safe to share between threads.

    Args:
        table: the real one; gets each record as it is when its time has come.
        clock: tells when that is.
        delay_s: seconds from a write to its delivery.
    """

    def __init__(self, table: PaymentsTable, clock: Clock, *, delay_s: float) -> None:
        self._table = table
        self._clock = clock
        self._delay_s = delay_s
        self._lock = threading.Lock()
        self._local: dict[str, Record] = {}
        self._due: deque[tuple[float, str]] = deque()

    def get(self, payment_id: str) -> Record | None:
        """What this process wrote last, else what the table holds."""
        with self._lock:
            local = self._local.get(payment_id)
        return local or self._table.get(payment_id)

    def get_many(self, payment_ids: Sequence[str]) -> Sequence[Record]:
        """As `get`, for each."""
        found = {record.payment_id: record for record in self._table.get_many(payment_ids)}
        with self._lock:
            found |= {i: self._local[i] for i in payment_ids if i in self._local}
        return list(found.values())

    def put_if_absent(self, record: Record) -> Record | None:
        """Keep a new record in memory; it is absent as far as this process can see."""
        earlier = self.get(record.payment_id)
        with self._lock:
            earlier = self._local.get(record.payment_id, earlier)
            if earlier is None:
                self._keep(record)
        return earlier

    def replace(self, record: Record, *, based_on: int) -> bool:
        """Keep a record in memory if `based_on` is the version that this process can see."""
        stored = self.get(record.payment_id)
        with self._lock:
            stored = self._local.get(record.payment_id, stored)
            if stored is None or stored.version != based_on:
                return False
            self._keep(record)
        return True

    def unconfirmed(self, shard: int, *, cursor: str | None, limit: int) -> Page:
        """From the real table."""
        return self._table.unconfirmed(shard, cursor=cursor, limit=limit)

    def open_operations(self, shard: int, *, cursor: str | None, limit: int) -> Page:
        """From the real table."""
        return self._table.open_operations(shard, cursor=cursor, limit=limit)

    def deliver(self, spread: Spread) -> int:
        """Write to the real table what is due, and say how much that was.

        A record is written as it is by now; what the table did not take stays due.
        """
        with self._lock:
            now = self._clock.monotonic()
            due: dict[str, Record] = {}
            while self._due and self._due[0][0] <= now:
                payment_id = self._due.popleft()[1]
                if payment_id in self._local:
                    due[payment_id] = self._local[payment_id]
        return sum(spread(self._deliver, due.values()))

    def _deliver(self, record: Record) -> bool:
        try:
            self._write(record)
        except UnavailableError:
            with self._lock:
                self._due.appendleft((0.0, record.payment_id))
            return False
        with self._lock:
            if self._local.get(record.payment_id) is record:
                del self._local[record.payment_id]
        return True

    def _keep(self, record: Record) -> None:
        if len(self._due) >= WAITING_MAX:
            raise UnavailableError(f"{WAITING_MAX} writes wait for their delivery already")
        self._local[record.payment_id] = record
        self._due.append((self._clock.monotonic() + self._delay_s, record.payment_id))

    def _write(self, record: Record) -> None:
        """The last writer wins, as in a table that is copied asynchronously."""
        stored = self._table.put_if_absent(record)
        if stored is not None:
            version = max(record.version, stored.version + 1)
            self._table.replace(replace(record, version=version), based_on=stored.version)
