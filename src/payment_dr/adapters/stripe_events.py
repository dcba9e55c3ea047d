"""Stripe's webhooks, verified by its SDK, read for one thing: which payment to look at.

https://docs.stripe.com/webhooks/signature
"""

from typing import Any, Final

import msgspec
import stripe
from msgspec import Struct, field

from payment_dr.adapters.record_items import is_payment_key
from payment_dr.core.errors import PaymentDrError

SIGNATURE_HEADER: Final = "stripe-signature"

WINDOW_S: Final = 300
"""How old a signature may be: an older one may be a replay."""


class _Object(Struct):
    metadata: dict[str, Any] | None = None


class _Data(Struct):
    object: _Object = field(default_factory=_Object)


class _Event(Struct):
    id: str
    type: str
    data: _Data = field(default_factory=_Data)


class ForgedEventError(PaymentDrError):
    """The provider did not sign this, or not now, or it is no event."""


def payment_of(body: bytes, signature: str, secret: str) -> str | None:
    """The id of the payment that a webhook is about; None if it is about none of ours.

    Args:
        body: as received.
        signature: the header of that name.
        secret: of the endpoint at Stripe, `whsec_...`.

    Raises:
        ForgedEventError: the signature is wrong or outside the window, or the body is no event.
    """
    try:
        text = body.decode()
        verify = stripe.WebhookSignature.verify_header  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType] # one untyped parameter
        verify(text, signature, secret, WINDOW_S)
        event = msgspec.json.decode(body, type=_Event)
    except (stripe.SignatureVerificationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ForgedEventError(f"a webhook of the provider is refused: {error}") from error
    named = (event.data.object.metadata or {}).get("payment_id")
    return named if isinstance(named, str) and is_payment_key(named) else None
