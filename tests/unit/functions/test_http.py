"""Each way a request can end has its status, and says what the client is to do next."""

import json
from typing import Any

import pytest

from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.functions.http import HttpResponse, respond
from payment_dr.payments.outcome import (
    Created,
    DeclinedOutcome,
    Found,
    Indeterminate,
    InProgress,
    KeyReused,
    NotAllowed,
    NotFound,
    OperationOutcome,
    ReadOutcome,
    Unavailable,
    answer_of,
)
from payment_dr.payments.ports import Declined, Succeeded
from payment_dr.payments.record import Record
from payment_dr.payments.requests import PayRequest
from payment_dr.payments.transitions import Author, claim, decided

PENDING = claim(
    PayRequest(
        merchant="shop",
        idempotency_key="key",
        money=Money(minor_units=1250, currency="EUR"),
        capture=True,
        payment_method="pm_card_visa",
    ),
    Author(owner="o", site=SiteName("east"), epoch=Epoch(1), now=1000.0, lease_s=15),
)
CAPTURED = decided(PENDING, Succeeded(reference="pi_1"), 1001.0)
DECLINED = decided(PENDING, Declined(code="lost_card", reference=None), 1001.0)
ID = PENDING.payment_id


def answer(record: Record, *, replayed: bool = False) -> Created | DeclinedOutcome:
    made = answer_of(record, record.operations[0], replayed=replayed)
    assert made is not None
    return made


def test_a_captured_payment_is_201_with_the_stored_body() -> None:
    response = respond(answer(CAPTURED))
    assert response.status == 201
    stored = CAPTURED.operations[0].response
    assert stored is not None
    assert response.body == stored.body
    assert response.headers == {}
    assert (response.code, response.payment_id) == ("created", ID)


def test_a_replayed_answer_is_the_same_and_says_so() -> None:
    first, again = respond(answer(CAPTURED)), respond(answer(CAPTURED, replayed=True))
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers == {"idempotent-replayed": "true"}


def test_a_declined_payment_is_402_with_its_reason() -> None:
    response = respond(answer(DECLINED))
    assert response.status == 402
    assert json.loads(response.body)["decline_code"] == "lost_card"
    assert response.code == "declined"


def test_a_payment_that_was_found_is_200() -> None:
    response = respond(Found(record=CAPTURED))
    assert response.status == 200
    assert json.loads(response.body)["status"] == "captured"


@pytest.mark.parametrize(
    ("outcome", "status", "code", "retry"),
    [
        (KeyReused(payment_id=ID), 422, "idempotency_key_reused", None),
        (InProgress(payment_id=ID, retry_after_s=3), 409, "in_progress", "3"),
        (Indeterminate(payment_id=ID, retry_after_s=2), 202, "indeterminate", "2"),
        (Unavailable(reason="secret host", retry_after_s=1), 503, "unavailable", "1"),
        (NotFound(payment_id=ID), 404, "payment_not_found", None),
        (NotAllowed(payment_id=ID, code="too_many_operations"), 422, "too_many_operations", None),
    ],
)
def test_every_other_end_has_a_status_a_stable_code_and_the_time_to_try_again(
    outcome: OperationOutcome | ReadOutcome, status: int, code: str, retry: str | None
) -> None:
    response = respond(outcome)
    body: dict[str, Any] = json.loads(response.body)
    assert (response.status, body["code"], response.code) == (status, code, code)
    assert response.headers.get("retry-after") == retry
    assert "secret host" not in response.body
    if not isinstance(outcome, Unavailable):
        assert (body["payment_id"], response.payment_id) == (ID, ID)
    if status != 202:
        assert response.headers["content-type"] == "application/problem+json"
        assert body["status"] == status
        assert body["title"]
        assert body["type"] == f"/errors/{code}"


def test_an_indeterminate_end_asks_for_a_retry_with_the_same_key() -> None:
    body = json.loads(respond(Indeterminate(payment_id=ID, retry_after_s=1)).body)
    assert body["status"] == "indeterminate"
    assert "same Idempotency-Key" in body["detail"]


def test_an_answer_for_the_gateway_is_json_and_takes_the_headers_of_its_caller() -> None:
    response = HttpResponse(status=200, body="{}", headers={"retry-after": "1"})
    assert response.to_event({"payment-site": "east"}) == {
        "statusCode": 200,
        "headers": {
            "content-type": "application/json",
            "retry-after": "1",
            "payment-site": "east",
        },
        "body": "{}",
    }
