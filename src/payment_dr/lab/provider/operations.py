"""Charges, captures, voids and refunds as Stripe does them; each call is one transaction's work."""

import time
import uuid
from dataclasses import dataclass
from typing import Final

from payment_dr.checks.evidence import ProviderRow
from payment_dr.lab.provider.answers import Answer, Json, done, missing, refused
from payment_dr.lab.provider.forms import Form, ParameterError
from payment_dr.lab.provider.store import Store

DECLINE_CODES: Final = {
    "pm_card_visa": None,
    "pm_card_mastercard": None,
    "pm_card_visa_chargeDeclined": "generic_decline",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_visa_chargeDeclinedLostCard": "lost_card",
}
"""Stripe's test payment methods that are known here, and the code with which each is declined."""

_CREATE_PARAMETERS: Final = (
    "allowed_payment_method_types",
    "amount",
    "capture_method",
    "confirm",
    "currency",
    "error_on_requires_action",
    "metadata",
    "payment_method",
    "payment_method_types",
)
_NS: Final = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request that changes something. `target` is the object that it is about, if any."""

    form: Form
    key: str | None
    target: str
    decline: bool = False

    def operation_id(self) -> str:
        """Whose effect it is: said by the metadata, else it is the idempotency key."""
        return self.form.metadata.get("operation_id") or self.key or ""


class Operations:
    """Works inside a transaction of the store, which the caller opens."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def charge(self, call: Call) -> Answer:
        """POST /v1/payment_intents with confirm=true."""
        intent = _new_intent(call.form)
        method = intent["payment_method"]
        if method not in DECLINE_CODES:
            return refused(f"No such PaymentMethod: '{method}'", code="resource_missing")
        decline_code = DECLINE_CODES[method] or ("generic_decline" if call.decline else None)
        if decline_code is not None:
            return self._declined(intent, decline_code)
        amount = intent["amount"]
        if intent["capture_method"] == "manual":
            intent |= {"status": "requires_capture", "amount_capturable": amount}
        else:
            intent |= {"status": "succeeded", "amount_received": amount}
        return self._changed(intent, call, "charge", amount)

    def capture(self, call: Call) -> Answer:
        """POST /v1/payment_intents/{id}/capture; what is not captured is released."""
        call.form.only("amount_to_capture", "metadata")
        intent = self._store.intent(call.target)
        if intent is None:
            return missing("payment_intent", call.target)
        if intent["status"] != "requires_capture":
            return _unexpected_state(intent, "captured")
        amount = intent["amount_capturable"]
        if "amount_to_capture" in call.form.values:
            amount = call.form.amount("amount_to_capture")
        if amount > intent["amount_capturable"]:
            return refused(
                "The requested capture amount is greater than the amount you can capture.",
                code="amount_too_large",
                param="amount_to_capture",
            )
        intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
        return self._changed(intent, call, "capture", amount)

    def cancel(self, call: Call) -> Answer:
        """POST /v1/payment_intents/{id}/cancel."""
        call.form.only("cancellation_reason")
        intent = self._store.intent(call.target)
        if intent is None:
            return missing("payment_intent", call.target)
        if intent["status"] in {"succeeded", "canceled"}:
            return _unexpected_state(intent, "canceled")
        amount = intent["amount_capturable"]
        intent |= {"status": "canceled", "amount_capturable": 0, "canceled_at": _now_s()}
        return self._changed(intent, call, "void", amount)

    def refund(self, call: Call) -> Answer:
        """POST /v1/refunds."""
        call.form.only("amount", "metadata", "payment_intent", "reason")
        intent = self._store.intent(call.form.text("payment_intent"))
        if intent is None:
            return missing("payment_intent", call.form.text("payment_intent"))
        if intent["status"] != "succeeded":
            return refused(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
            )
        refunded = sum(refund["amount"] for refund in self._store.refunds(intent["id"]))
        remaining = intent["amount_received"] - refunded
        if remaining == 0:
            return refused(
                f"Charge {intent['latest_charge']} has already been refunded.",
                code="charge_already_refunded",
            )
        amount = call.form.amount("amount") if "amount" in call.form.values else remaining
        if amount > remaining:
            return refused(
                f"Refund amount ({amount}) is greater than unrefunded amount on charge "
                f"({remaining})",
                param="amount",
            )
        refund = _new_refund(call.form, intent, amount)
        self._store.save_refund(refund)
        self._effect(refund, intent, call, "refund", amount)
        return done(refund)

    def _declined(self, intent: Json, decline_code: str) -> Answer:
        error = {
            "type": "card_error",
            "code": "card_declined",
            "decline_code": decline_code,
            "message": "Your card was declined.",
            "charge": intent["latest_charge"],
        }
        intent |= {"status": "requires_payment_method", "last_payment_error": error}
        self._store.save_intent(intent)
        return Answer(status=402, body={"error": {**error, "payment_intent": intent}})

    def _changed(self, intent: Json, call: Call, kind: str, amount: int) -> Answer:
        self._store.save_intent(intent)
        self._effect(intent, intent, call, kind, amount)
        return done(intent)

    def _effect(self, changed: Json, intent: Json, call: Call, kind: str, amount: int) -> None:
        about = intent["metadata"]
        self._store.save_effect(
            ProviderRow(
                reference=changed["id"],
                operation_id=call.operation_id(),
                payment_id=about.get("payment_id", ""),
                kind=kind,
                amount=amount,
                currency=intent["currency"].upper(),
                status=changed["status"],
                time_ns=time.time_ns(),
                merchant=about.get("merchant", ""),
                idempotency_key=call.form.metadata.get("idempotency_key"),
            )
        )


def _new_intent(form: Form) -> Json:
    form.only(*_CREATE_PARAMETERS)
    method = form.text("capture_method", "automatic")
    if method not in {"automatic", "manual"}:
        raise ParameterError(
            f"Invalid capture_method: {method}", code="parameter_invalid", param="capture_method"
        )
    if form.text("confirm") != "true":
        raise ParameterError(
            "The simulator only confirms at once.", code="parameter_invalid", param="confirm"
        )
    return {
        "id": f"pi_{uuid.uuid4().hex[:24]}",
        "object": "payment_intent",
        "amount": form.amount("amount"),
        "amount_capturable": 0,
        "amount_received": 0,
        "canceled_at": None,
        "capture_method": method,
        "created": _now_s(),
        "currency": form.text("currency").lower(),
        "last_payment_error": None,
        "latest_charge": f"ch_{uuid.uuid4().hex[:24]}",
        "livemode": False,
        "metadata": form.metadata,
        "payment_method": form.text("payment_method"),
        "payment_method_types": ["card"],
    }


def _new_refund(form: Form, intent: Json, amount: int) -> Json:
    return {
        "id": f"re_{uuid.uuid4().hex[:24]}",
        "object": "refund",
        "amount": amount,
        "charge": intent["latest_charge"],
        "created": _now_s(),
        "currency": intent["currency"],
        "metadata": form.metadata,
        "payment_intent": intent["id"],
        "reason": form.values.get("reason"),
        "status": "succeeded",
    }


def _unexpected_state(intent: Json, wanted: str) -> Answer:
    return refused(
        f"This PaymentIntent could not be {wanted} because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        payment_intent=intent,
    )


def _now_s() -> int:
    return time.time_ns() // _NS
