"""Webhook endpoints over HTTP. A secret is in the answers to creation and rotation alone."""

import re
from http import HTTPStatus
from typing import Final, assert_never

from pydantic import BaseModel

from payment_dr.functions.answers import (
    EndpointAnswer,
    EndpointList,
    EndpointStatus,
    EndpointWithSecret,
)
from payment_dr.functions.asked import Asked
from payment_dr.functions.bodies import (
    URL_PATTERN,
    EmptyBody,
    EndpointBody,
    EndpointChangeBody,
    RotationBody,
)
from payment_dr.functions.composition import Composition
from payment_dr.functions.error_catalogue import Code
from payment_dr.functions.http import HttpResponse, problem
from payment_dr.functions.requests import refused
from payment_dr.payments.endpoints import (
    ChangeEndpoint,
    CreateEndpoint,
    DisableEndpoint,
    EndpointKeyReused,
    EndpointNotFound,
    EndpointRequest,
    EndpointWritten,
    RotateSecret,
    TooManyEndpoints,
)
from payment_dr.payments.merchants import ENDPOINTS_MAX
from payment_dr.payments.webhooks import WebhookEndpoint, secret_of, url_fault

_URL: Final = re.compile(URL_PATTERN.strip("^$"))


def create(parts: Composition, asked: Asked) -> HttpResponse:
    """A new endpoint with its secret."""
    key, body = asked.request.idempotency_key, asked.request.parsed(EndpointBody)
    request = CreateEndpoint(url=_fit(body.url), events=_events(body.events))
    return _write(parts, asked, request, key, HTTPStatus.CREATED)


def change(parts: Composition, asked: Asked) -> HttpResponse:
    """Another URL or other events."""
    key, body = asked.request.idempotency_key, asked.request.parsed(EndpointChangeBody)
    request = ChangeEndpoint(
        endpoint_id=asked.named["endpoint_id"],
        url=None if body.url is None else _fit(body.url),
        events=None if body.events is None else _events(body.events),
    )
    return _write(parts, asked, request, key, HTTPStatus.OK)


def rotate(parts: Composition, asked: Asked) -> HttpResponse:
    """A new secret."""
    key, body = asked.request.idempotency_key, asked.request.parsed(RotationBody)
    request = RotateSecret(endpoint_id=asked.named["endpoint_id"], overlap_s=body.overlap_s)
    return _write(parts, asked, request, key, HTTPStatus.OK)


def disable(parts: Composition, asked: Asked) -> HttpResponse:
    """Nothing more is sent there."""
    key = asked.request.idempotency_key
    asked.request.parsed(EmptyBody)
    request = DisableEndpoint(endpoint_id=asked.named["endpoint_id"])
    return _write(parts, asked, request, key, HTTPStatus.OK)


def read(parts: Composition, asked: Asked) -> HttpResponse:
    """One endpoint, without its secret."""
    found = parts.merchants.endpoints.get(asked.merchant, asked.named["endpoint_id"])
    return _not_found() if found is None else _answer(parts, found, HTTPStatus.OK)


def every(parts: Composition, asked: Asked) -> HttpResponse:
    """All endpoints of the merchant, without their secrets."""
    now = parts.ports.clock.now()
    found = parts.merchants.endpoints.all(asked.merchant)
    return _respond(EndpointList(data=[_shown(e, now) for e in found]), HTTPStatus.OK)


def _write(
    parts: Composition, asked: Asked, request: EndpointRequest, key: str, status: HTTPStatus
) -> HttpResponse:
    shows_secret = isinstance(request, CreateEndpoint | RotateSecret)
    if shows_secret:
        # Before anything is written: without it the secret could not be shown.
        parts.merchants.webhook_master()
    outcome = parts.merchants.endpoints.write(asked.merchant, request, key)
    match outcome:
        case EndpointWritten():
            rotation = outcome.rotation if shows_secret else None
            headers = {"idempotent-replayed": "true"} if outcome.replayed else {}
            return _answer(parts, outcome.endpoint, status, rotation=rotation, headers=headers)
        case EndpointKeyReused():
            return problem(
                Code.KEY_REUSED,
                "this Idempotency-Key was used for another request; nothing took effect",
            )
        case EndpointNotFound():
            return _not_found()
        case TooManyEndpoints():
            return problem(
                Code.TOO_MANY_ENDPOINTS, f"{ENDPOINTS_MAX} endpoints are in use; disable one first"
            )
        case unreachable:
            assert_never(unreachable)


def _answer(
    parts: Composition,
    endpoint: WebhookEndpoint,
    status: HTTPStatus,
    *,
    rotation: int | None = None,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    """The endpoint, with the secret of `rotation` if that is given."""
    shown = _shown(endpoint, parts.ports.clock.now())
    if rotation is None:
        return _respond(shown, status, headers)
    secret = secret_of(parts.merchants.webhook_master(), endpoint, rotation)
    return _respond(EndpointWithSecret(**shown.model_dump(), secret=secret), status, headers)


def _respond(
    body: BaseModel, status: HTTPStatus, headers: dict[str, str] | None = None
) -> HttpResponse:
    return HttpResponse(status=status, body=body.model_dump_json(), headers=headers or {})


def _shown(endpoint: WebhookEndpoint, now: float) -> EndpointAnswer:
    is_enabled = endpoint.disabled_at is None
    return EndpointAnswer(
        endpoint_id=endpoint.endpoint_id,
        url=endpoint.url,
        events=list(endpoint.events),
        status=EndpointStatus.ENABLED if is_enabled else EndpointStatus.DISABLED,
        created_at=endpoint.created_at,
        previous_secret_until=endpoint.previous_until if endpoint.previous_until > now else None,
    )


def _fit(url: str) -> str:
    fault = url_fault(url)
    if fault is not None:
        raise refused(Code.URL_REFUSED, f"the URL {fault}")
    if not _URL.fullmatch(url):
        raise refused(Code.URL_REFUSED, "the URL is not https://, a name in lower case, and a path")
    return url


def _events(given: list[str]) -> tuple[str, ...]:
    """In one order and each once, so that the same wish is the same request."""
    return tuple(sorted(set(given)))


def _not_found() -> HttpResponse:
    return problem(Code.ENDPOINT_NOT_FOUND, "there is no such webhook endpoint")
