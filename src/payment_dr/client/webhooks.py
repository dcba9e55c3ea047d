"""Webhooks as received: verified before they are believed."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from payment_dr.client.errors import WebhookError
from payment_dr.core.errors import PaymentDrError
from payment_dr.payments.webhooks import SIGNATURE_HEADER, WINDOW_S, verify


class Event(Struct, frozen=True, kw_only=True):
    """What happened to a payment.

    Delivered at least once, in any order: keep `event_id` to do nothing twice, and compare `order`
    with the last one seen of the payment to tell late ones. `occurred_at` is in Unix seconds.
    `request_id` is the `X-Request-Id` of the request that began the operation.
    """

    event_id: str
    type: str
    order: int
    payment_id: str
    amount: int
    currency: str
    occurred_at: float
    payment: dict[str, Any]
    decline_code: str | None = None
    request_id: str | None = None


def event_of(
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[str],
    *,
    window_s: float = WINDOW_S,
    now: float | None = None,
) -> Event:
    """The event in a request to a webhook endpoint.

    Args:
        headers: of the request; names in any case.
        body: the bytes exactly as received.
        secrets: the endpoint's; during a rotation the old and the new one.
        window_s: longest age of the signature in seconds.
        now: Unix seconds; the present by default.

    Raises:
        WebhookError: the service did not send it, or not now. Answer 400 and do nothing.
    """
    names = {name.lower(): value for name, value in headers.items()}
    at = time.time() if now is None else now
    try:
        verify(names.get(SIGNATURE_HEADER, ""), body, secrets, now=at, window_s=window_s)
        return msgspec.json.decode(body, type=Event)
    except (PaymentDrError, msgspec.DecodeError) as error:
        raise WebhookError(f"a webhook is refused: {error}") from error
