"""What a later request may take from an answer, in the description of the API."""

from collections.abc import Mapping
from typing import Any, Final

_LINKS: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "createPayment": (
        ("getPayment", "payment_id", "$response.body#/payment_id"),
        ("capturePayment", "payment_id", "$response.body#/payment_id"),
        ("refundPayment", "payment_id", "$response.body#/payment_id"),
        ("voidPayment", "payment_id", "$response.body#/payment_id"),
    ),
    "listPayments": (("getPayment", "payment_id", "$response.body#/data/0/payment_id"),),
    "listEvents": (("getEvent", "event_id", "$response.body#/data/0/event_id"),),
    "listLedgerEntries": (("getEvent", "event_id", "$response.body#/data/0/entry_id"),),
    "createWebhookEndpoint": (
        ("getWebhookEndpoint", "endpoint_id", "$response.body#/endpoint_id"),
        ("changeWebhookEndpoint", "endpoint_id", "$response.body#/endpoint_id"),
        ("rotateWebhookSecret", "endpoint_id", "$response.body#/endpoint_id"),
        ("disableWebhookEndpoint", "endpoint_id", "$response.body#/endpoint_id"),
    ),
}
"""What a later request may take from an answer: (operation, its parameter, where it is)."""


def links(operation_id: str) -> dict[str, Any]:
    """By the later operation, which it is and where its parameter comes from."""
    return {
        target: {"operationId": target, "parameters": {parameter: place}}
        for target, parameter, place in _LINKS.get(operation_id, ())
    }
