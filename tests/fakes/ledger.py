"""A ledger in memory: a writer, or a replica that lags, can be promoted and then lacks the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fakes.faults import Gate, open_gate
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.payments.jobs.rebuild import Advanced, Checkpoint, Kept
from payment_dr.payments.journal import Booking
from payment_dr.payments.ports import Posted, ReplicaView
from payment_dr.payments.reconciliation_report import BookedPayment, Projected


@dataclass(frozen=True, kw_only=True, slots=True)
class Transaction:
    """What one commit wrote: entries, or the stamp."""

    entries: tuple[Booking, ...] = ()
    stamp: Stamp | None = None
    kept: "tuple[Stamp, Kept] | None" = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """A ledger as it was at `at` (Unix seconds)."""

    entries: dict[str, Booking]
    stamp: Stamp | None
    kept: tuple[Stamp, Kept] | None
    at: float
    from_empty: bool = False


EMPTY = Backup(
    entries={}, stamp=Stamp(epoch=Epoch(0), site=None), kept=None, at=0.0, from_empty=True
)
"""A new database, whose schema is there."""


class FakeLedger:
    """Satisfies `RebuiltLedger`; `unfenced` is a planted bug: posting ignores the stamp."""

    def __init__(self, gate: Gate = open_gate, *, stamp: Stamp | None = None) -> None:
        self.entries: dict[str, Booking] = {}
        self.stamp = stamp
        self.kept: tuple[Stamp, Kept] | None = None
        self.unfenced = False
        self.from_empty = False
        self.source: FakeLedger | None = None
        self.feed: list[Transaction] = []
        self._replayed = 0
        self._gate = gate

    @property
    def in_recovery(self) -> bool:
        return self.source is not None

    def post(self, bookings: Sequence[Booking], stamp: Stamp) -> Posted:
        def act() -> Posted:
            if self.in_recovery:
                raise UnavailableError("cannot execute INSERT in a read-only transaction")
            if self.stamp != stamp and not self.unfenced:
                return Posted.FENCED
            absent = tuple(entry for entry in bookings if entry.operation_id not in self.entries)
            self._commit(Transaction(entries=absent))
            return Posted.DONE

        return self._gate("post", act)

    def view(self, operation_ids: Sequence[str]) -> ReplicaView:
        def act() -> ReplicaView:
            return ReplicaView(
                present=frozenset(self.entries.keys() & set(operation_ids)),
                stamp=self.stamp,
                in_recovery=self.in_recovery,
            )

        return self._gate("view", act)

    def checkpoint(self, stamp: Stamp) -> Kept | None:
        def act() -> Kept | None:
            return None if self.kept is None or self.kept[0] != stamp else self.kept[1]

        return self._gate("view", act)

    def rebuild_on(
        self, bookings: Sequence[Booking], stamp: Stamp, checkpoint: Checkpoint, *, based_on: int
    ) -> Advanced:
        def act() -> Advanced:
            if self.stamp != stamp or self.in_recovery:
                return Advanced.FENCED
            kept = self.kept[1] if self.kept is not None and self.kept[0] == stamp else None
            if based_on != (0 if kept is None else kept.revision):
                return Advanced.OVERTAKEN
            absent = tuple(entry for entry in bookings if entry.operation_id not in self.entries)
            after = stamp, Kept(revision=based_on + 1, checkpoint=checkpoint)
            self._commit(Transaction(entries=absent, kept=after))
            return Advanced.DONE

        return self._gate("post", act)

    def booked(self, payment_ids: Sequence[str]) -> Mapping[str, BookedPayment]:
        def act() -> Mapping[str, BookedPayment]:
            found: dict[str, list[Booking]] = {}
            for entry in self.entries.values():
                if entry.payment_id in payment_ids:
                    found.setdefault(entry.payment_id, []).append(entry)
            return {payment_id: booked_of(entries) for payment_id, entries in found.items()}

        return self._gate("view", act)

    def back_up(self, at: float) -> Backup:
        return Backup(
            entries=dict(self.entries),
            stamp=self.stamp,
            kept=self.kept,
            at=at,
            from_empty=self.from_empty,
        )

    def restore(self, backup: Backup) -> None:
        """Another database in the place of this one; whoever followed this one hears no more."""
        self.entries = dict(backup.entries)
        self.stamp, self.kept = backup.stamp, backup.kept
        self.from_empty = backup.from_empty
        self.source = None
        self.feed = []

    def orphan(self) -> None:
        """The writer that it followed is gone."""
        self.source, self._replayed = FakeLedger(), 0

    def write_stamp(self, stamp: Stamp) -> None:
        assert not self.in_recovery
        self._commit(Transaction(stamp=stamp))

    def follow(self, writer: "FakeLedger") -> None:
        """Become a replica of the writer as it is now; what this one had is gone."""
        self.entries = dict(writer.entries)
        self.stamp, self.kept = writer.stamp, writer.kept
        self.from_empty = writer.from_empty
        self.source = writer
        self.feed = []
        self._replayed = len(writer.feed)

    def catch_up(self, transactions: int | None = None) -> None:
        """Replay so many commits of the writer, or all."""
        assert self.source is not None
        end = None if transactions is None else self._replayed + transactions
        for transaction in self.source.feed[self._replayed : end]:
            self._commit(transaction)
            self._replayed += 1

    def promote(self) -> None:
        """Become a writer with what was replayed so far."""
        self.source = None

    def _commit(self, transaction: Transaction) -> None:
        self.feed.append(transaction)
        self.entries |= {entry.operation_id: entry for entry in transaction.entries}
        self.stamp = transaction.stamp or self.stamp
        self.kept = transaction.kept or self.kept


def booked_of(entries: Sequence[Booking]) -> BookedPayment:
    """What a ledger has of a payment that has these bookings."""
    latest = max(entries, key=lambda entry: entry.order)
    return BookedPayment(
        events=frozenset(entry.operation_id for entry in entries),
        entries={
            entry.operation_id: frozenset((p.account.value, p.minor_units) for p in entry.postings)
            for entry in entries
            if entry.postings
        },
        projected=Projected(
            status=latest.payment.status,
            captured=latest.payment.captured,
            refunded=latest.payment.refunded,
            fees=latest.payment.fees,
            order=latest.order,
        ),
    )
