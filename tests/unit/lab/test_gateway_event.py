import base64
import json
from typing import Any

import pytest

from payment_dr.lab.gateway_event import HttpResponse, event_of, gateway_error, response_of


def scope(**changed: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": "/v1/payments",
        "query_string": b"",
        "http_version": "1.1",
        "client": ("127.0.0.1", 50000),
        "headers": [(b"host", b"api.payments.example"), (b"User-Agent", b"curl/8")],
        **changed,
    }


def event(body: bytes = b"", **changed: Any) -> dict[str, Any]:
    return event_of(scope(**changed), body, request_id="r-1", now=1_700_000_000.25)


def test_an_event_has_the_fields_of_payload_format_two() -> None:
    assert event(b'{"amount": 1}') == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/v1/payments",
        "rawQueryString": "",
        "headers": {"host": "api.payments.example", "user-agent": "curl/8"},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "lab",
            "domainName": "api.payments.example",
            "domainPrefix": "lab",
            "http": {
                "method": "POST",
                "path": "/v1/payments",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl/8",
            },
            "requestId": "r-1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "14/Nov/2023:22:13:20 +0000",
            "timeEpoch": 1_700_000_000_250,
        },
        "body": '{"amount": 1}',
        "isBase64Encoded": False,
    }


def test_without_a_body_query_or_cookies_those_fields_are_absent() -> None:
    assert not {"body", "queryStringParameters", "cookies"} & event().keys()
    assert event(client=None)["requestContext"]["http"]["sourceIp"] == ""


def test_repeated_headers_and_parameters_are_joined_by_commas() -> None:
    found = event(headers=[(b"A", b"1"), (b"a", b"2")], query_string=b"x=1&x=2&y=")
    assert found["headers"] == {"a": "1,2"}
    assert found["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert found["rawQueryString"] == "x=1&x=2&y="


def test_cookies_are_a_list_and_no_header() -> None:
    found = event(headers=[(b"cookie", b"a=1; b=2")])
    assert found["cookies"] == ["a=1", "b=2"]
    assert not found["headers"]


def test_a_body_that_is_no_text_comes_in_base64() -> None:
    found = event(b"\xff\x00")
    assert found["isBase64Encoded"]
    assert base64.b64decode(found["body"]) == b"\xff\x00"


@pytest.mark.parametrize(
    ("answer", "response"),
    [
        (
            {"statusCode": "201", "headers": {"X-A": 1}, "body": "hi", "cookies": ["c=1"]},
            HttpResponse(status=201, headers=(("x-a", "1"), ("set-cookie", "c=1")), body=b"hi"),
        ),
        ({"statusCode": 204}, HttpResponse(status=204, headers=(), body=b"")),
        (
            {"statusCode": 200, "body": "/wA=", "isBase64Encoded": True},
            HttpResponse(status=200, headers=(), body=b"\xff\x00"),
        ),
        (
            {"any": "thing"},
            HttpResponse(
                status=200,
                headers=(("content-type", "application/json"),),
                body=b'{"any": "thing"}',
            ),
        ),
    ],
)
def test_an_answer_becomes_http(answer: object, response: HttpResponse) -> None:
    assert response_of(answer) == response


def test_the_gateways_own_errors_are_json() -> None:
    assert json.loads(gateway_error(503, "Service Unavailable").body) == {
        "message": "Service Unavailable"
    }
