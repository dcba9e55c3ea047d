"""Double entry: the journal entry that a succeeded operation implies, derived from its record."""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import assert_never

from payment_dr.payments.record import Operation, OperationKind, OperationState, Record


@unique
class Account(StrEnum):
    """Accounts per merchant and currency."""

    PROVIDER_RECEIVABLE = "provider_receivable"
    MERCHANT_PAYABLE = "merchant_payable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Posting:
    """One leg; debits are positive minor units, credits negative."""

    account: Account
    minor_units: int


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """Balanced postings of one operation; `entry_id` is the operation's id, hence at most one."""

    entry_id: str
    payment_id: str
    merchant: str
    kind: OperationKind
    currency: str
    postings: tuple[Posting, ...]
    occurred_at: float


def entry_of(record: Record, operation: Operation) -> JournalEntry | None:
    """The entry of one operation, or None if it moves no money (pending, declined, authorise)."""
    if operation.state is not OperationState.SUCCEEDED:
        return None
    amount = _moved(operation)
    if not amount:
        return None
    return JournalEntry(
        entry_id=operation.operation_id,
        payment_id=record.payment_id,
        merchant=record.merchant,
        kind=operation.kind,
        currency=record.money.currency,
        postings=(
            Posting(account=Account.PROVIDER_RECEIVABLE, minor_units=amount),
            Posting(account=Account.MERCHANT_PAYABLE, minor_units=-amount),
        ),
        occurred_at=operation.started_at if operation.decided_at is None else operation.decided_at,
    )


def _moved(operation: Operation) -> int:
    """Minor units that the merchant gains by the operation; negative when it loses them."""
    match operation.kind:
        case OperationKind.VOID:
            return 0
        case OperationKind.CHARGE:
            return operation.amount_minor if operation.capture else 0
        case OperationKind.CAPTURE:
            return operation.amount_minor
        case OperationKind.REFUND:
            return -operation.amount_minor
        case unreachable:
            assert_never(unreachable)


def entries_of(record: Record) -> tuple[JournalEntry, ...]:
    """Every entry that the record implies, oldest first."""
    found = (entry_of(record, operation) for operation in record.operations)
    return tuple(entry for entry in found if entry is not None)
