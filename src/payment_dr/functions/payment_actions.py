"""Payments and operations on them: from a request to the service, and back to an answer."""

from payment_dr.core.identifiers import is_uuid
from payment_dr.core.money import Money
from payment_dr.functions.asked import Asked
from payment_dr.functions.bodies import AmountBody, EmptyBody, PaymentBody
from payment_dr.functions.composition import Composition
from payment_dr.functions.http import HttpResponse, payment_not_found, respond
from payment_dr.functions.logs import correlated
from payment_dr.payments.metadata import metadata_of
from payment_dr.payments.record import OperationKind
from payment_dr.payments.record import payment_id as payment_id_of
from payment_dr.payments.requests import OperationRequest, PayRequest


def pay(parts: Composition, asked: Asked) -> HttpResponse:
    """Charge or authorise."""
    key, body = asked.request.idempotency_key, asked.request.parsed(PaymentBody)
    request = PayRequest(
        merchant=asked.merchant,
        idempotency_key=key,
        money=Money(minor_units=body.amount, currency=body.currency),
        capture=body.capture,
        payment_method=body.payment_method,
        metadata=metadata_of(body.metadata),
        request_id=asked.request.request_id,
    )
    with correlated(payment_id=payment_id_of(asked.merchant, key)):
        return respond(parts.service.pay(request))


def read(parts: Composition, asked: Asked) -> HttpResponse:
    """The payment as every earlier acknowledgement left it."""
    payment_id = asked.named["payment_id"]
    if not is_uuid(payment_id):
        return payment_not_found(None)
    return respond(parts.service.read(merchant=asked.merchant, payment_id=payment_id))


def capture(parts: Composition, asked: Asked) -> HttpResponse:
    """Capture an authorisation."""
    return _operate(parts, asked, OperationKind.CAPTURE)


def refund(parts: Composition, asked: Asked) -> HttpResponse:
    """Refund what was captured."""
    return _operate(parts, asked, OperationKind.REFUND)


def void(parts: Composition, asked: Asked) -> HttpResponse:
    """Free an authorisation."""
    return _operate(parts, asked, OperationKind.VOID)


def _operate(parts: Composition, asked: Asked, kind: OperationKind) -> HttpResponse:
    payment_id = asked.named["payment_id"]
    if not is_uuid(payment_id):
        return payment_not_found(None)
    key, amount = asked.request.idempotency_key, None
    if kind is OperationKind.VOID:
        asked.request.parsed(EmptyBody)
    else:
        amount = asked.request.parsed(AmountBody).amount
    request = OperationRequest(
        merchant=asked.merchant,
        payment_id=payment_id,
        idempotency_key=key,
        kind=kind,
        amount_minor=amount,
        request_id=asked.request.request_id,
    )
    with correlated(payment_id=request.payment_id):
        return respond(parts.service.operate(request))
