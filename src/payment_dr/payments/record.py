"""A payment's one record in the payments table, and the state that follows from its operations."""

import uuid
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.payments.metadata import Metadata

OPERATIONS_MAX: Final = 32
"""Bound on the operations of one payment: keeps the item far below DynamoDB's 400 KB."""

UNCONFIRMED_SHARDS: Final = 4
"""Shards of the sparse indexes, so that no single index partition takes every write."""

_NAMESPACE: Final = uuid.UUID("6f1c1f0e-5d0b-5a57-9d0c-0c8a4f5f8c11")


@unique
class OperationKind(StrEnum):
    """What an operation does at the provider."""

    CHARGE = "charge"
    CAPTURE = "capture"
    REFUND = "refund"
    VOID = "void"


@unique
class OperationState(StrEnum):
    """Where an operation stands; only PENDING may change."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"


@unique
class PaymentState(StrEnum):
    """What a payment is, derived from its operations by `state_of`."""

    ACCEPTED = "accepted"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    DECLINED = "declined"
    REFUNDED = "refunded"
    VOIDED = "voided"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredResponse:
    """The answer given once and repeated for ever: HTTP status and JSON body."""

    status: int
    body: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """Who works on the pending operation and until when (Unix seconds); for economy only."""

    owner: str
    expires_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One effect at the provider, named by the client's idempotency key.

    `operation_id` is the provider's idempotency key and the journal entry's id.
    `capture` matters for a CHARGE only: charge at once, or authorise. `payment_method` is the
    provider's token of the means of payment, of a CHARGE only: whoever takes the charge over
    must send exactly what was sent before. A VOID's `amount_minor` is the authorisation it frees.
    `provider_reference` is None until decided, or when the provider was never asked.
    `response` is set exactly when the state is not PENDING. `fee_minor` is what the merchant pays
    for it, fixed with the decision. `request_id` names the request that claimed it, whoever
    finishes it: it goes to the provider and into the ledger. Empty for none.
    """

    operation_id: str
    kind: OperationKind
    idempotency_key: str
    fingerprint: str
    amount_minor: int
    capture: bool
    payment_method: str | None
    state: OperationState
    provider_reference: str | None
    decline_code: str | None
    response: StoredResponse | None
    started_at: float
    decided_at: float | None
    fee_minor: int = 0
    request_id: str = ""

    @property
    def moves_in(self) -> bool:
        """Whether it has brought money in: a capture, or a charge that captured at once."""
        return self.state is OperationState.SUCCEEDED and (
            self.kind is OperationKind.CAPTURE
            or (self.kind is OperationKind.CHARGE and self.capture)
        )

    @property
    def moves_out(self) -> bool:
        """Whether it has given money back."""
        return self.state is OperationState.SUCCEEDED and self.kind is OperationKind.REFUND


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """The item of one payment. `operations[0]` is its CHARGE; `version` rises with every write.

    `unconfirmed` is the index shard while some posting has not been seen in the standby's
    ledger. `epoch` and `site` tell who wrote last; they fence nothing. `metadata` is the
    merchant's, kept as sent.
    """

    payment_id: str
    merchant: str
    money: Money
    operations: tuple[Operation, ...]
    version: int
    lease: Lease | None
    unconfirmed: int | None
    epoch: Epoch
    site: SiteName
    created_at: float
    updated_at: float
    metadata: Metadata = ()

    @property
    def pending(self) -> Operation | None:
        """The one operation in flight, or None: at most the last is pending."""
        last = self.operations[-1]
        return last if last.state is OperationState.PENDING else None

    @property
    def state(self) -> PaymentState:
        """What the payment is now."""
        return state_of(self.operations)

    def operation(self, wanted: str) -> Operation:
        """The operation of that id; KeyError if it never was one of this payment."""
        return {operation.operation_id: operation for operation in self.operations}[wanted]

    def keyed(self, idempotency_key: str) -> Operation | None:
        """The operation that the client named so; a key names one operation of a payment."""
        return next((o for o in self.operations if o.idempotency_key == idempotency_key), None)

    @property
    def captured_minor(self) -> int:
        """Minor units captured so far, at the charge or by captures."""
        return captured_of(self.operations)

    @property
    def refunded_minor(self) -> int:
        """Minor units refunded so far."""
        return refunded_of(self.operations)


def captured_of(operations: tuple[Operation, ...]) -> int:
    """Minor units captured by the operations, at the charge or by captures."""
    return sum(o.amount_minor for o in operations if o.moves_in)


def refunded_of(operations: tuple[Operation, ...]) -> int:
    """Minor units refunded by the operations."""
    return sum(o.amount_minor for o in operations if o.moves_out)


def fees_of(operations: tuple[Operation, ...]) -> int:
    """Minor units of fees on the operations."""
    return sum(o.fee_minor for o in operations)


def state_of(operations: tuple[Operation, ...]) -> PaymentState:
    """Derive the payment's state; a pending or declined later operation changes nothing."""
    charge = operations[0]
    if charge.state is OperationState.PENDING:
        return PaymentState.ACCEPTED
    if charge.state is OperationState.DECLINED:
        return PaymentState.DECLINED
    done = [o for o in operations if o.state is OperationState.SUCCEEDED]
    if any(o.kind is OperationKind.VOID for o in done):
        return PaymentState.VOIDED
    captured = captured_of(operations)
    if not captured:
        return PaymentState.AUTHORISED
    is_refunded = refunded_of(operations) == captured
    return PaymentState.REFUNDED if is_refunded else PaymentState.CAPTURED


def payment_id(merchant: str, idempotency_key: str) -> str:
    """UUIDv5 of merchant and key: the key needs no second look-up, and merchants never clash."""
    return str(uuid.uuid5(_NAMESPACE, f"{len(merchant)}:{merchant}:{idempotency_key}"))


def operation_id(payment: str, kind: OperationKind, idempotency_key: str) -> str:
    """UUIDv5 of payment, kind and key: the provider's idempotency key for this operation."""
    return str(uuid.uuid5(uuid.UUID(payment), f"{kind}:{idempotency_key}"))


def shard_of(payment: str) -> int:
    """Index shard of a payment, spread evenly by its UUID."""
    return uuid.UUID(payment).int % UNCONFIRMED_SHARDS
