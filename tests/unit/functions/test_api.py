"""The HTTP API over the real protocol and faked dependencies."""

import json
import logging
import uuid
from dataclasses import replace
from typing import Any

import pytest

from fakes.composed import API_KEY, RIVALS_KEY, FakeWorld
from fakes.directory import key_text
from fakes.provider import DECLINED_METHOD
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.functions import api
from payment_dr.functions.composition import API, Composition, Role
from payment_dr.payments.merchants import Scope

PAYMENT = {"amount": 1250, "currency": "EUR"}


class Client:
    """Sends events to one site and takes its answers apart."""

    def __init__(self, parts: Composition) -> None:
        self.parts = parts

    def send(
        self, method: str, path: str, body: object = None, key: str | None = None, **headers: str
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        given = {"authorization": f"Bearer {API_KEY}", **headers}
        if key is not None:
            given["idempotency-key"] = key
        event: dict[str, Any] = {
            "version": "2.0",
            "rawPath": path,
            "headers": given,
            "requestContext": {"http": {"method": method}, "requestId": "r-1"},
            "isBase64Encoded": False,
        }
        if body is not None:
            event["body"] = json.dumps(body)
        answer = api.answer(self.parts, event)
        return answer["statusCode"], json.loads(answer["body"]), answer["headers"]

    def pay(self, key: str = "k", **changes: object) -> dict[str, Any]:
        status, body, _ = self.send("POST", "/v1/payments", {**PAYMENT, **changes}, key)
        assert status == 201
        return body


@pytest.fixture(name="world")
def world_fixture() -> FakeWorld:
    return FakeWorld()


@pytest.fixture(name="client")
def client_fixture(world: FakeWorld) -> Client:
    return Client(world.parts("east"))


def test_a_payment_is_charged_stored_posted_and_answered_with_201(
    world: FakeWorld, client: Client
) -> None:
    status, body, headers = client.send("POST", "/v1/payments", PAYMENT, "k")
    assert status == 201
    assert body["status"] == "captured"
    assert (body["amount"], body["currency"], body["captured"], body["refunded"]) == (
        1250,
        "EUR",
        1250,
        0,
    )
    assert headers["content-type"] == "application/json"
    assert headers["payment-site"] == "east"
    assert headers["x-request-id"] == "r-1"
    assert "idempotent-replayed" not in headers
    assert len(world.provider.effects) == len(world.ledgers["east"].entries) == 1


def test_the_same_request_gets_the_same_answer_at_the_other_site(
    world: FakeWorld, client: Client
) -> None:
    first = client.pay()
    status, body, headers = Client(world.parts("west")).send("POST", "/v1/payments", PAYMENT, "k")
    assert (status, body) == (201, first)
    assert headers["idempotent-replayed"] == "true"
    assert headers["payment-site"] == "west"
    assert len(world.provider.effects) == 1


def test_another_request_under_a_used_key_is_422(client: Client) -> None:
    client.pay()
    status, body, _ = client.send("POST", "/v1/payments", {**PAYMENT, "amount": 1}, "k")
    assert (status, body["code"]) == (422, "idempotency_key_reused")


def test_a_declined_card_is_402(client: Client) -> None:
    declined = {**PAYMENT, "payment_method": DECLINED_METHOD}
    status, body, _ = client.send("POST", "/v1/payments", declined, "k")
    assert (status, body["status"], body["decline_code"]) == (402, "declined", "card_declined")


def test_an_authorisation_is_captured_refunded_in_part_and_read(client: Client) -> None:
    payment = client.pay(capture=False)
    assert payment["status"] == "authorised"
    path = f"/v1/payments/{payment['payment_id']}"
    assert client.send("POST", f"{path}/captures", {"amount": 1000}, "c")[0] == 201
    assert client.send("POST", f"{path}/refunds", {"amount": 400}, "r")[0] == 201
    status, body, _ = client.send("GET", path)
    assert status == 200
    assert (body["status"], body["captured"], body["refunded"]) == ("captured", 1000, 400)


def test_a_refund_above_what_was_captured_is_402(client: Client) -> None:
    path = f"/v1/payments/{client.pay()['payment_id']}/refunds"
    status, body, _ = client.send("POST", path, {"amount": 1251}, "r")
    assert (status, body["decline_code"]) == (402, "amount_above_captured")


@pytest.mark.parametrize("body", [None, {}])
def test_a_void_takes_no_body_or_an_empty_one(client: Client, body: object) -> None:
    path = f"/v1/payments/{client.pay(capture=False)['payment_id']}/void"
    status, answer, _ = client.send("POST", path, body, "v")
    assert (status, answer["status"]) == (201, "voided")


def test_a_void_with_an_amount_is_refused(client: Client) -> None:
    path = f"/v1/payments/{client.pay(capture=False)['payment_id']}/void"
    assert client.send("POST", path, {"amount": 1}, "v")[0] == 400


@pytest.mark.parametrize("authorization", ["", "Bearer another", API_KEY])
def test_without_a_merchants_key_nothing_is_done(
    world: FakeWorld, client: Client, authorization: str
) -> None:
    status, body, headers = client.send(
        "POST", "/v1/payments", PAYMENT, "k", authorization=authorization
    )
    assert (status, body["code"]) == (401, "unauthorised")
    assert headers["www-authenticate"] == "Bearer"
    assert not world.table.records


def test_a_payment_of_another_merchant_is_not_found(world: FakeWorld, client: Client) -> None:
    path = f"/v1/payments/{client.pay()['payment_id']}"
    rival = f"Bearer {RIVALS_KEY}"
    assert client.send("GET", path, authorization=rival)[0] == 404
    refund = client.send("POST", f"{path}/refunds", {"amount": 1}, "r", authorization=rival)
    assert refund[0] == 404
    assert len(world.provider.effects) == 1


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"/v1/payments/{uuid.UUID(int=1)}", "payment_not_found"),
        ("GET", "/v1/payments/control", "payment_not_found"),
        ("POST", f"/v1/payments/{uuid.UUID(int=1)}/refunds", "payment_not_found"),
        ("POST", "/v1/payments/control/refunds", "payment_not_found"),
        ("GET", "/v1", "no_such_route"),
        ("POST", f"/v1/payments/{uuid.UUID(int=1)}/chargebacks", "no_such_route"),
        ("GET", "/", "no_such_route"),
        ("GET", "/health/", "no_such_route"),
    ],
)
def test_what_is_not_there_is_404(client: Client, method: str, path: str, code: str) -> None:
    status, body, _ = client.send(method, path, {"amount": 1}, "k")
    assert (status, body["code"]) == (404, code)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", f"/v1/payments/{uuid.UUID(int=1)}", "GET"),
        ("PUT", "/v1/payments", "POST, GET"),
        ("TRACE", "/v1/webhook_endpoints/x", "GET, PATCH"),
        ("POST", "/health", "GET"),
        ("POST", "/takeover", "GET"),
        ("HEAD", "/v1/openapi.json", "GET"),
    ],
)
def test_a_path_says_which_methods_it_takes(
    client: Client, method: str, path: str, allowed: str
) -> None:
    status, body, headers = client.send(method, path)
    assert (status, body["code"], headers["allow"]) == (405, "method_not_allowed", allowed)


def test_a_key_is_for_what_its_scopes_say(world: FakeWorld, client: Client) -> None:
    world.directory.admit("shop", key_text("o"), frozenset({Scope.PAYMENTS_READ}))
    reader = f"Bearer {key_text('o')}"
    path = f"/v1/payments/{client.pay()['payment_id']}"
    assert client.send("GET", path, authorization=reader)[0] == 200
    status, body, _ = client.send("GET", "/v1/balances", authorization=reader)
    assert (status, body["code"]) == (403, "scope_missing")
    assert "ledger:read" in body["detail"]


def test_what_takes_no_parameters_refuses_them(world: FakeWorld, client: Client) -> None:
    event = {
        "rawPath": "/v1/payments",
        "queryStringParameters": {"amount": "1"},
        "headers": {"authorization": f"Bearer {API_KEY}", "idempotency-key": "k"},
        "requestContext": {"http": {"method": "POST"}, "requestId": "r"},
        "body": json.dumps(PAYMENT),
    }
    answer = api.answer(client.parts, event)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["code"] == "invalid_query"
    assert not world.table.records


def test_headers_that_are_too_large_are_431_before_anything_is_read(
    world: FakeWorld, client: Client
) -> None:
    status, body, _ = client.send("POST", "/v1/payments", PAYMENT, "k", cookie="x" * 20_000)
    assert (status, body["code"]) == (431, "headers_too_large")
    assert not world.directory.reads


def test_the_description_is_served_to_everybody(client: Client) -> None:
    status, body, _ = client.send("GET", "/v1/openapi.json", authorization="")
    assert (status, body["openapi"]) == (200, "3.1.0")


def test_metadata_is_given_back_as_sent_and_makes_another_request(client: Client) -> None:
    noted = {"order": "7", "note": "für Zoë"}
    payment = client.pay(metadata=noted)
    assert payment["metadata"] == noted
    assert client.send("GET", f"/v1/payments/{payment['payment_id']}")[1]["metadata"] == noted
    other = {**PAYMENT, "metadata": {**noted, "order": "8"}}
    assert client.send("POST", "/v1/payments", other, "k")[0] == 422


@pytest.mark.parametrize(
    ("key", "body"),
    [(None, PAYMENT), ("k\n", PAYMENT), ("k" * 256, PAYMENT), ("k", {"amount": 1.5})],
)
def test_a_request_that_is_refused_stores_nothing(
    world: FakeWorld, client: Client, key: str | None, body: object
) -> None:
    assert client.send("POST", "/v1/payments", body, key)[0] == 400
    assert not world.table.records


def test_a_healthy_site_says_so_without_a_key(client: Client) -> None:
    assert client.send("GET", "/health", authorization="")[:2] == (200, {"status": "ok"})


def test_a_site_that_cannot_accept_payments_is_unhealthy(client: Client) -> None:
    def sick() -> None:
        raise UnavailableError("the payments table did not answer")

    status, body, headers = Client(replace(client.parts, check_health=sick)).send("GET", "/health")
    assert (status, body["code"]) == (503, "unavailable")
    assert headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("raised", "status", "level"), [(True, 200, "raised"), (False, 404, "lowered")]
)
def test_whether_clients_are_to_leave_home_is_a_status_and_needs_no_key(
    world: FakeWorld, client: Client, *, raised: bool, status: int, level: str
) -> None:
    """Route 53 takes 200 to 399 for raised, and whatever else for not raised."""
    world.takeover_raised = raised
    answer = client.send("GET", "/takeover", authorization="")
    assert answer[:2] == (status, {"takeover": level})


def test_a_site_that_cannot_read_the_control_record_does_not_lead_clients_away(
    client: Client,
) -> None:
    def cut_off() -> bool:
        raise UnavailableError("the payments table did not answer")

    blind = Client(replace(client.parts, takeover_raised=cut_off))
    status, body, _ = blind.send("GET", "/takeover", authorization="")
    assert (status, body["code"]) == (503, "unavailable")


def test_while_keys_cannot_be_read_the_answer_is_503(world: FakeWorld, client: Client) -> None:
    def gone(_effect: str, _act: object) -> None:
        raise UnavailableError("the payments table did not answer")

    world.directory.gate = gone  # type: ignore[assignment]  # raises whatever it is asked
    status, body, headers = client.send("POST", "/v1/payments", PAYMENT, "k")
    assert (status, body["code"], headers["retry-after"]) == (503, "unavailable", "1")


def test_a_defect_of_ours_is_500_and_promises_nothing(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_authorization: str) -> None:
        raise PaymentDrError("an item of the directory is no JSON")

    merchants = replace(client.parts.merchants, identify=broken)
    status, body, headers = Client(replace(client.parts, merchants=merchants)).send(
        "POST", "/v1/payments", PAYMENT, "k"
    )
    assert (status, body["code"]) == (500, "internal")
    assert "not known" in body["detail"]
    assert headers["payment-site"] == "east"
    assert "is no JSON" in caplog.text


def test_each_request_is_one_line_of_the_log_without_keys_or_means_of_payment(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "payment_dr")
    payment = client.pay(payment_method="pm_card_mastercard", key="clients-key")
    client.send("GET", "/health")
    client.send("GET", "/takeover")
    (line,) = [record for record in caplog.records if record.message == "request"]
    fields = vars(line)["fields"]
    assert fields == {
        "site": "east",
        "request_id": "r-1",
        "method": "POST",
        "path": "/v1/payments",
        "status": 201,
        "code": "created",
        "merchant": "shop",
        "key_id": "s" * 16,
        "payment_id": payment["payment_id"],
        "duration_ms": 0.0,
    }


def test_of_a_path_the_log_has_the_template_only(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "payment_dr")
    client.send("GET", "/v1/payments/4242424242424242")
    client.send("GET", "/v1/4242424242424242")
    lines = [vars(record)["fields"] for record in caplog.records if record.message == "request"]
    assert [line["path"] for line in lines] == ["/v1/payments/{payment_id}", None]
    assert "4242" not in str(lines)


def test_the_handler_answers_with_the_parts_of_its_process(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Role] = []

    def parts(role: Role) -> Composition:
        asked.append(role)
        return world.parts("west")

    monkeypatch.setattr(api, "composition", parts)
    event = {
        "rawPath": "/health",
        "requestContext": {"http": {"method": "GET"}, "requestId": "r-1"},
    }
    assert api.handler(event, None)["headers"]["payment-site"] == "west"
    assert asked == [API]
