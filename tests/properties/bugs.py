"""Planted bugs: each is one wrong part in the composition, to be caught by some invariant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto, unique

from fakes.faults import Gate
from fakes.ledger import FakeLedger
from fakes.provider import FakeProvider
from fakes.table import FakePaymentsTable
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.payments.journal import Booking
from payment_dr.payments.ports import (
    ControlReader,
    ControlView,
    Declined,
    Posted,
    ProviderCall,
    ProviderOutcome,
    ReplicaView,
)
from payment_dr.payments.record import Record


@unique
class Bug(Enum):
    """What is wrong with the composition."""

    TIMEOUT_IS_A_DECLINE = auto()
    POSTING_WITHOUT_STAMP_CHECK = auto()
    ACKNOWLEDGED_BEFORE_DECIDED = auto()
    CONFIRMED_ANYWHERE = auto()
    SENT_AGAIN_AFTER_KEYS_EXPIRED = auto()
    UNCONDITIONAL_WRITES = auto()
    REBUILD_TRUSTS_CONFIRMATIONS = auto()
    REBUILD_LEAVES_CONFIRMATIONS = auto()
    SUPERSEDED_SCAN_IS_DROPPED = auto()
    EXPIRES_UNCONFIRMED = auto()
    EXPIRES_BEFORE_THE_BACKUPS = auto()


class ImpatientProvider(FakeProvider):
    """Treats a time-out as a decline."""

    def perform(self, call: ProviderCall) -> ProviderOutcome:
        try:
            return super().perform(call)
        except UnavailableError:
            return Declined(code="timeout", reference=None)


class HastyTable(FakePaymentsTable):
    """Says that a decision is written before it is; `flush` writes, a lost site forgets."""

    def __init__(self, table: FakePaymentsTable, gate: Gate) -> None:
        super().__init__(gate)
        self.records = table.records
        self.unwritten: list[Callable[[], object]] = []

    def replace(self, record: Record, *, based_on: int) -> bool:
        if record.pending is not None:
            return super().replace(record, based_on=based_on)
        write = super().replace
        self.unwritten.append(lambda: write(record, based_on=based_on))
        return True

    def flush(self) -> None:
        while self.unwritten:
            self.unwritten.pop(0)()


class TrustingTable(FakePaymentsTable):
    """Says that a record is marked as unconfirmed, and leaves it as it is."""

    def __init__(self, table: FakePaymentsTable) -> None:
        super().__init__()
        self.records = table.records

    def replace(self, record: Record, *, based_on: int) -> bool:
        return self.records[record.payment_id].version == based_on


@dataclass(frozen=True, kw_only=True, slots=True)
class CredulousLedger:
    """Shows any ledger as a replica of the active writer."""

    ledger: FakeLedger
    site: SiteName
    control: ControlReader

    def post(self, bookings: Sequence[Booking], stamp: Stamp) -> Posted:
        return self.ledger.post(bookings, stamp)

    def view(self, operation_ids: Sequence[str]) -> ReplicaView:
        stamp = credulous(self.control, self.site)().confirming_stamp(self.site)
        return replace(self.ledger.view(operation_ids), in_recovery=True, stamp=stamp)


def credulous(control: ControlReader, site: SiteName) -> ControlReader:
    """Says that the phase is steady and some other site than `site` is active."""

    def read() -> ControlView:
        return replace(control(), steady=True, active=SiteName(f"other than {site}"))

    return read
