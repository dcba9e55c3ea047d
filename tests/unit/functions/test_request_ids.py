"""The id of a request goes with what it began, whoever finishes it."""

import json
from typing import Any

import pytest

from fakes.composed import API_KEY, FakeWorld
from fakes.faults import Fault, Script
from fakes.provider import FakeProvider
from payment_dr.functions import api
from payment_dr.payments.books import ListedEvent


def send(world: FakeWorld, method: str, path: str, request_id: str, key: str = "k") -> Any:
    event = {
        "rawPath": path,
        "headers": {
            "authorization": f"Bearer {API_KEY}",
            "idempotency-key": key,
            "x-request-id": request_id,
        },
        "requestContext": {"http": {"method": method}, "requestId": "gateway"},
        "body": "" if method == "GET" else json.dumps({"amount": 100, "currency": "EUR"}),
    }
    answer = api.answer(world.parts("east"), event)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]["x-request-id"]


def test_a_retry_that_finishes_an_operation_leaves_it_the_id_of_its_first_request() -> None:
    world, script = FakeWorld(), Script()
    world.provider = FakeProvider(world.clock, script)
    script.plan("perform", Fault.LOST_ANSWER)
    assert send(world, "POST", "/v1/payments", "first")[0] == 202
    status, payment, told = send(world, "POST", "/v1/payments", "second")
    assert (status, told) == (201, "second")
    record = next(iter(world.table.records.values()))
    assert [operation.request_id for operation in record.operations] == ["first"]
    assert [effect.operation.request_id for effect in world.provider.effects] == ["first"]
    for path in ("/v1/ledger_entries", "/v1/events"):
        (row,) = send(world, "GET", path, "third")[1]["data"]
        assert (row["payment_id"], row["request_id"]) == (payment["payment_id"], "first")


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, "4242424242424242"])
def test_what_is_no_fit_id_is_replaced_by_the_gateways(bad: str) -> None:
    world = FakeWorld()
    assert send(world, "POST", "/v1/payments", bad)[2] == "gateway"
    record = next(iter(world.table.records.values()))
    assert record.operations[0].request_id == "gateway"


def test_an_event_from_before_there_were_ids_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    world = FakeWorld()
    send(world, "POST", "/v1/payments", "first")
    (entry,) = world.ledgers["east"].entries.values()
    books = world.parts("east").merchants.books()
    listed = books.event("shop", entry.operation_id)
    assert listed is not None
    body = {name: value for name, value in listed.body.items() if name != "request_id"}
    old = ListedEvent(event_id=listed.event_id, body=body)
    monkeypatch.setattr(type(books), "event", lambda *_: old)
    assert send(world, "GET", f"/v1/events/{entry.operation_id}", "r")[1]["request_id"] is None
