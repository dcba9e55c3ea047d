"""What the API takes, field by field; OpenAPI and checks come from these models alone."""

from typing import Annotated, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from payment_dr.core.money import MINOR_UNITS_MAX
from payment_dr.payments.currencies import CURRENCIES
from payment_dr.payments.journal import EventType
from payment_dr.payments.metadata import (
    ENTRIES_MAX,
    NAME_PATTERN,
    VALUE_CHARS_MAX,
    VALUE_PATTERN,
)
from payment_dr.payments.webhooks import EVENTS_ALL, URL_CHARS_MAX

VISIBLE_PATTERN: Final = "^[!-~]{1,255}$"
OVERLAP_S_MAX: Final = 7 * 24 * 3600


class Body(BaseModel):
    """JSON of exactly these fields and types: no floats or booleans for integers, no extras."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


Amount = Annotated[int, Field(ge=1, le=MINOR_UNITS_MAX)]

CurrencyCode = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{3}$"),
    WithJsonSchema({"type": "string", "enum": list(CURRENCIES)}),
]
"""What else looks like a code is refused after this, with a code of its own."""

MetadataBody = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=NAME_PATTERN)],
        Annotated[str, StringConstraints(max_length=VALUE_CHARS_MAX, pattern=VALUE_PATTERN)],
    ],
    Field(max_length=ENTRIES_MAX),
    # Pydantic's own has a pattern for names, and lets every other name pass.
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": NAME_PATTERN},
            "additionalProperties": {
                "type": "string",
                "maxLength": VALUE_CHARS_MAX,
                "pattern": VALUE_PATTERN,
            },
            "maxProperties": ENTRIES_MAX,
            "default": {},
        }
    ),
]


class PaymentBody(Body):
    """A charge, or an authorisation."""

    amount: Amount
    """In minor units of the currency: 1250 is 12.50 EUR, and 1250 JPY."""
    currency: CurrencyCode
    """ISO 4217, in capital letters."""
    capture: bool = True
    """False authorises only: the money is held, and captured or voided later."""
    payment_method: Annotated[str, StringConstraints(pattern=VISIBLE_PATTERN)] = "pm_card_visa"
    """The provider's token of the means of payment; never a card number."""
    metadata: MetadataBody = Field(default_factory=dict[str, str])
    """The merchant's own notes, kept and given back as sent."""


class AmountBody(Body):
    """A capture or refund, in full or in part."""

    amount: Amount
    """In minor units of the payment's currency."""


class EmptyBody(Body):
    """An empty object, or no body at all."""


URL_PATTERN: Final = (
    r"^https://([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}(/[!\"$-\[\]^_a-z{|}~]*)?$"
)
"""Visible ASCII but `#` and the backslash, which receivers read in different ways."""

WebhookUrl = Annotated[
    str,
    StringConstraints(min_length=1, max_length=URL_CHARS_MAX),
    WithJsonSchema({"type": "string", "maxLength": URL_CHARS_MAX, "pattern": URL_PATTERN}),
]
"""What has another form is refused after this, with a code of its own."""

EventFilter = Annotated[
    str,
    StringConstraints(pattern="^(" + "|".join([*EventType, r"\*"]) + ")$"),
    WithJsonSchema({"type": "string", "enum": [EVENTS_ALL, *EventType]}),
]
EventFilters = Annotated[list[EventFilter], Field(min_length=1, max_length=len(EventType) + 1)]


class EndpointBody(Body):
    """A webhook endpoint."""

    url: WebhookUrl
    """Where events are sent by POST: https, port 443, a public host name."""
    events: EventFilters
    """Types of the events that are sent there; `*` for all of them."""


class EndpointChangeBody(Body):
    """What is to change of an endpoint; at least one of the two."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    url: WebhookUrl | None = None
    """Where events are sent from now on."""
    events: EventFilters | None = None
    """Types of the events that are sent there from now on."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give url or events")
        return self


class RotationBody(Body):
    """When the secret that is replaced stops signing."""

    overlap_s: Annotated[int, Field(ge=0, le=OVERLAP_S_MAX)] = 24 * 3600
    """Seconds for which both secrets sign; 0 ends the old one at once."""
