"""The Python client: does right what is easy to do wrong when money moves over a network.

    from payment_dr.client import KeyJournal, PaymentClient

    client = PaymentClient("https://api.payments.example", api_key, journal=KeyJournal("keys.db"))
    payment = client.pay(amount=1250, currency="EUR", payment_method="pm_card_visa")

Each write has an idempotency key that is kept before anything is sent, is retried with that key
until its outcome is known, and follows the service when its name moves to the other site.
"""

from payment_dr.client.answers import Payment
from payment_dr.client.client import PaymentClient
from payment_dr.client.errors import (
    DeclinedError,
    OutcomeUnknownError,
    RefusedError,
    WebhookError,
)
from payment_dr.client.journal import KeyJournal, Unresolved
from payment_dr.client.webhooks import Event, event_of

__all__ = [
    "DeclinedError",
    "Event",
    "KeyJournal",
    "OutcomeUnknownError",
    "Payment",
    "PaymentClient",
    "RefusedError",
    "Unresolved",
    "WebhookError",
    "event_of",
]
