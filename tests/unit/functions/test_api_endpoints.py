"""Webhook endpoints over HTTP: secrets are shown when they are made, and never again."""

import json
from dataclasses import replace
from typing import Any

import pytest

from fakes.composed import API_KEY, RIVALS_KEY, FakeWorld
from fakes.faults import Fault, Script
from payment_dr.core.errors import UnavailableError
from payment_dr.functions import api
from payment_dr.functions.answers import EndpointAnswer, EndpointList, EndpointWithSecret
from payment_dr.payments.webhooks import secret_of

HOOK = {"url": "https://shop.example/hook", "events": ["payment.refunded", "payment.captured"]}
PATH = "/v1/webhook_endpoints"


class Shop:
    def __init__(self, world: FakeWorld) -> None:
        self.world = world
        self.parts = world.parts("east")

    def send(
        self, method: str, path: str, body: object = None, key: str = "", api_key: str = API_KEY
    ) -> tuple[int, Any, dict[str, str]]:
        event = {
            "rawPath": path,
            "headers": {"authorization": f"Bearer {api_key}", "idempotency-key": key},
            "requestContext": {"http": {"method": method}, "requestId": "r"},
            "body": "" if body is None else json.dumps(body),
        }
        answer = api.answer(self.parts, event)
        return answer["statusCode"], json.loads(answer["body"]), answer["headers"]

    def create(self, key: str = "k") -> dict[str, Any]:
        status, body, _ = self.send("POST", PATH, HOOK, key)
        assert status == 201
        return EndpointWithSecret.model_validate(body).model_dump(mode="json")


@pytest.fixture(name="shop")
def shop_fixture() -> Shop:
    return Shop(FakeWorld())


def without_secret(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "secret"}


def test_a_secret_is_shown_at_creation_and_never_again(shop: Shop) -> None:
    made = shop.create()
    assert made["secret"].startswith("whsec_")
    assert (made["status"], made["events"]) == ("enabled", sorted(HOOK["events"]))
    path = f"{PATH}/{made['endpoint_id']}"
    assert shop.send("GET", path)[:2] == (200, without_secret(made))
    listed = shop.send("GET", PATH)
    assert listed[:2] == (200, {"data": [without_secret(made)]})
    EndpointList.model_validate_json(json.dumps(listed[1]))


def test_a_retry_of_a_creation_shows_the_same_secret(shop: Shop) -> None:
    made = shop.create()
    status, body, headers = shop.send("POST", PATH, HOOK, "k")
    assert (status, body, headers["idempotent-replayed"]) == (201, made, "true")
    reordered = {**HOOK, "events": [*HOOK["events"][::-1], HOOK["events"][0]]}
    assert shop.send("POST", PATH, reordered, "k")[1] == made
    other = shop.send("POST", PATH, {**HOOK, "events": ["*"]}, "k")
    assert (other[0], other[1]["code"]) == (422, "idempotency_key_reused")


def test_a_rotation_shows_the_new_secret_and_until_when_the_old_one_signs(shop: Shop) -> None:
    made = shop.create()
    path = f"{PATH}/{made['endpoint_id']}"
    status, body, _ = shop.send("POST", f"{path}/rotate_secret", {"overlap_s": 60}, "r")
    assert status == 200
    assert body["secret"] != made["secret"]
    assert body["previous_secret_until"] == shop.world.clock.now() + 60
    assert shop.send("POST", f"{path}/rotate_secret", {"overlap_s": 60}, "r")[1] == body
    shop.world.clock.advance(61)
    assert shop.send("GET", path)[1]["previous_secret_until"] is None


def test_the_secrets_are_those_that_sign(shop: Shop) -> None:
    made = shop.create()
    (endpoint,) = shop.world.directory.known["shop"].endpoints
    assert made["secret"] == secret_of(b"master", endpoint, 1)


def test_a_change_leaves_what_it_does_not_name(shop: Shop) -> None:
    made = shop.create()
    path = f"{PATH}/{made['endpoint_id']}"
    status, body, _ = shop.send("PATCH", path, {"events": ["*"]}, "c1")
    assert (status, body) == (200, {**without_secret(made), "events": ["*"]})
    status, body, _ = shop.send("PATCH", path, {"url": "https://b.example/"}, "c2")
    assert (status, body["url"], body["events"]) == (200, "https://b.example/", ["*"])
    EndpointAnswer.model_validate_json(json.dumps(body))


@pytest.mark.parametrize("body", [None, {}])
def test_a_disabled_endpoint_says_so(shop: Shop, body: object) -> None:
    path = f"{PATH}/{shop.create()['endpoint_id']}"
    status, answer, _ = shop.send("POST", f"{path}/disable", body, "d")
    assert (status, answer["status"]) == (200, "disabled")
    assert shop.send("GET", path)[1]["status"] == "disabled"


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://shop/",
        "https://u:p@shop.example/",
        "https://shop.example:8443/",
        "https://shop.example/#a",
        "https://SHOP.example/",
        "https://shop.example?x",
        "https://shop.example/\\\\x",
        "https://shop.example/a b",
        "ftp://shop.example/",
        "x",
    ],
)
def test_a_url_that_is_none_of_the_publics_is_refused(shop: Shop, url: str) -> None:
    status, body, _ = shop.send("POST", PATH, {**HOOK, "url": url}, "k")
    assert (status, body["code"]) == (422, "webhook_url_refused")
    path = f"{PATH}/{shop.create('k2')['endpoint_id']}"
    assert shop.send("PATCH", path, {"url": url}, "c")[0] == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": HOOK["url"]},
        {**HOOK, "events": []},
        {**HOOK, "events": ["payment.lost"]},
        {**HOOK, "events": "*"},
        {**HOOK, "url": ""},
        {**HOOK, "url": f"https://shop.example/{'x' * 500}"},
        {**HOOK, "secret": "mine"},
    ],
)
def test_what_is_no_endpoint_is_refused(shop: Shop, body: object) -> None:
    status, answer, _ = shop.send("POST", PATH, body, "k")
    assert (status, answer["code"]) == (400, "invalid_request")
    assert not shop.world.directory.known["shop"].endpoints


def test_a_change_of_nothing_is_refused(shop: Shop) -> None:
    path = f"{PATH}/{shop.create()['endpoint_id']}"
    status, body, _ = shop.send("PATCH", path, {}, "c")
    assert (status, body["code"]) == (400, "invalid_request")


def test_another_merchants_endpoint_is_not_found(shop: Shop) -> None:
    path = f"{PATH}/{shop.create()['endpoint_id']}"
    attempts = (
        shop.send("GET", path, api_key=RIVALS_KEY),
        shop.send("PATCH", path, {"events": ["*"]}, "x", RIVALS_KEY),
        shop.send("POST", f"{path}/rotate_secret", {}, "x", RIVALS_KEY),
        shop.send("POST", f"{path}/disable", {}, "x", RIVALS_KEY),
    )
    for status, body, _ in attempts:
        assert (status, body["code"]) == (404, "webhook_endpoint_not_found")
    assert shop.send("GET", PATH, api_key=RIVALS_KEY)[1] == {"data": []}


def test_there_are_ten_endpoints_at_most(shop: Shop) -> None:
    for number in range(10):
        shop.create(f"k{number}")
    status, body, _ = shop.send("POST", PATH, HOOK, "one-more")
    assert (status, body["code"]) == (422, "too_many_webhook_endpoints")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", PATH), ("PATCH", f"{PATH}/x"), ("POST", f"{PATH}/x/disable")],
)
def test_every_change_needs_a_key(shop: Shop, method: str, path: str) -> None:
    assert shop.send(method, path, HOOK)[1]["code"] == "idempotency_key_missing"
    assert shop.send(method, path, {**HOOK}, "a b")[0] == 400


def test_a_change_whose_answer_was_lost_is_504_and_a_retry_tells(shop: Shop) -> None:
    script = Script()
    shop.world.directory.gate = script
    script.plan("replace", Fault.LOST_ANSWER)
    status, body, headers = shop.send("POST", PATH, HOOK, "k")
    assert (status, body["code"], headers["retry-after"]) == (504, "outcome_unknown", "1")
    assert shop.send("POST", PATH, HOOK, "k")[2]["idempotent-replayed"] == "true"
    assert len(shop.world.directory.known["shop"].endpoints) == 1


def test_without_the_master_key_nothing_is_created(shop: Shop) -> None:
    def gone() -> bytes:
        raise UnavailableError("Secrets Manager did not answer")

    merchants = replace(shop.parts.merchants, webhook_master=gone)
    shop.parts = replace(shop.parts, merchants=merchants)
    assert shop.send("POST", PATH, HOOK, "k")[0] == 503
    assert not shop.world.directory.known["shop"].endpoints
