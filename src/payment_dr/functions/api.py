"""The HTTP API: finds the route, authenticates, lets the route act, and answers.

Every answer names the site (`Payment-Site`) and the request (`X-Request-Id`), and is one line of
the log, which holds neither keys nor means of payment, nor anything of a path but its template.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.functions import provider_events
from payment_dr.functions.answers import Takeover, TakeoverLevel
from payment_dr.functions.asked import Asked
from payment_dr.functions.composition import API, Composition, composition
from payment_dr.functions.error_catalogue import Code
from payment_dr.functions.http import HttpResponse, problem
from payment_dr.functions.logs import correlated, logged
from payment_dr.functions.openapi import openapi_json
from payment_dr.functions.requests import HttpRequest, RefusedError, refused, request_of
from payment_dr.functions.routes import Match, find
from payment_dr.payments.merchants import Identity
from payment_dr.payments.outcome import RETRY_S
from payment_dr.payments.requests import InvalidRequestError

_LOG: Final = logging.getLogger(__name__)
_RETRY: Final = {"retry-after": str(RETRY_S)}

HEALTH: Final = ("health",)
TAKEOVER: Final = ("takeover",)
OPENAPI: Final = ("v1", "openapi.json")

_PUBLIC: Final = (HEALTH, TAKEOVER, OPENAPI)
_QUIET: Final[Mapping[tuple[str, ...], tuple[HTTPStatus, ...]]] = {
    HEALTH: (HTTPStatus.OK,),
    TAKEOVER: (HTTPStatus.OK, HTTPStatus.NOT_FOUND),
}
"""What probes ask several times a second, and the answers that are no news."""


@dataclass(kw_only=True, slots=True)
class _Told:
    """What the log says of a request, as far as it became known."""

    path: str | None = None
    merchant: str | None = None
    key_id: str | None = None


@logged
def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer one API Gateway event (HTTP API, payload format 2.0)."""
    return answer(composition(API), event)


def answer(parts: Composition, event: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one event with the given parts."""
    request = request_of(event)
    with correlated(request_id=request.request_id):
        return _answer_and_log(parts, request)


def _answer_and_log(parts: Composition, request: HttpRequest) -> dict[str, Any]:
    started = parts.ports.clock.monotonic()
    told = _Told()
    response = _answer(parts, request, told)
    if response.status not in _QUIET.get(request.path, ()):
        fields = {
            "site": parts.environment.site,
            "request_id": request.request_id,
            "method": request.method,
            "path": told.path,
            "status": response.status,
            "code": response.code,
            "merchant": told.merchant,
            "key_id": told.key_id,
            "payment_id": response.payment_id,
            "duration_ms": round((parts.ports.clock.monotonic() - started) * 1000, 1),
        }
        _LOG.info("request", extra={"fields": fields})
    return response.to_event(
        {"payment-site": parts.environment.site, "x-request-id": request.request_id}
    )


def _answer(parts: Composition, request: HttpRequest, told: _Told) -> HttpResponse:
    """No error of ours leaves a client without an answer."""
    try:
        request.check_size()
        if request.path in _PUBLIC:
            told.path = "/" + "/".join(request.path)
            return _public(parts, request)
        if request.path == provider_events.PATH:
            told.path = "/" + "/".join(request.path)
            return _provider_event(parts, request)
        match = find(request.method, request.path)
        if not isinstance(match, Match):
            return _no_route(match)
        told.path = match.route.path
        identity = _identified(parts, request)
        told.merchant, told.key_id = identity.merchant, identity.key_id
        return _act(parts, request, match, identity)
    except PaymentDrError as error:
        return _failure(error)


def _public(parts: Composition, request: HttpRequest) -> HttpResponse:
    """What needs no key."""
    if request.method != "GET":
        return _no_route(("GET",))
    if request.path == OPENAPI:
        return HttpResponse(status=HTTPStatus.OK, body=openapi_json())
    if request.path == TAKEOVER:
        return _takeover(parts)
    # Whether this site can accept payments; the ledger is not needed for it.
    parts.check_health()
    return HttpResponse(status=HTTPStatus.OK, body='{"status": "ok"}')


def _takeover(parts: Composition) -> HttpResponse:
    """Whether clients are to leave home: to Route 53 a good status is "yes", any other "no".

    Not being able to tell is "no" thereby, and home is answered: it can accept as well.
    """
    level, status = TakeoverLevel.LOWERED, HTTPStatus.NOT_FOUND
    if parts.takeover_raised():
        level, status = TakeoverLevel.RAISED, HTTPStatus.OK
    return HttpResponse(status=status, body=Takeover(takeover=level).model_dump_json())


def _provider_event(parts: Composition, request: HttpRequest) -> HttpResponse:
    """A webhook of the provider, which signs it and has no key of ours."""
    if request.method != "POST":
        return _no_route(("POST",))
    return provider_events.receive(
        parts, parts.provider_secret(), request.headers, provider_events.body_of(request)
    )


def _no_route(methods: tuple[str, ...]) -> HttpResponse:
    """Nothing is at the path, or it takes other methods only."""
    if not methods:
        return problem(Code.NO_SUCH_ROUTE, "see the API's reference")
    allowed = ", ".join(methods)
    return problem(
        Code.METHOD_NOT_ALLOWED, f"this path takes {allowed}", headers={"allow": allowed}
    )


def _identified(parts: Composition, request: HttpRequest) -> Identity:
    identity = parts.merchants.identify(request.headers.get("authorization", ""))
    if identity is None:
        raise RefusedError(
            problem(
                Code.UNAUTHORISED,
                "send a valid API key: Authorization: Bearer <key>",
                headers={"www-authenticate": "Bearer"},
            )
        )
    return identity


def _act(
    parts: Composition, request: HttpRequest, match: Match, identity: Identity
) -> HttpResponse:
    route = match.route
    if route.scope not in identity.scopes:
        raise refused(Code.SCOPE_MISSING, f"the key lacks the scope {route.scope}")
    if request.query and not route.is_list:
        raise refused(Code.INVALID_QUERY, "this path takes no query parameters")
    return route.act(parts, Asked(request=request, merchant=identity.merchant, named=match.named))


def _failure(error: PaymentDrError) -> HttpResponse:
    match error:
        case RefusedError():
            return error.response
        case InvalidRequestError():
            return problem(Code(error.fault), error.what)
        case UnavailableError():
            _LOG.warning("unavailable", extra={"fields": {"reason": error.what}})
            if not error.definite:
                detail = "what took effect is not known; retry with the same Idempotency-Key"
                return problem(Code.OUTCOME_UNKNOWN, detail, headers=_RETRY)
            return problem(
                Code.UNAVAILABLE, "nothing took effect; try again with the same key", headers=_RETRY
            )
        case _:
            _LOG.error("failed", exc_info=error)
            detail = "what took effect is not known; retry with the same Idempotency-Key"
            return problem(Code.INTERNAL, detail)
