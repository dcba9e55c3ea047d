"""Requests are bounded and typed before anything is done, and what they held is not repeated."""

import base64
import json
from typing import Any

import pytest

from payment_dr.functions.bodies import AmountBody, EmptyBody, PaymentBody
from payment_dr.functions.requests import (
    BODY_BYTES_MAX,
    HEADER_CHARS_MAX,
    HttpRequest,
    RefusedError,
    request_of,
)

PAYMENT = {"amount": 1250, "currency": "EUR"}


def event(body: str | None = None, **headers: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "version": "2.0",
        "rawPath": "/v1/payments",
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"http": {"method": "POST"}, "requestId": "gateway's"},
        "isBase64Encoded": False,
    }
    return made if body is None else {**made, "body": body}


def request(body: str | None = None, **headers: str) -> HttpRequest:
    return request_of(event(body, **headers))


def refusal(given: HttpRequest, kind: type[PaymentBody | AmountBody | EmptyBody]) -> str:
    with pytest.raises(RefusedError) as caught:
        given.parsed(kind)
    assert caught.value.response.status in {400, 413, 415, 422}
    return caught.value.response.body


def test_a_body_is_read_with_its_defaults() -> None:
    assert request(json.dumps(PAYMENT)).parsed(PaymentBody) == PaymentBody(
        amount=1250, currency="EUR", capture=True, payment_method="pm_card_visa"
    )


def test_a_body_in_base64_is_read_too() -> None:
    encoded = base64.b64encode(json.dumps({"amount": 7}).encode()).decode()
    given = request_of({**event(encoded), "isBase64Encoded": True})
    assert given.parsed(AmountBody).amount == 7


def test_no_body_is_an_empty_object() -> None:
    assert request().parsed(EmptyBody) == EmptyBody()
    assert "amount: Field required" in refusal(request(), AmountBody)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 12.5},
        {"amount": 1250.0},
        {"amount": True},
        {"amount": "1250"},
        {"amount": None},
        {"amount": 0},
        {"amount": -1},
        {"amount": 100_000_000},
        {"amount": 10**400},
        {"metadata": None},
        {"metadata": ["a"]},
        {"metadata": {"a": 1}},
        {"metadata": {"a b": "x"}},
        {"metadata": {"a": "x" * 201}},
        {"metadata": {"a": {"b": "c"}}},
        {"metadata": {str(number): "" for number in range(21)}},
        {"currency": "eur"},
        {"currency": "EURO"},
        {"currency": "EUR\n"},
        {"currency": 978},
        {"capture": "yes"},
        {"capture": 1},
        {"payment_method": ""},
        {"payment_method": "pm\n"},
        {"payment_method": "p" * 256},
        {"unknown": 1},
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(changes: dict[str, object]) -> None:
    (name,) = changes
    assert name in refusal(request(json.dumps({**PAYMENT, **changes})), PaymentBody)


@pytest.mark.parametrize("text", ["[]", "null", '"x"', "1", "true"])
def test_what_is_no_object_is_refused(text: str) -> None:
    assert "invalid_request" in refusal(request(text), AmountBody)


@pytest.mark.parametrize("text", ["{", '{"amount": NaN}', '{"amount": 1} {}', "\udcff"])
def test_what_is_not_json_is_refused(text: str) -> None:
    assert "invalid_json" in refusal(request(text), AmountBody)


def test_a_body_that_is_no_text_is_refused() -> None:
    encoded = base64.b64encode(b"\xff\xfe").decode()
    assert "invalid_json" in refusal(
        request_of({**event(encoded), "isBase64Encoded": True}), AmountBody
    )


def test_what_is_not_base64_is_refused() -> None:
    given = request_of({**event("!!!"), "isBase64Encoded": True})
    assert "invalid_json" in refusal(given, AmountBody)


@pytest.mark.parametrize("is_base64", [True, False])
def test_a_body_that_is_too_large_is_refused_before_it_is_parsed(*, is_base64: bool) -> None:
    for size in (BODY_BYTES_MAX + 1, BODY_BYTES_MAX * 10):
        raw = b" " * size
        text = base64.b64encode(raw).decode() if is_base64 else raw.decode()
        given = request_of({**event(text), "isBase64Encoded": is_base64})
        assert "body_too_large" in refusal(given, EmptyBody)


def test_a_body_that_is_too_large_in_utf_8_is_refused() -> None:
    assert "body_too_large" in refusal(request("é" * (BODY_BYTES_MAX // 2 + 1)), EmptyBody)


def test_what_was_sent_is_in_no_refusal() -> None:
    card = "4242424242424242"
    for text in (f'{{"amount": "{card}"}}', card, f'{{"amount": 1, "{card}": 1}}'):
        assert card not in refusal(request(text), AmountBody)


def test_a_refusal_is_small_however_much_is_wrong() -> None:
    body = {f"{number}-{'x' * 200}": number for number in range(200)}
    assert len(refusal(request(json.dumps(body)), AmountBody)) < 2_000


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_taken_as_such(kind: str) -> None:
    assert request('{"amount": 1}', content_type=kind).parsed(AmountBody).amount == 1


@pytest.mark.parametrize("kind", ["text/plain", "application/json-seq", "", "multipart/form-data"])
def test_another_media_type_is_refused(kind: str) -> None:
    given = request('{"amount": 1}', content_type=kind)
    assert "unsupported_media_type" in refusal(given, AmountBody)
    assert request(content_type=kind).parsed(EmptyBody) == EmptyBody()


def test_headers_have_a_bound() -> None:
    request(x="y" * (HEADER_CHARS_MAX - 1)).check_size()
    with pytest.raises(RefusedError) as caught:
        request(x="y" * HEADER_CHARS_MAX).check_size()
    assert (caught.value.response.status, caught.value.response.code) == (431, "headers_too_large")


def test_the_parameters_of_a_query_come_as_the_gateway_joins_them() -> None:
    assert request_of({**event(), "queryStringParameters": {"limit": "1,2"}}).query == {
        "limit": "1,2"
    }
    assert not request().query


def test_the_idempotency_key_is_required() -> None:
    assert request(idempotency_key="k").idempotency_key == "k"
    for given in (request(), request(idempotency_key="")):
        with pytest.raises(RefusedError) as caught:
            _ = given.idempotency_key
        assert caught.value.response.code == "idempotency_key_missing"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc-1", "abc-1"),
        ("", "gateway's"),
        ("a b", "gateway's"),
        ('x"\n', "gateway's"),
        ("x" * 129, "gateway's"),
        ("4242-4242-4242-4242", "gateway's"),
    ],
)
def test_a_clients_request_id_is_kept_when_it_cannot_spoil_a_log(given: str, kept: str) -> None:
    assert request(x_request_id=given).request_id == kept
    assert request().request_id == "gateway's"
