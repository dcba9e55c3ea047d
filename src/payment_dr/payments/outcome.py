"""Every way a request can end: closed unions that `respond` maps to one status each."""

from dataclasses import dataclass
from typing import Final

from payment_dr.core.errors import UnavailableError
from payment_dr.payments.record import Operation, OperationState, Record, StoredResponse

RETRY_S: Final = 1
"""Seconds after which a client may try again when nothing tells a better time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Created:
    """The operation succeeded and its record says so; `response` is what was stored with it.

    `record` may hold later operations than the one answered when `replayed`.
    """

    record: Record
    operation: Operation
    response: StoredResponse
    replayed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclinedOutcome:
    """The provider or a rule of ours refused for good, stored under its key like a success."""

    record: Record
    operation: Operation
    response: StoredResponse
    replayed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyReused:
    """The idempotency key belongs to another request; nothing took effect."""

    payment_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class InProgress:
    """This operation or another of the payment is being worked on; ask again later."""

    payment_id: str
    retry_after_s: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Indeterminate:
    """It is not known what took effect; it will be resolved, a retry with the same key tells."""

    payment_id: str
    retry_after_s: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Unavailable:
    """Nothing of this request took effect; `reason` is meant for a log."""

    reason: str
    retry_after_s: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NotFound:
    """The merchant has no such payment."""

    payment_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NotAllowed:
    """The payment's record is full, so that not even a refusal can be kept; nothing took effect."""

    payment_id: str
    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The payment as it is now."""

    record: Record


Answer = Created | DeclinedOutcome
PayOutcome = Answer | KeyReused | InProgress | Indeterminate | Unavailable
OperationOutcome = PayOutcome | NotFound | NotAllowed
ReadOutcome = Found | NotFound | Unavailable


def answer_of(record: Record, operation: Operation, *, replayed: bool) -> Answer | None:
    """The stored answer of a decided operation, None while it is pending."""
    if operation.response is None:
        return None
    kind = Created if operation.state is OperationState.SUCCEEDED else DeclinedOutcome
    return kind(record=record, operation=operation, response=operation.response, replayed=replayed)


def in_progress(record: Record) -> InProgress:
    """Come back soon: a worker that lives is done long before its lease ends."""
    return InProgress(payment_id=record.payment_id, retry_after_s=RETRY_S)


def indeterminate(payment: str) -> Indeterminate:
    """Come back soon with the same key."""
    return Indeterminate(payment_id=payment, retry_after_s=RETRY_S)


def unavailable(error: UnavailableError) -> Unavailable:
    """Come back soon: what the request needs did not answer before anything took effect."""
    return Unavailable(reason=error.what, retry_after_s=RETRY_S)
