"""A ledger in memory: a writer, or a replica that lags, can be promoted and then lacks the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

from fakes.faults import Gate, open_gate
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Stamp
from payment_dr.payments.journal import Booking
from payment_dr.payments.ports import Posted, ReplicaView


@dataclass(frozen=True, kw_only=True, slots=True)
class Transaction:
    """What one commit wrote: entries, or the stamp."""

    entries: tuple[Booking, ...] = ()
    stamp: Stamp | None = None


class FakeLedger:
    """Satisfies `Ledger`; `unfenced` is a planted bug: posting ignores the stamp."""

    def __init__(self, gate: Gate = open_gate, *, stamp: Stamp | None = None) -> None:
        self.entries: dict[str, Booking] = {}
        self.stamp = stamp
        self.unfenced = False
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

    def write_stamp(self, stamp: Stamp) -> None:
        assert not self.in_recovery
        self._commit(Transaction(stamp=stamp))

    def follow(self, writer: "FakeLedger") -> None:
        """Become a replica of the writer as it is now; what this one had is gone."""
        self.entries = dict(writer.entries)
        self.stamp = writer.stamp
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
