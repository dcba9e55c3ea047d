"""Do provider, payments table and ledger say the same? Each difference with its cause.

The payments table is the truth; what the other two have is compared with what it implies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, Protocol

from payment_dr.payments.completing import LOOK_UP_LAGS_S
from payment_dr.payments.journal import Booking, bookings_of
from payment_dr.payments.ports import ProviderOutcome, Succeeded
from payment_dr.payments.record import Operation, OperationKind, OperationState, Record


@unique
class Cause(StrEnum):
    """Why the three do not agree."""

    PENDING = "pending"
    """An operation is open and nobody works on it."""
    BOOKING_MISSING = "booking missing"
    """The ledger has nothing of a decided operation."""
    EVENT_MISSING = "event missing"
    """The ledger has the journal entry and not its event."""
    POSTING_MISSING = "posting missing"
    """The ledger has the event and not its postings."""
    POSTING_DIFFERS = "posting differs"
    """The ledger's postings are not those that the record implies."""
    PROJECTION_BEHIND = "projection behind"
    """The ledger's row of the payment is not as its latest booking left it."""
    TOTAL_DIFFERS = "total differs"
    """A maintained total is not the sum of the postings."""
    PROVIDER_DISAGREES = "provider disagrees"
    """The provider's outcome of an operation is not the record's."""
    PROVIDER_SILENT = "provider silent"
    """The provider did not say; nothing is known."""
    RECORD_MISSING = "record missing"
    """The ledger has a payment that the payments table does not have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One difference; `subject` is a payment's id, or merchant, currency and account of a total."""

    cause: Cause
    subject: str
    operation_id: str | None = None
    detail: str = ""
    repaired: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Projected:
    """The ledger's row of a payment; sums in minor units."""

    status: str
    captured: int
    refunded: int
    fees: int
    order: int


Legs = frozenset[tuple[str, int]]
"""Account and minor units of each posting of an entry; an account occurs once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BookedPayment:
    """What the ledger has of a payment: events, postings by entry, its row."""

    events: frozenset[str] = frozenset()
    entries: Mapping[str, Legs]
    projected: Projected | None = None


NOTHING: Final = BookedPayment(entries={})


@dataclass(frozen=True, kw_only=True, slots=True)
class TotalDifference:
    """A maintained total and the sum of the postings, in minor units."""

    merchant: str
    currency: str
    account: str
    maintained: int
    posted: int


class LedgerAudit(Protocol):
    """Reads of the ledger for reconciliation; every method may raise `UnavailableError`."""

    def booked(self, payment_ids: Sequence[str]) -> Mapping[str, BookedPayment]:
        """What the ledger has of them; those of which it has nothing are left out."""
        ...

    def totals(self) -> Sequence[TotalDifference]:
        """Totals that are not the sums of their postings."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciliation:
    """What was looked at and what was found."""

    payments: int
    differences: tuple[Difference, ...]

    @property
    def remaining(self) -> tuple[Difference, ...]:
        """What could not be repaired."""
        return tuple(one for one in self.differences if not one.repaired)


def ledger_differences(record: Record, booked: BookedPayment) -> list[Difference]:
    """Where the ledger does not have what the record implies."""
    bookings = bookings_of(record)
    found: list[Difference] = []
    for booking in bookings:
        cause = _cause_of(booking, booked)
        if cause is not None:
            found.append(difference(cause, record, booking.operation_id, booking.type))
    known = [booking for booking in bookings if booking.operation_id in booked.events]
    if known and booked.projected != _projection(known[-1]):
        found.append(difference(Cause.PROJECTION_BEHIND, record, None, ""))
    return found


def is_comparable(record: Record, operation: Operation) -> bool:
    """Whether the provider's look-up can tell something about a decided operation.

    A capture or a void is a change of the payment at the provider: what was refused cannot be told
    from what another one did. A charge that was voided since looks like one that failed.
    """
    if operation.state is OperationState.PENDING:
        return False
    if operation.kind in {OperationKind.CAPTURE, OperationKind.VOID}:
        return operation.state is OperationState.SUCCEEDED
    voided = any(
        other.kind is OperationKind.VOID and other.state is OperationState.SUCCEEDED
        for other in record.operations
    )
    if operation.kind is OperationKind.CHARGE and voided:
        return False
    # Without the charge there is nothing at the provider that a refund could be looked up by.
    return operation.kind is OperationKind.CHARGE or (
        record.operations[0].provider_reference is not None
    )


def provider_disagrees(
    operation: Operation, outcome: ProviderOutcome | None, now: float
) -> str | None:
    """How the provider's outcome contradicts a decided operation; None if it does not.

    That nothing is found says nothing of an operation younger than the provider's search.
    """
    if operation.state is OperationState.DECLINED:
        return "it succeeded there" if isinstance(outcome, Succeeded) else None
    if outcome is None:
        is_young = now - (operation.decided_at or operation.started_at) < LOOK_UP_LAGS_S
        return None if is_young else "it is not found there"
    if not isinstance(outcome, Succeeded):
        return f"it is declined there: {outcome.code}"
    if outcome.reference != operation.provider_reference:
        return f"it is {outcome.reference} there"
    return None


def _cause_of(booking: Booking, booked: BookedPayment) -> Cause | None:
    has_event = booking.operation_id in booked.events
    legs = booked.entries.get(booking.operation_id)
    implied = frozenset((leg.account.value, leg.minor_units) for leg in booking.postings)
    if not has_event:
        return Cause.BOOKING_MISSING if legs is None else Cause.EVENT_MISSING
    if legs is None:
        return Cause.POSTING_MISSING if implied else None
    return None if legs == implied else Cause.POSTING_DIFFERS


def _projection(latest: Booking) -> Projected:
    now = latest.payment
    return Projected(
        status=now.status,
        captured=now.captured,
        refunded=now.refunded,
        fees=now.fees,
        order=latest.order,
    )


def difference(cause: Cause, record: Record, operation_id: str | None, detail: str) -> Difference:
    """A difference of a payment."""
    return Difference(
        cause=cause, subject=record.payment_id, operation_id=operation_id, detail=detail
    )


def of_total(total: TotalDifference) -> Difference:
    """A total as a difference."""
    return Difference(
        cause=Cause.TOTAL_DIFFERS,
        subject=f"{total.merchant} {total.currency} {total.account}",
        detail=f"maintained {total.maintained}, posted {total.posted}",
    )
