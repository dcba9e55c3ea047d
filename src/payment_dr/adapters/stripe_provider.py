"""The provider over Stripe's API through its official SDK.

The operation's id is the idempotency key. Only Stripe's own refusal is a decline; whatever leaves
doubt (time-outs, cut connections, 5xx, an operation still processing) is an UnavailableError.

One PaymentIntent is one payment. Captures and voids are changes of it, which Stripe does at most
once per intent; refunds are objects of their own. Sources:
https://docs.stripe.com/api/payment_intents and
https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, assert_never

import stripe

from payment_dr.adapters.stripe_transport import NotSentError, PooledTransport
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.payments.currencies import provider_units
from payment_dr.payments.ports import Declined, ProviderCall, ProviderOutcome, Succeeded
from payment_dr.payments.record import OperationKind

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams, RefundCreateParams

CONNECT_S: Final = 1.0
CONNECTIONS: Final = 32
DEFAULT_PAYMENT_METHOD: Final = "pm_card_visa"

_CHARGED: Final = frozenset({"succeeded", "requires_capture"})
_CAPTURED: Final = frozenset({"succeeded"})
_VOIDED: Final = frozenset({"canceled"})
_REFUNDED: Final = frozenset({"succeeded", "pending"})
_REFUNDS_MAX: Final = 100
"""Refunds per page; more than a record's operations, so one page holds all of a payment's."""

_REFUSALS: Final = (
    NotSentError,
    stripe.AuthenticationError,
    stripe.InvalidRequestError,
    stripe.PermissionError,
    stripe.RateLimitError,
)
"""Errors after which certainly nothing took effect."""


class StripeProvider:
    """`payments.ports.Provider`; safe to share between threads.

    Args:
        api_key: asked for each call, so that a rotated key is picked up.
        timeout_s: longest silence of the provider during a call.
        url: another address than Stripe's own; for a simulator.
    """

    def __init__(
        self, api_key: Callable[[], str], *, timeout_s: float, url: str | None = None
    ) -> None:
        self._api_key = api_key
        self._transport = PooledTransport(
            timeout_s=timeout_s, connect_s=min(CONNECT_S, timeout_s), connections=CONNECTIONS
        )
        self._client = stripe.StripeClient(
            "unused: each call brings its own",
            base_addresses={} if url is None else {"api": url},
            max_network_retries=0,
            http_client=self._transport,
        )

    def close(self) -> None:
        """Close idle connections."""
        self._transport.close()

    def reach(self) -> None:
        """Ask for the balance, which changes nothing; UnavailableError when it is not answered."""
        with _errors("reading the balance"):
            self._client.v1.balance.retrieve(options={"api_key": self._api_key()})

    def perform(self, call: ProviderCall) -> ProviderOutcome:
        """Do the operation once under its id as idempotency key."""
        with _errors(f"{call.operation.kind} {call.operation.operation_id}"):
            try:
                return self._send(call)
            except stripe.CardError as error:
                return _declined(error.error, "card_declined")
            except stripe.InvalidRequestError as error:
                return _declined(error.error, "invalid_request")

    def look_up(self, call: ProviderCall) -> ProviderOutcome | None:
        """The outcome by operation id, without sending the operation again.

        Stripe's search lags, by up to about an hour at its worst: "none" says nothing of an
        operation that was sent within that time (`payments.completing.LOOK_UP_LAGS_S`).
        """
        with _errors(f"looking up {call.operation.kind} {call.operation.operation_id}"):
            kind = call.operation.kind
            match kind:
                case OperationKind.CHARGE:
                    return self._find_charge(call)
                case OperationKind.CAPTURE:
                    return self._find_change(call, _CAPTURED)
                case OperationKind.VOID:
                    return self._find_change(call, _VOIDED)
                case OperationKind.REFUND:
                    return self._find_refund(call)
                case unreachable:
                    assert_never(unreachable)

    def _send(self, call: ProviderCall) -> ProviderOutcome:
        options: stripe.RequestOptions = {
            "api_key": self._api_key(),
            "idempotency_key": call.operation.operation_id,
        }
        intents = self._client.v1.payment_intents
        kind = call.operation.kind
        match kind:
            case OperationKind.CHARGE:
                return _settled(intents.create(_charge(call), options), _CHARGED)
            case OperationKind.CAPTURE:
                amount = _amount(call)
                captured = intents.capture(_intent(call), {"amount_to_capture": amount}, options)
                return _settled(captured, _CAPTURED)
            case OperationKind.VOID:
                return _settled(intents.cancel(_intent(call), {}, options), _VOIDED)
            case OperationKind.REFUND:
                return _refunded(self._client.v1.refunds.create(_refund(call), options))
            case unreachable:
                assert_never(unreachable)

    def _find_charge(self, call: ProviderCall) -> ProviderOutcome | None:
        found = self._client.v1.payment_intents.search(
            {"query": f"metadata['operation_id']:'{call.operation.operation_id}'"},
            {"api_key": self._api_key()},
        )
        return _settled(found.data[0], _CHARGED) if found.data else None

    def _find_change(self, call: ProviderCall, done: frozenset[str]) -> ProviderOutcome | None:
        intent = self._client.v1.payment_intents.retrieve(
            _intent(call), {}, {"api_key": self._api_key()}
        )
        outcome = _settled(intent, done)
        return outcome if isinstance(outcome, Succeeded) else None

    def _find_refund(self, call: ProviderCall) -> ProviderOutcome | None:
        refunds = self._client.v1.refunds.list(
            {"payment_intent": _intent(call), "limit": _REFUNDS_MAX},
            {"api_key": self._api_key()},
        )
        wanted = call.operation.operation_id
        for refund in refunds.data:
            metadata = refund.metadata
            if metadata and "operation_id" in metadata and metadata["operation_id"] == wanted:
                return _refunded(refund)
        return None


def _amount(call: ProviderCall) -> int:
    return provider_units(call.money.currency, call.money.minor_units)


def _charge(call: ProviderCall) -> "PaymentIntentCreateParams":
    return {
        "amount": _amount(call),
        "currency": call.money.currency.lower(),
        "confirm": True,
        "capture_method": "automatic" if call.operation.capture else "manual",
        "payment_method": call.operation.payment_method or DEFAULT_PAYMENT_METHOD,
        "allowed_payment_method_types": ["card"],
        # Nobody is there to answer a challenge: it is a decline.
        "error_on_requires_action": True,
        "metadata": _metadata(call),
    }


def _refund(call: ProviderCall) -> "RefundCreateParams":
    return {
        "payment_intent": _intent(call),
        "amount": _amount(call),
        "metadata": _metadata(call),
    }


def _metadata(call: ProviderCall) -> dict[str, str]:
    found = {
        "payment_id": call.payment_id,
        "operation_id": call.operation.operation_id,
        "merchant": call.merchant,
        # With merchant and key the provider's own list shows whether a payment was made twice.
        "idempotency_key": call.operation.idempotency_key,
    }
    # An operation keeps its first request's id: Stripe refuses a key with other parameters.
    request_id = call.operation.request_id
    return {**found, "request_id": request_id} if request_id else found


def _intent(call: ProviderCall) -> str:
    """The provider's id of the payment; only a succeeded charge has further operations."""
    if call.charge_reference is None:
        raise PaymentDrError(
            f"{call.operation.kind} {call.operation.operation_id} names no charge at the provider"
        )
    return call.charge_reference


def _settled(intent: stripe.PaymentIntent, done: frozenset[str]) -> ProviderOutcome:
    if intent.status in done:
        return Succeeded(reference=intent.id)
    if intent.status == "processing":
        raise UnavailableError(f"{intent.id} is still processing", definite=False)
    error = intent.last_payment_error
    return Declined(code=_reason(error, intent.status), reference=intent.id)


def _refunded(refund: stripe.Refund) -> ProviderOutcome:
    if refund.status in _REFUNDED:
        return Succeeded(reference=refund.id)
    reason: str | None = getattr(refund, "failure_reason", None)
    return Declined(code=reason or "refund_failed", reference=refund.id)


def _declined(error: stripe.ErrorObject | None, fallback: str) -> Declined:
    intent: stripe.PaymentIntent | None = getattr(error, "payment_intent", None)
    return Declined(code=_reason(error, fallback), reference=None if intent is None else intent.id)


def _reason(error: stripe.StripeObject | None, fallback: str) -> str:
    """The most telling code that there is; Stripe leaves out what does not apply."""
    decline_code: str | None = getattr(error, "decline_code", None)
    code: str | None = getattr(error, "code", None)
    return decline_code or code or fallback


@contextmanager
def _errors(what: str) -> Generator[None]:
    """Whatever is not a decline leaves doubt, unless Stripe refused it or never saw it."""
    try:
        yield
    except stripe.StripeError as error:
        raise UnavailableError(
            f"{what}: {type(error).__name__}: {error}", definite=isinstance(error, _REFUSALS)
        ) from error
