"""Webhooks as a merchant receives them."""

import json

import pytest

from payment_dr.client import WebhookError, event_of
from payment_dr.payments.webhooks import signature

SECRET = "whsec_1"
NOW = 1_800_000_000.0
BODY = json.dumps(
    {
        "event_id": "e-1",
        "type": "payment.captured",
        "order": 1,
        "payment_id": "p-1",
        "amount": 1250,
        "currency": "EUR",
        "occurred_at": NOW,
        "payment": {"status": "captured"},
        "decline_code": None,
        "request_id": "r-1",
    }
).encode()


def test_an_event_is_read_once_its_signature_is_verified() -> None:
    headers = {"Payment-Signature": signature([SECRET], BODY, NOW)}
    event = event_of(headers, BODY, ["whsec_old", SECRET], now=NOW)
    assert (event.event_id, event.order, event.payment["status"]) == ("e-1", 1, "captured")
    assert event.request_id == "r-1"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, BODY),
        ({"payment-signature": signature(["whsec_2"], BODY, NOW)}, BODY),
        ({"payment-signature": signature([SECRET], BODY, NOW - 301)}, BODY),
        ({"payment-signature": signature([SECRET], b"{}", NOW)}, b"{}"),
    ],
)
def test_what_is_not_from_the_service_is_refused(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookError, match="refused"):
        event_of(headers, body, [SECRET], now=NOW)


def test_the_present_is_the_default() -> None:
    headers = {"payment-signature": signature([SECRET], BODY, NOW)}
    with pytest.raises(WebhookError, match="s old"):
        event_of(headers, BODY, [SECRET], window_s=1)
