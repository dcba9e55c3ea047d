"""What a decided operation leaves in the ledger, derived from its record alone.

Each leaves one event, and a journal entry of balanced postings if it moved money. Both are the
same whoever derives them and whenever: the ledger can be made again from the records.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, assert_never

from payment_dr.payments.record import (
    Operation,
    OperationKind,
    OperationState,
    PaymentState,
    Record,
    captured_of,
    fees_of,
    refunded_of,
    state_of,
)


@unique
class Account(StrEnum):
    """Accounts per merchant and currency.

    What the provider owes us (an asset), what we owe the merchant (a liability), what the merchant
    pays us (income), and what was given back to payers, which lowers what we owe the merchant.
    """

    PROVIDER_RECEIVABLE = "provider_receivable"
    MERCHANT_PAYABLE = "merchant_payable"
    FEES = "fees"
    REFUNDS = "refunds"


@unique
class EventType(StrEnum):
    """What an event says happened to a payment."""

    AUTHORISED = "payment.authorised"
    CAPTURED = "payment.captured"
    DECLINED = "payment.declined"
    CAPTURE_DECLINED = "payment.capture_declined"
    REFUNDED = "payment.refunded"
    REFUND_DECLINED = "payment.refund_declined"
    VOIDED = "payment.voided"
    VOID_DECLINED = "payment.void_declined"


_DECLINES: Final = {
    OperationKind.CHARGE: EventType.DECLINED,
    OperationKind.CAPTURE: EventType.CAPTURE_DECLINED,
    OperationKind.REFUND: EventType.REFUND_DECLINED,
    OperationKind.VOID: EventType.VOID_DECLINED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Posting:
    """One leg; debits are positive minor units, credits negative."""

    account: Account
    minor_units: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentNow:
    """The payment as the operation left it; sums in minor units, time in Unix seconds."""

    status: PaymentState
    amount: int
    captured: int
    refunded: int
    fees: int
    created_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Booking:
    """One decided operation in the ledger: its event, and its postings if it moved money.

    `operation_id` names event and journal entry, hence there is at most one of each. `order` is
    the operation's place in its payment, from 1: events of a payment in their order. `amount` is
    the operation's own in minor units, `postings` are none or sum to zero. `request_id` is that of
    the request that claimed the operation, None if it is not known.
    """

    operation_id: str
    payment_id: str
    merchant: str
    kind: OperationKind
    type: EventType
    order: int
    currency: str
    amount: int
    decline_code: str | None
    postings: tuple[Posting, ...]
    payment: PaymentNow
    occurred_at: float
    request_id: str | None = None

    @property
    def moved_minor(self) -> int:
        """The money that it moves in either direction, in minor units; 0 without postings."""
        return sum(max(leg.minor_units, 0) for leg in self.postings)


def booking_of(record: Record, operation: Operation) -> Booking | None:
    """The booking of one of the record's operations, None while it is pending."""
    if operation.state is OperationState.PENDING:
        return None
    order = 1 + record.operations.index(operation)
    until = record.operations[:order]
    return Booking(
        operation_id=operation.operation_id,
        payment_id=record.payment_id,
        merchant=record.merchant,
        kind=operation.kind,
        type=_type_of(operation),
        order=order,
        currency=record.money.currency,
        amount=operation.amount_minor,
        decline_code=operation.decline_code,
        postings=_postings_of(operation),
        payment=PaymentNow(
            status=state_of(until),
            amount=record.money.minor_units,
            captured=captured_of(until),
            refunded=refunded_of(until),
            fees=fees_of(until),
            created_at=record.created_at,
        ),
        occurred_at=operation.started_at if operation.decided_at is None else operation.decided_at,
        request_id=operation.request_id or None,
    )


def bookings_of(record: Record) -> tuple[Booking, ...]:
    """Every booking that the record implies, oldest first."""
    found = (booking_of(record, operation) for operation in record.operations)
    return tuple(booking for booking in found if booking is not None)


def _type_of(operation: Operation) -> EventType:
    if operation.state is OperationState.DECLINED:
        return _DECLINES[operation.kind]
    match operation.kind:
        case OperationKind.CHARGE:
            return EventType.CAPTURED if operation.capture else EventType.AUTHORISED
        case OperationKind.CAPTURE:
            return EventType.CAPTURED
        case OperationKind.REFUND:
            return EventType.REFUNDED
        case OperationKind.VOID:
            return EventType.VOIDED
        case unreachable:
            assert_never(unreachable)


def _postings_of(operation: Operation) -> tuple[Posting, ...]:
    """Balanced legs; none if no money moved."""
    amount, fee = operation.amount_minor, operation.fee_minor
    if operation.moves_in:
        legs = (
            Posting(account=Account.PROVIDER_RECEIVABLE, minor_units=amount),
            Posting(account=Account.MERCHANT_PAYABLE, minor_units=fee - amount),
            Posting(account=Account.FEES, minor_units=-fee),
        )
        return tuple(leg for leg in legs if leg.minor_units)
    if operation.moves_out:
        return (
            Posting(account=Account.REFUNDS, minor_units=amount),
            Posting(account=Account.PROVIDER_RECEIVABLE, minor_units=-amount),
        )
    return ()
