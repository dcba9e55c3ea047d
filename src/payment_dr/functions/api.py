"""The HTTP API: authenticates, reads the request, lets the service act, and answers.

Every answer names the site (`Payment-Site`) and the request (`X-Request-Id`), and is one line of
the log, which holds neither keys nor means of payment.
"""

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.money import Money
from payment_dr.functions.composition import API, Composition, composition
from payment_dr.functions.http import HttpResponse, problem, respond
from payment_dr.functions.merchants import merchant_of
from payment_dr.functions.requests import (
    AmountBody,
    EmptyBody,
    HttpRequest,
    PaymentBody,
    RefusedError,
    request_of,
)
from payment_dr.payments.outcome import RETRY_S, NotFound, Unavailable
from payment_dr.payments.record import OperationKind
from payment_dr.payments.requests import InvalidRequestError, OperationRequest, PayRequest

_LOG: Final = logging.getLogger(__name__)
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KINDS: Final = {
    "captures": OperationKind.CAPTURE,
    "refunds": OperationKind.REFUND,
    "void": OperationKind.VOID,
}


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer one API Gateway event (HTTP API, payload format 2.0)."""
    return answer(composition(API), event)


def answer(parts: Composition, event: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one event with the given parts."""
    started = parts.ports.clock.monotonic()
    request = request_of(event)
    merchant, response = _answer(parts, request)
    is_quiet = request.path == ("health",) and response.status == HTTPStatus.OK
    if not is_quiet:
        fields = {
            "site": parts.environment.site,
            "request_id": request.request_id,
            "method": request.method,
            "path": "/" + "/".join(request.path),
            "status": response.status,
            "code": response.code,
            "merchant": merchant,
            "payment_id": response.payment_id,
            "duration_ms": round((parts.ports.clock.monotonic() - started) * 1000, 1),
        }
        _LOG.info("request", extra={"fields": fields})
    return response.to_event(
        {"payment-site": parts.environment.site, "x-request-id": request.request_id}
    )


def _answer(parts: Composition, request: HttpRequest) -> tuple[str | None, HttpResponse]:
    """The merchant, once known, and the answer; no error of ours leaves a client without one."""
    merchant = None
    try:
        if request.path == ("health",):
            return None, _health(parts)
        merchant = merchant_of(request.headers.get("authorization", ""), parts.merchants())
        if merchant is None:
            return None, _unauthorised()
        return merchant, _act(parts, request, merchant)
    except PaymentDrError as error:
        return merchant, _failure(error)


def _failure(error: PaymentDrError) -> HttpResponse:
    match error:
        case RefusedError():
            return error.response
        case InvalidRequestError():
            return problem(HTTPStatus.BAD_REQUEST, "invalid_request", error.what)
        case UnavailableError():
            _LOG.warning("unavailable", extra={"fields": {"reason": error.what}})
            return respond(Unavailable(reason=error.what, retry_after_s=RETRY_S))
        case _:
            _LOG.error("failed", exc_info=error)
            detail = "what took effect is not known; retry with the same Idempotency-Key"
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", detail)


def _act(parts: Composition, request: HttpRequest, merchant: str) -> HttpResponse:
    match (request.method, request.path):
        case ("POST", ("v1", "payments")):
            return respond(parts.service.pay(_pay_request(request, merchant)))
        case ("GET", ("v1", "payments", payment_id)):
            if not _UUID.fullmatch(payment_id):
                return respond(NotFound(payment_id=payment_id))
            return respond(parts.service.read(merchant=merchant, payment_id=payment_id))
        case ("POST", ("v1", "payments", payment_id, name)) if name in _KINDS:
            if not _UUID.fullmatch(payment_id):
                return respond(NotFound(payment_id=payment_id))
            operation = _operation_request(request, merchant, payment_id, _KINDS[name])
            return respond(parts.service.operate(operation))
        case _:
            return problem(HTTPStatus.NOT_FOUND, "no_such_route", "see the API's reference")


def _pay_request(request: HttpRequest, merchant: str) -> PayRequest:
    key, body = request.idempotency_key, request.parsed(PaymentBody)
    return PayRequest(
        merchant=merchant,
        idempotency_key=key,
        money=Money(minor_units=body.amount, currency=body.currency),
        capture=body.capture,
        payment_method=body.payment_method,
    )


def _operation_request(
    request: HttpRequest, merchant: str, payment_id: str, kind: OperationKind
) -> OperationRequest:
    key = request.idempotency_key
    amount = None
    if kind is OperationKind.VOID:
        request.parsed(EmptyBody)
    else:
        amount = request.parsed(AmountBody).amount
    return OperationRequest(
        merchant=merchant,
        payment_id=payment_id,
        idempotency_key=key,
        kind=kind,
        amount_minor=amount,
    )


def _health(parts: Composition) -> HttpResponse:
    """Whether this site can accept payments; the ledger is not needed for it."""
    parts.check_health()
    return HttpResponse(status=HTTPStatus.OK, body='{"status": "ok"}')


def _unauthorised() -> HttpResponse:
    return problem(
        HTTPStatus.UNAUTHORIZED,
        "unauthorised",
        "send a valid API key: Authorization: Bearer <key>",
        headers={"www-authenticate": "Bearer"},
    )
