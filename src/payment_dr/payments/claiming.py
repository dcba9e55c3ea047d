"""Claim: put the operation into the payment's record before anything else happens.

Guarantees: of two requests with one key only one claims; an operation that the record does not
allow, or a second one beside a pending one, is never claimed.
"""

from dataclasses import dataclass
from typing import Final

from payment_dr.core.errors import UnavailableError
from payment_dr.payments.outcome import (
    RETRY_S,
    Indeterminate,
    InProgress,
    NotAllowed,
    NotFound,
    Unavailable,
    in_progress,
    indeterminate,
    unavailable,
)
from payment_dr.payments.ports import PaymentsTable
from payment_dr.payments.record import OPERATIONS_MAX, Operation, Record
from payment_dr.payments.requests import OperationRequest, PayRequest
from payment_dr.payments.transitions import Author, claim, with_operation
from payment_dr.payments.writing import Write, read_back, write

TOO_MANY_OPERATIONS: Final = "too_many_operations"

_ATTEMPTS: Final = 5
"""Reads and conditional writes per operation: between them the confirmer may write as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """The operation of that key as the table holds it: ours if `fresh` or under our lease."""

    record: Record
    operation: Operation
    fresh: bool


PaymentClaim = Stored | Indeterminate | Unavailable
OperationClaim = PaymentClaim | InProgress | NotFound | NotAllowed


def claim_payment(table: PaymentsTable, request: PayRequest, author: Author) -> PaymentClaim:
    """Put the payment's record if its key is new; else what is stored under it."""
    record = claim(request, author)
    try:
        earlier = table.put_if_absent(record)
    except UnavailableError as error:
        if error.definite:
            return unavailable(error)
        earlier = read_back(table, record.payment_id)
        if earlier is None:
            return indeterminate(record.payment_id)
    stored = earlier or record
    return Stored(record=stored, operation=stored.operations[0], fresh=earlier is None)


def claim_operation(
    table: PaymentsTable, request: OperationRequest, author: Author
) -> OperationClaim:
    """Append the operation if its key is new: pending, or declined at once if not allowed."""
    in_doubt = False
    for _ in range(_ATTEMPTS):
        result = _attempt(table, request, author)
        if isinstance(result, Unavailable) and in_doubt:
            break
        if not isinstance(result, Write):
            return result
        if result is Write.UNKNOWN:
            if in_doubt:
                break
            in_doubt = True
    if in_doubt:
        return indeterminate(request.payment_id)
    return Unavailable(reason="the payment kept changing", retry_after_s=RETRY_S)


def _attempt(
    table: PaymentsTable, request: OperationRequest, author: Author
) -> OperationClaim | Write:
    """One read and one conditional write; a Write when that did not lead to an operation."""
    try:
        record = table.get(request.payment_id)
    except UnavailableError as error:
        return unavailable(error)
    if record is None or record.merchant != request.merchant:
        return NotFound(payment_id=request.payment_id)
    settled = _without_claim(record, request)
    if settled is not None:
        return settled
    claimed = with_operation(record, request, author)
    written = write(table, claimed)
    if written is Write.DONE:
        return Stored(record=claimed, operation=claimed.operations[-1], fresh=True)
    return written


def _without_claim(
    record: Record, request: OperationRequest
) -> Stored | InProgress | NotAllowed | None:
    """What the record answers before anything is claimed; None when the way is free."""
    known = record.keyed(request.idempotency_key)
    if known is not None:
        return Stored(record=record, operation=known, fresh=False)
    if record.pending is not None:
        return in_progress(record)
    if len(record.operations) >= OPERATIONS_MAX:
        return NotAllowed(payment_id=record.payment_id, code=TOO_MANY_OPERATIONS)
    return None
