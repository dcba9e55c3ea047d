"""What can come of a call besides an answer."""

from payment_dr.client.answers import Payment
from payment_dr.core.errors import PaymentDrError


class DeclinedError(PaymentDrError):
    """The provider or a rule refused for good; the same key always answers so."""

    def __init__(self, code: str, payment: Payment) -> None:
        super().__init__(f"declined: {code}", remedy="try another means of payment, with a new key")
        self.code = code
        self.payment = payment


class RefusedError(PaymentDrError):
    """The request was not taken and had no effect; `code` is in the error catalogue."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{code} ({status}): {detail}", remedy="see the error catalogue")
        self.status = status
        self.code = code


class OutcomeUnknownError(PaymentDrError):
    """It may or may not have happened. Never send it with another key: that could charge twice."""

    def __init__(self, key: str, last: str) -> None:
        super().__init__(
            f"the outcome is not known: {last}",
            remedy=f"call again with key={key!r}, or resume() with the journal",
            definite=False,
        )
        self.key = key


class WebhookError(PaymentDrError):
    """What came to the webhook endpoint is not from the service, or is a replay."""
