"""What the API answers, field by field; OpenAPI and the checks of answers come from these models.

Times are Unix seconds, amounts minor units.
"""

from enum import StrEnum, unique
from typing import Annotated, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from payment_dr.functions.error_catalogue import Code
from payment_dr.payments.journal import Account, EventType
from payment_dr.payments.record import OperationKind, PaymentState

ENDPOINT_ID_PATTERN: Final = "^we_[0-9a-f]{32}$"


class Answer(BaseModel):
    """A JSON object of exactly these fields."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


Uuid = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Minor = Annotated[int, Field(ge=0)]


Row = TypeVar("Row", bound=Answer)


class PaymentAnswer(Answer):
    """A payment as it is now; of a write, as the write left it."""

    payment_id: Uuid
    status: PaymentState
    amount: Minor
    """What was charged or authorised."""
    currency: str
    captured: Minor
    refunded: Minor
    created_at: float
    metadata: dict[str, str]
    decline_code: str = ""
    """Why the charge was declined; absent unless it was."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)


class DeclinedAnswer(Answer):
    """The operation was declined for good; the payment's sums are as before."""

    payment_id: Uuid
    status: Literal["declined"]
    amount: Minor
    currency: str
    captured: Minor
    refunded: Minor
    created_at: float
    metadata: dict[str, str]
    decline_code: str
    """The provider's reason, or one of ours."""


class IndeterminateAnswer(Answer):
    """It is not known yet what took effect; a retry with the same key tells."""

    payment_id: Uuid
    status: Literal["indeterminate"]
    code: Literal["indeterminate"]
    detail: str


class Problem(Answer):
    """What went wrong (RFC 9457)."""

    type: str
    """A page of the documentation, `/errors/<code>`."""
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    code: Code
    detail: str
    """For people; may change."""
    payment_id: Uuid = ""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)


class Health(Answer):
    """This site can take payments."""

    status: Literal["ok"]


@unique
class TakeoverLevel(StrEnum):
    """Whether clients are to leave home."""

    RAISED = "raised"
    LOWERED = "lowered"


class Takeover(Answer):
    """The takeover switch as the control record has it."""

    takeover: TakeoverLevel


class Received(Answer):
    """Whether an event of the provider is dealt with; if not, the provider sends it again."""

    received: bool


class ListedPaymentAnswer(Answer):
    """A payment as its latest booking in the ledger left it."""

    payment_id: Uuid
    status: PaymentState
    amount: Minor
    currency: str
    captured: Minor
    refunded: Minor
    fees: Minor
    created_at: float
    updated_at: float


class PostingAnswer(Answer):
    """One leg of an entry; debits are positive, credits negative."""

    account: Account
    amount: int


class EntryAnswer(Answer):
    """A journal entry; its postings sum to zero."""

    entry_id: Uuid
    """That of the event of the same operation."""
    payment_id: Uuid
    kind: OperationKind
    currency: str
    occurred_at: float
    posted_at: float
    request_id: str | None
    """`X-Request-Id` of the request that began the operation; null if it is not known."""
    postings: list[PostingAnswer]


class BalanceAnswer(Answer):
    """The accounts of a merchant in one currency; debits are positive, credits negative."""

    currency: str
    balance: int
    """What is owed to the merchant: -(merchant_payable + refunds)."""
    provider_receivable: int
    """What the provider owes us for the merchant."""
    merchant_payable: int
    fees: int
    refunds: int


class PaymentNowAnswer(Answer):
    """The payment as the operation left it."""

    status: PaymentState
    amount: Minor
    captured: Minor
    refunded: Minor
    fees: Minor
    created_at: float


class EventAnswer(Answer):
    """What happened to a payment; sent to webhooks in just this form."""

    event_id: Uuid
    """The same however often it is sent, and from whichever site."""
    type: EventType
    order: Annotated[int, Field(ge=1)]
    """The operation's place in its payment, from 1."""
    payment_id: Uuid
    operation: OperationKind
    amount: Minor
    """The operation's own."""
    currency: str
    decline_code: str | None
    occurred_at: float
    request_id: str | None
    """`X-Request-Id` of the request that began the operation; null if it is not known."""
    payment: PaymentNowAnswer


class Page(Answer, Generic[Row]):
    """Some of a list, newest first."""

    data: list[Row]
    has_more: bool
    next_cursor: str | None
    """For the next page; null on the last one."""
    as_of: float | None
    """When the ledger was read, or at a standby how far it had come; null if not known. What was
    accepted shortly before may be missing: retrieval by id is always current."""


class PaymentPage(Page[ListedPaymentAnswer]):
    """Payments by their creation, newest first."""


class EntryPage(Page[EntryAnswer]):
    """Journal entries in the order of their booking, newest first."""


class EventPage(Page[EventAnswer]):
    """Events in the order of their booking, newest first."""


class BalanceList(Answer):
    """A merchant's balances, by currency."""

    data: list[BalanceAnswer]
    as_of: float | None
    """When the ledger was read, or at a standby how far it had come; null if not known."""


@unique
class EndpointStatus(StrEnum):
    """Whether events are sent there."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class EndpointAnswer(Answer):
    """A webhook endpoint."""

    endpoint_id: Annotated[str, WithJsonSchema({"type": "string", "pattern": ENDPOINT_ID_PATTERN})]
    url: str
    events: list[str]
    status: EndpointStatus
    created_at: float
    previous_secret_until: float | None
    """Until when the secret before the current one signs too; null if it does not."""


class EndpointWithSecret(EndpointAnswer):
    """A webhook endpoint with its secret, which is shown at creation and rotation only."""

    secret: str
    """Signs what is sent there: `Payment-Signature`."""


class EndpointList(Answer):
    """The merchant's webhook endpoints, oldest first."""

    data: list[EndpointAnswer]
