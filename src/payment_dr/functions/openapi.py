"""The API's description in OpenAPI 3.1, made from the routes and models that the API itself uses.

Served at `/v1/openapi.json` and kept at docs/reference/openapi.json.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from payment_dr.functions import openapi_provider
from payment_dr.functions.answers import ENDPOINT_ID_PATTERN, Health, Problem, Received, Takeover
from payment_dr.functions.bodies import VISIBLE_PATTERN, EmptyBody, RotationBody
from payment_dr.functions.error_catalogue import CATALOGUE, Code
from payment_dr.functions.listing import CURSOR_PATTERN, LIMIT_DEFAULT, LIMIT_MAX
from payment_dr.functions.openapi_links import links
from payment_dr.functions.routes import ROUTES, Route
from payment_dr.payments.merchants import Scope

Json = dict[str, Any]

_VERSION: Final = "1.0.0"
_REF: Final = "#/components/schemas/{model}"
_KEY: Final = "apiKey"

_OPTIONAL_BODIES: Final = (EmptyBody, RotationBody)

_ALWAYS: Final = (
    Code.INVALID_QUERY,
    Code.UNAUTHORISED,
    Code.SCOPE_MISSING,
    Code.HEADERS_TOO_LARGE,
    Code.INTERNAL,
    Code.UNAVAILABLE,
)
_WITH_BODY: Final = (
    Code.INVALID_JSON,
    Code.JSON_TOO_DEEP,
    Code.INVALID_REQUEST,
    Code.KEY_MISSING,
    Code.KEY_INVALID,
    Code.BODY_TOO_LARGE,
    Code.UNSUPPORTED_MEDIA_TYPE,
    Code.CARD_NUMBER_REFUSED,
)
_PUBLIC: Final = (Code.HEADERS_TOO_LARGE, Code.INTERNAL)
_RETRIED: Final = frozenset({Code.IN_PROGRESS, Code.UNAVAILABLE, Code.OUTCOME_UNKNOWN})

_PATH_PARAMETERS: Final[Mapping[str, Json]] = {
    "payment_id": {"type": "string", "format": "uuid"},
    "event_id": {"type": "string", "format": "uuid"},
    "endpoint_id": {"type": "string", "pattern": ENDPOINT_ID_PATTERN},
}


@cache
def openapi_json() -> str:
    """The description as it is served."""
    return json.dumps(openapi())


def codes_of(route: Route) -> tuple[Code, ...]:
    """Every problem that a route may answer, in the order of the catalogue."""
    lists = (Code.INVALID_CURSOR,) if route.is_list else ()
    found = {*_ALWAYS, *(_WITH_BODY if route.body else ()), *lists, *route.codes}
    return tuple(code for code in CATALOGUE if code in found)


def openapi() -> Json:
    """The whole document."""
    paths: dict[str, Json] = {
        "/health": {"get": _public("getHealth", "Ask whether this site can take payments", Health)},
        "/takeover": {"get": _takeover()},
        "/v1/openapi.json": {"get": _public("getOpenApi", "Read this document", None)},
        openapi_provider.PROVIDER_PATH: {
            "post": openapi_provider.operation(
                _ref(Received),
                _problems(openapi_provider.CODES),
                _headers(),
                _headers(retried=True),
            )
        },
    }
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "payment-dr",
            "version": _VERSION,
            "description": "Payments that outlive the loss of a region. Amounts are integers of "
            "minor units, times Unix seconds. Whatever writes takes an `Idempotency-Key`: a retry "
            "under the same key, at either site, gets the same answer and does nothing twice.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                _KEY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, `sk_test_...` or `sk_live_...`. What it may do is "
                    f"its scopes: {', '.join(Scope)}.",
                },
                openapi_provider.SIGNATURE: openapi_provider.SCHEME,
            },
        },
    }


def _schemas() -> Json:
    """Every model that a route takes or answers, and the problem."""
    wanted: dict[type[BaseModel], Literal["validation", "serialization"]] = {
        Problem: "serialization",
        Health: "serialization",
        Received: "serialization",
        Takeover: "serialization",
    }
    for route in ROUTES:
        wanted |= dict.fromkeys(route.answers.values(), "serialization")
        if route.body is not None:
            wanted[route.body] = "validation"
    _, made = models_json_schema(list(wanted.items()), ref_template=_REF)
    schemas: dict[str, Json] = made["$defs"]
    for model in wanted:
        if wanted[model] == "serialization":
            for field in schemas[model.__name__].get("properties", {}).values():
                # What is absent is absent: no default stands for it.
                field.pop("default", None)
    return dict(sorted(schemas.items()))


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": route.operation_id,
        "summary": route.summary,
        "description": f"Needs the scope `{route.scope}`.",
        "security": [{_KEY: []}],
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": route.body not in _OPTIONAL_BODIES,
            "content": {"application/json": {"schema": _ref(route.body)}},
        }
    return operation


def _parameters(route: Route) -> list[Json]:
    found: list[Json] = [
        {
            "name": part.strip("{}"),
            "in": "path",
            "required": True,
            "schema": _PATH_PARAMETERS[part.strip("{}")],
        }
        for part in route.parts
        if part.startswith("{")
    ]
    if route.body is not None:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "The client's name of this one operation.",
                "schema": {"type": "string", "pattern": VISIBLE_PATTERN},
            }
        )
    if route.is_list:
        limit = {
            "type": "integer",
            "minimum": 1,
            "maximum": LIMIT_MAX,
            "default": LIMIT_DEFAULT,
        }
        cursor = {"type": "string", "pattern": CURSOR_PATTERN}
        found += [
            {"name": "limit", "in": "query", "description": "Rows per page.", "schema": limit},
            {
                "name": "cursor",
                "in": "query",
                "description": "`next_cursor` of the page before.",
                "schema": cursor,
            },
        ]
    return found


def _responses(route: Route) -> Json:
    responses: dict[str, Json] = {}
    for status, model in route.answers.items():
        replayed = route.body is not None and status != HTTPStatus.ACCEPTED
        headers = {**_headers(replayed=replayed, retried=status == HTTPStatus.ACCEPTED)}
        responses[str(status)] = {
            "description": (model.__doc__ or "").strip(),
            "headers": headers,
            "content": {"application/json": {"schema": _ref(model)}},
        }
        if status in (HTTPStatus.OK, HTTPStatus.CREATED):
            found = links(route.operation_id)
            responses[str(status)] |= {"links": found} if found else {}
    return responses | _problems(codes_of(route))


def _problems(codes: Iterable[Code]) -> Json:
    by_status: dict[int, list[Code]] = {}
    for code in codes:
        by_status.setdefault(CATALOGUE[code].status, []).append(code)
    return {
        str(int(status)): {
            "description": "; ".join(f"`{code}`: {CATALOGUE[code].title}" for code in found),
            "headers": _headers(
                retried=any(code in _RETRIED for code in found),
                challenged=Code.UNAUTHORISED in found,
            ),
            "content": {"application/problem+json": {"schema": _ref(Problem)}},
        }
        for status, found in by_status.items()
    }


def _public(operation_id: str, summary: str, model: type[BaseModel] | None) -> Json:
    """A route that needs no key."""
    codes = (*_PUBLIC, Code.UNAVAILABLE) if model is not None else _PUBLIC
    schema = {"type": "object"} if model is None else _ref(model)
    found = {"description": summary, "headers": _headers()}
    return {
        "operationId": operation_id,
        "summary": summary,
        "security": [],
        "responses": {
            "200": {**found, "content": {"application/json": {"schema": schema}}},
            **_problems(codes),
        },
    }


def _takeover() -> Json:
    """Not raised is an answer too, of a status that Route 53 takes for none."""
    operation = _public("getTakeover", "Ask whether clients are to leave home", Takeover)
    raised = operation["responses"]["200"]
    lowered = {**raised, "description": "Clients are to be at home, if it answers"}
    return {**operation, "responses": {**operation["responses"], "404": lowered}}


def _headers(
    *, replayed: bool = False, retried: bool = False, challenged: bool = False
) -> dict[str, Json]:
    text: Json = {"type": "string"}
    headers: dict[str, Json] = {
        "Payment-Site": {
            "description": "The site that answered.",
            "required": True,
            "schema": text,
        },
        "X-Request-Id": {
            "description": "That of the request, if it had one.",
            "required": True,
            "schema": text,
        },
    }
    if replayed:
        headers["Idempotent-Replayed"] = {
            "description": "`true` when the answer is that of an earlier request.",
            "schema": {"type": "string", "const": "true"},
        }
    if retried:
        headers["Retry-After"] = {
            "description": "Seconds after which to ask again.",
            "schema": {"type": "string", "pattern": "^[0-9]+$"},
        }
    if challenged:
        headers["WWW-Authenticate"] = {"required": True, "schema": text}
    return headers


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": _REF.format(model=model.__name__)}
