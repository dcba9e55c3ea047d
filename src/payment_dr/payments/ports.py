"""What the protocol needs from the world: the payments table, the ledger, the provider.

Every method may raise `UnavailableError`. From a writing method with `definite=False` it means
the effect may have happened: the caller reads back or answers "indeterminate", never "failed".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Protocol

from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.payments.journal import Booking
from payment_dr.payments.record import Operation, Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Ids from a sparse, eventually consistent index; `cursor` is None on the last page."""

    payment_ids: tuple[str, ...]
    cursor: str | None


class PaymentsTable(Protocol):
    """The MRSC table. Reads by id are linearizable, writes are conditional and per item."""

    def get(self, payment_id: str) -> Record | None:
        """Strongly consistent read."""
        ...

    def get_many(self, payment_ids: Sequence[str]) -> Sequence[Record]:
        """Strongly consistent reads, in any order, missing ones left out; up to 1,000 ids."""
        ...

    def put_if_absent(self, record: Record) -> Record | None:
        """Write a new record; None when written, the existing record when there was one."""
        ...

    def replace(self, record: Record, *, based_on: int) -> bool:
        """Write if the stored version is `based_on`; False when it is not.

        `ReplicatedWriteConflictException` is retried inside, within the call's deadline.
        """
        ...

    def unconfirmed(self, shard: int, *, cursor: str | None, limit: int) -> Page:
        """Ids of records whose `unconfirmed` is `shard`."""
        ...

    def open_operations(self, shard: int, *, cursor: str | None, limit: int) -> Page:
        """Ids of records of this `shard_of` that have a pending operation."""
        ...


@unique
class Posted(StrEnum):
    """What became of a batch of bookings; all or nothing."""

    DONE = "done"
    FENCED = "fenced"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplicaView:
    """One snapshot of a ledger: which asked bookings exist, its stamp, its recovery state."""

    present: frozenset[str]
    stamp: Stamp | None
    in_recovery: bool


class Ledger(Protocol):
    """The Aurora PostgreSQL cluster of this site: writer or replica, as the world has it."""

    def post(self, bookings: Sequence[Booking], stamp: Stamp) -> Posted:
        """Insert the absent bookings, events and postings, in one transaction.

        Locks the stamp row and requires it to equal `stamp`, else FENCED and nothing is written.
        Bookings already there are left as they are.
        """
        ...

    def view(self, operation_ids: Sequence[str]) -> ReplicaView:
        """Bookings by their operation's id, stamp and recovery state, read in one snapshot."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Succeeded:
    """The provider did it; `reference` is its id of the charge, capture, refund or void."""

    reference: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Declined:
    """The provider definitely refused; `code` is its reason, e.g. `card_declined`."""

    code: str
    reference: str | None


ProviderOutcome = Succeeded | Declined


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderCall:
    """An operation as the provider is asked to do it; `money` is the operation's own amount.

    `charge_reference` is the provider's id of the payment's charge; None for the charge itself.
    """

    payment_id: str
    merchant: str
    money: Money
    operation: Operation
    charge_reference: str | None


class Provider(Protocol):
    """Moves the money; honours an idempotency key for at least 24 h."""

    def perform(self, call: ProviderCall) -> ProviderOutcome:
        """Do the operation once under its id as idempotency key; a timeout is UnavailableError."""
        ...

    def look_up(self, call: ProviderCall) -> ProviderOutcome | None:
        """Find the outcome by operation id without sending it again.

        None only when it is definite that there is none; any doubt is UnavailableError.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlView:
    """What the protocol needs of the control record: phase STEADY or not, who is active, epoch.

    `until_paused` is the stamp that the source of a planned move carries until it pauses posting.
    """

    steady: bool
    active: SiteName
    epoch: Epoch
    until_paused: Stamp | None = None

    def is_active(self, site: SiteName) -> bool:
        """Whether `site` has the active role, and no move is under way."""
        return self.steady and self.active == site

    def posting_stamp(self, site: SiteName) -> Stamp | None:
        """The stamp under which `site` may post now; None when it may not."""
        if self.is_active(site):
            return Stamp(epoch=self.epoch, site=site)
        stamp = self.until_paused
        return stamp if stamp is not None and stamp.site == site else None

    def confirming_stamp(self, site: SiteName) -> Stamp | None:
        """The stamp that the replica at `site` must show to confirm; None when it may not."""
        if not self.steady or self.active == site:
            return None
        return Stamp(epoch=self.epoch, site=self.active)


ControlReader = Callable[[], ControlView]
"""Reads the control record; may raise UnavailableError. Who passes it says how fresh it is."""
