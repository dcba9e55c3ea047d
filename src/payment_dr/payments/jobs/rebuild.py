"""Rebuild: completes a writing ledger, an older backup or an empty one, from the payments table.

Two scans of the whole table, confirmed records too, for an older backup may lack what the lost one
had. The first posts what is missing; the second compares, payment by payment. Who dies leaves a
checkpoint in the ledger itself, written in the transaction that books.

A confirmation says of a record that the replica of the lost writer had it. It would be said of this
ledger's replica too, which need not have what is posted now: so each record is marked as
unconfirmed, in a new version, before what it lacks is posted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from typing import Final, Protocol

from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Stamp
from payment_dr.payments.jobs.reconcile import FencedError
from payment_dr.payments.jobs.walk import Spread
from payment_dr.payments.journal import Booking, bookings_of
from payment_dr.payments.ports import Ledger, PaymentsTable
from payment_dr.payments.reconciliation_report import (
    NOTHING,
    BookedPayment,
    Cause,
    Difference,
    ledger_differences,
)
from payment_dr.payments.record import Record
from payment_dr.payments.transitions import unconfirmed_again
from payment_dr.payments.writing import Write, write

PAGE: Final = 200
"""Records per look at the ledger, hence about as many bookings per transaction."""

YOUNG_S: Final = 60.0
"""What was decided at most so long before the scan began may have been written after it passed:
the time of a request, and clocks that differ. It is unconfirmed, and left to reconciliation."""

DIFFERENCES_KEPT: Final = 100
"""Differences kept with the checkpoint; all of them are counted."""

_MARK_TRIES: Final = 5


@unique
class Scan(StrEnum):
    """Which scan is under way. DIFFERS: the comparison found something; the next begins anew."""

    POSTING = "posting"
    COMPARING = "comparing"
    DIFFERS = "differs"
    DONE = "done"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Bookings, and the money that they moved in either direction, in minor units."""

    bookings: int = 0
    money: int = 0


Tallies = Mapping[str, Tally]
"""By currency."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """How far the ledger is.

    `records` counts the scan under way, `payments` the one that posted; `posted` is what that one
    added. `implied` by the payments table and `held` by the ledger are of the comparison; `young`
    counts bookings that neither has, since they were decided after the scan began. `worked_s` are
    the seconds of all who worked on the scan under way.
    """

    scan: Scan
    started_at: float
    cursor: str | None = None
    records: int = 0
    payments: int = 0
    posted: Tallies = field(default_factory=dict[str, Tally])
    implied: Tallies = field(default_factory=dict[str, Tally])
    held: Tallies = field(default_factory=dict[str, Tally])
    young: int = 0
    differing: int = 0
    differences: tuple[Difference, ...] = ()
    worked_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A checkpoint as it is stored; `revision` 0 stands for none."""

    revision: int
    checkpoint: Checkpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanPage:
    """Records of a scan; `cursor` is None on the last page. A page may be empty."""

    records: tuple[Record, ...]
    cursor: str | None


class RecordScan(Protocol):
    """The whole payments table."""

    def scan(self, *, cursor: str | None, limit: int) -> ScanPage:
        """Strongly consistent; what is written behind the cursor meanwhile is not seen."""
        ...


@unique
class Advanced(StrEnum):
    """What became of bookings and checkpoint; all or nothing."""

    DONE = "done"
    FENCED = "fenced"
    OVERTAKEN = "overtaken"


class RebuiltLedger(Ledger, Protocol):
    """A ledger that keeps how far it is completed."""

    def checkpoint(self, stamp: Stamp) -> Kept | None:
        """The checkpoint of that stamp; None before the first."""
        ...

    def rebuild_on(
        self, bookings: Sequence[Booking], stamp: Stamp, checkpoint: Checkpoint, *, based_on: int
    ) -> Advanced:
        """Book what is absent and store the checkpoint, if its revision is still `based_on`."""
        ...

    def booked(self, payment_ids: Sequence[str]) -> Mapping[str, BookedPayment]:
        """What it has of them; those of which it has nothing are left out."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuild:
    """Works on the ledger that a move has stamped; two at once do no harm."""

    table: PaymentsTable
    scan: RecordScan
    ledger: RebuiltLedger
    clock: Clock
    spread: Spread

    def advance(self, stamp: Stamp) -> Checkpoint:
        """One page further; the checkpoint as it is stored then.

        Raises:
            FencedError: the ledger carries another stamp; nothing was posted.
            UnavailableError: something did not answer; again goes on.
        """
        kept = self.ledger.checkpoint(stamp)
        if kept is None or kept.checkpoint.scan is Scan.DIFFERS:
            first = Checkpoint(scan=Scan.POSTING, started_at=self.clock.now())
            return self._keep((), stamp, first, 0 if kept is None else kept.revision)
        if kept.checkpoint.scan is Scan.DONE:
            return kept.checkpoint
        begun = self.clock.monotonic()
        page = self.scan.scan(cursor=kept.checkpoint.cursor, limit=PAGE)
        act = self._post if kept.checkpoint.scan is Scan.POSTING else self._compare
        bookings, reached = act(kept.checkpoint, page)
        worked_s = kept.checkpoint.worked_s + self.clock.monotonic() - begun
        further = replace(
            reached,
            cursor=page.cursor,
            records=reached.records + len(page.records),
            worked_s=worked_s,
        )
        last = further if page.cursor is not None else _next_scan(further)
        return self._keep(bookings, stamp, last, kept.revision)

    def _keep(
        self, bookings: Sequence[Booking], stamp: Stamp, reached: Checkpoint, revision: int
    ) -> Checkpoint:
        advanced = self.ledger.rebuild_on(bookings, stamp, reached, based_on=revision)
        if advanced is Advanced.FENCED:
            raise FencedError(stamp)
        if advanced is Advanced.OVERTAKEN:
            raise UnavailableError("another runner of this move went on first; looking again")
        return reached

    def _post(self, checkpoint: Checkpoint, page: ScanPage) -> tuple[Sequence[Booking], Checkpoint]:
        """What the ledger lacks of the page, of records as they are marked."""
        wanted = [b.operation_id for record in page.records for b in bookings_of(record)]
        present = self.ledger.view(wanted).present if wanted else frozenset[str]()
        lacking = [r for r in page.records if _absent(r, present)]
        marked: dict[str, Record] = {}

        def mark(record: Record) -> bool:
            marked[record.payment_id] = _marked(self.table, record, self.clock.now())
            return True

        all(self.spread(mark, lacking))
        bookings = [b for r in lacking for b in _absent(marked[r.payment_id], present)]
        tallies = _added(checkpoint.posted, ((b.currency, 1, b.moved_minor) for b in bookings))
        return bookings, replace(checkpoint, posted=tallies)

    def _compare(
        self, checkpoint: Checkpoint, page: ScanPage
    ) -> tuple[Sequence[Booking], Checkpoint]:
        """What table and ledger have of the page, and where they differ; posts nothing."""
        ids = [record.payment_id for record in page.records]
        booked = self.ledger.booked(ids)
        since = checkpoint.started_at - YOUNG_S
        implied, held, young = checkpoint.implied, checkpoint.held, checkpoint.young
        found: list[Difference] = []
        for record in page.records:
            has, currency = booked.get(record.payment_id, NOTHING), record.money.currency
            late = _young(record, has, since)
            wanted = [b for b in bookings_of(record) if b.operation_id not in late]
            implied = _added(implied, ((currency, 1, b.moved_minor) for b in wanted))
            held = _added(held, [(currency, len(has.events), _money_of(has))])
            young += len(late)
            found += [
                one
                for one in ledger_differences(record, has)
                if one.cause is not Cause.BOOKING_MISSING or one.operation_id not in late
            ]
        kept = (*checkpoint.differences, *found)[:DIFFERENCES_KEPT]
        reached = replace(
            checkpoint,
            implied=implied,
            held=held,
            young=young,
            differing=checkpoint.differing + len(found),
            differences=kept,
        )
        return (), reached


def _next_scan(ended: Checkpoint) -> Checkpoint:
    if ended.scan is Scan.POSTING:
        return replace(
            ended, scan=Scan.COMPARING, payments=ended.records, records=0, worked_s=0.0, cursor=None
        )
    is_equal = not ended.differing and ended.implied == ended.held
    return replace(ended, scan=Scan.DONE if is_equal else Scan.DIFFERS)


def _absent(record: Record, present: frozenset[str]) -> list[Booking]:
    return [b for b in bookings_of(record) if b.operation_id not in present]


def _marked(table: PaymentsTable, record: Record, now: float) -> Record:
    """The record as it stands, unconfirmed in a version that nobody can have confirmed.

    Raises:
        UnavailableError: it kept changing, or the table did not answer.
    """
    for _ in range(_MARK_TRIES):
        marked = unconfirmed_again(record, now)
        if write(table, marked) is Write.DONE:
            return marked
        stored = table.get(record.payment_id)
        if stored is None or stored == marked:
            # Gone: it expired, so every backup has it; posted again it does no harm.
            return marked
        record = stored
    raise UnavailableError(f"payment {record.payment_id} kept changing; scanning goes on")


def _young(record: Record, has: BookedPayment, since: float) -> frozenset[str]:
    """Operations that were decided too late for the scan, and that reconciliation will post."""
    if record.unconfirmed is None:
        return frozenset()
    return frozenset(
        b.operation_id
        for b in bookings_of(record)
        if b.occurred_at > since
        and b.operation_id not in has.events
        and b.operation_id not in has.entries
    )


def _money_of(has: BookedPayment) -> int:
    return sum(max(units, 0) for legs in has.entries.values() for _, units in legs)


def _added(tallies: Tallies, more: Iterable[tuple[str, int, int]]) -> Tallies:
    """With more bookings and money of some currencies."""
    sums = dict(tallies)
    for currency, bookings, money in more:
        if not bookings and not money:
            continue
        had = sums.get(currency, Tally())
        sums[currency] = Tally(bookings=had.bookings + bookings, money=had.money + money)
    return sums
