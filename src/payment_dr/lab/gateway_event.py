"""HTTP requests as API Gateway hands them to Lambda (HTTP API, payload format 2.0), and back.

Shapes: "Create AWS Lambda proxy integrations for HTTP APIs" in the guide at
https://docs.aws.amazon.com/apigateway/latest/developerguide/
"""

import base64
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import parse_qsl

_STAGE: Final = "$default"


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpResponse:
    """A whole HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def event_of(
    scope: Mapping[str, Any], body: bytes, *, request_id: str, now: float
) -> dict[str, Any]:
    """The event for an ASGI `scope` and its body; `now` in Unix seconds."""
    headers, cookies = _headers(scope["headers"])
    path = scope["path"]
    query = scope["query_string"].decode("latin-1")
    text, is_base64 = _text(body)
    event = {
        "version": "2.0",
        "routeKey": _STAGE,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "lab",
            "domainName": headers.get("host", ""),
            "domainPrefix": "lab",
            "http": {
                "method": scope["method"],
                "path": path,
                "protocol": f"HTTP/{scope['http_version']}",
                "sourceIp": scope["client"][0] if scope["client"] else "",
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": _STAGE,
            "stage": _STAGE,
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": is_base64,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = _joined(parse_qsl(query, keep_blank_values=True))
    if body:
        event["body"] = text
    return event


def response_of(answer: object) -> HttpResponse:
    """The HTTP answer for what a handler returned.

    Anything without a `statusCode` is itself the JSON body of a 200, as in API Gateway.
    """
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return json_response(200, json.dumps(answer).encode())
    given = cast("dict[str, Any]", answer)
    body = str(given.get("body") or "").encode()
    named: dict[str, Any] = given.get("headers") or {}
    headers = [(name.lower(), str(value)) for name, value in named.items()]
    headers += [("set-cookie", str(cookie)) for cookie in given.get("cookies") or ()]
    return HttpResponse(
        status=int(given["statusCode"]),
        headers=tuple(headers),
        body=base64.b64decode(body) if given.get("isBase64Encoded") else body,
    )


def json_response(status: int, body: bytes) -> HttpResponse:
    """An answer with a JSON body."""
    return HttpResponse(status=status, headers=(("content-type", "application/json"),), body=body)


def gateway_error(status: int, message: str) -> HttpResponse:
    """An answer of the gateway itself, not of the handler."""
    return json_response(status, json.dumps({"message": message}).encode())


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> tuple[dict[str, str], list[str]]:
    pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw]
    cookies = [part for name, value in pairs if name == "cookie" for part in value.split("; ")]
    return _joined((name, value) for name, value in pairs if name != "cookie"), cookies


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Repeated names with their values joined by commas."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _text(body: bytes) -> tuple[str, bool]:
    """The body as text, or in base64 when it is no UTF-8."""
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True
