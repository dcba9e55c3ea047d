"""Every change of a record as a pure function.

Each returns the next version, to be written only if the stored one is still what it was given.
"""

from dataclasses import dataclass, replace

from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.payments.fees import fee_of
from payment_dr.payments.ports import Declined, ProviderCall, ProviderOutcome, Succeeded
from payment_dr.payments.record import (
    Lease,
    Operation,
    OperationKind,
    OperationState,
    Record,
    operation_id,
    payment_id,
    shard_of,
)
from payment_dr.payments.requests import OperationRequest, PayRequest
from payment_dr.payments.responses import response_of
from payment_dr.payments.rules import refusal_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Author:
    """Who writes, where, in which epoch, when (Unix seconds), and how long its lease lasts."""

    owner: str
    site: SiteName
    epoch: Epoch
    now: float
    lease_s: float

    @property
    def lease(self) -> Lease:
        """A lease from now on."""
        return Lease(owner=self.owner, expires_at=self.now + self.lease_s)


def claim(request: PayRequest, author: Author) -> Record:
    """The first version of a payment: its charge is pending."""
    payment = payment_id(request.merchant, request.idempotency_key)
    return Record(
        payment_id=payment,
        merchant=request.merchant,
        money=request.money,
        operations=(_pending(request, payment, request.money.minor_units, author.now),),
        version=1,
        lease=author.lease,
        unconfirmed=None,
        epoch=author.epoch,
        site=author.site,
        created_at=author.now,
        updated_at=author.now,
        metadata=request.metadata,
    )


def with_operation(record: Record, request: OperationRequest, author: Author) -> Record:
    """The record with one more operation: pending, or declined if the rules do not allow it."""
    amount = record.money.minor_units if request.amount_minor is None else request.amount_minor
    operation = _pending(request, record.payment_id, amount, author.now)
    claimed = taken_over(record, author)
    refusal = refusal_of(record, request.kind, amount)
    if refusal is None:
        return replace(claimed, operations=(*record.operations, operation))
    return _with_last(claimed, operation, Declined(code=refusal, reference=None), author.now)


def taken_over(record: Record, author: Author) -> Record:
    """The record under the author's lease."""
    return replace(
        record,
        version=record.version + 1,
        lease=author.lease,
        epoch=author.epoch,
        site=author.site,
        updated_at=author.now,
    )


def released(record: Record, now: float) -> Record:
    """The record without a lease, so that the next comer need not wait for its end."""
    return replace(record, version=record.version + 1, lease=None, updated_at=now)


def decided(
    record: Record, outcome: ProviderOutcome, now: float, *, fee_basis_points: int = 0
) -> Record:
    """The record with its last operation, which is pending, decided and answered.

    `fee_basis_points` is the fee in force now, in hundredths of a percent of what is captured.
    """
    base = replace(record, operations=record.operations[:-1], version=record.version + 1)
    return _with_last(base, record.operations[-1], outcome, now, fee_basis_points)


def confirmed(record: Record, now: float) -> Record:
    """The record whose every entry has been seen in the standby's ledger."""
    return replace(record, version=record.version + 1, unconfirmed=None, updated_at=now)


def unconfirmed_again(record: Record, now: float) -> Record:
    """The record in a version of its own that no confirmation under way is based on."""
    shard = shard_of(record.payment_id)
    return replace(record, version=record.version + 1, unconfirmed=shard, updated_at=now)


def call_of(record: Record, operation: Operation) -> ProviderCall:
    """The provider call of one of the record's operations, the same whoever makes it."""
    is_charge = operation.kind is OperationKind.CHARGE
    return ProviderCall(
        payment_id=record.payment_id,
        merchant=record.merchant,
        money=Money(minor_units=operation.amount_minor, currency=record.money.currency),
        operation=operation,
        charge_reference=None if is_charge else record.operations[0].provider_reference,
    )


def _pending(
    request: PayRequest | OperationRequest, payment: str, amount_minor: int, now: float
) -> Operation:
    charge = request if isinstance(request, PayRequest) else None
    return Operation(
        operation_id=operation_id(payment, request.kind, request.idempotency_key),
        kind=request.kind,
        idempotency_key=request.idempotency_key,
        fingerprint=request.fingerprint,
        amount_minor=amount_minor,
        capture=charge is not None and charge.capture,
        payment_method=None if charge is None else charge.payment_method,
        state=OperationState.PENDING,
        provider_reference=None,
        decline_code=None,
        response=None,
        started_at=now,
        decided_at=None,
        request_id=request.request_id,
    )


def _with_last(
    base: Record,
    pending: Operation,
    outcome: ProviderOutcome,
    now: float,
    fee_basis_points: int = 0,
) -> Record:
    """`base` with `pending` decided and appended, and unconfirmed: each decision has an event."""
    operation = replace(
        pending,
        state=OperationState.SUCCEEDED
        if isinstance(outcome, Succeeded)
        else OperationState.DECLINED,
        provider_reference=outcome.reference,
        decline_code=outcome.code if isinstance(outcome, Declined) else None,
        decided_at=now,
    )
    operation = replace(operation, fee_minor=fee_of(operation, fee_basis_points))
    final = replace(base, operations=(*base.operations, operation), lease=None, updated_at=now)
    answered = replace(operation, response=response_of(final, operation))
    return replace(
        final,
        operations=(*base.operations, answered),
        unconfirmed=shard_of(base.payment_id),
    )
