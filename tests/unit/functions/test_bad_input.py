"""Bad input: each has its status and stable code, and leaves nothing behind anywhere."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from fakes.composed import API_KEY, RIVALS_KEY, FakeWorld
from fakes.directory import key_text
from payment_dr.functions import api
from payment_dr.payments.merchants import Scope, expiring, revoked

PAYMENT = {"amount": 1250, "currency": "EUR"}
DEEP = "[" * 1_000 + "]" * 1_000


@dataclass(frozen=True, kw_only=True)
class Bad:
    """A request that must be refused; what is None is as in a good one."""

    what: str
    status: int
    code: str
    body: str | None = None
    change: dict[str, Any] | None = None
    key: str = "k"
    api_key: str = API_KEY
    content_type: str = "application/json"

    @property
    def text(self) -> str:
        return json.dumps({**PAYMENT, **(self.change or {})}) if self.body is None else self.body


REFUSED = (
    Bad(what="not JSON", body="amount=1250", status=400, code="invalid_json"),
    Bad(what="no body", body="", status=400, code="invalid_request"),
    Bad(what="half of JSON", body='{"amount": 1250', status=400, code="invalid_json"),
    Bad(what="not UTF-8", body="\udcff", status=400, code="invalid_json"),
    Bad(what="a name twice", body='{"amount":1,"amount":2}', status=400, code="invalid_json"),
    Bad(what="an array", body="[]", status=400, code="invalid_request"),
    Bad(what="text for an amount", change={"amount": "1250"}, status=400, code="invalid_request"),
    Bad(what="a boolean amount", change={"amount": True}, status=400, code="invalid_request"),
    Bad(what="no currency", body='{"amount": 1250}', status=400, code="invalid_request"),
    Bad(what="an unknown field", change={"tip": 1}, status=400, code="invalid_request"),
    Bad(what="a body of 1 MB", body=" " * 1_000_000, status=413, code="body_too_large"),
    Bad(what="nested 1000 deep", body=DEEP, status=400, code="json_too_deep"),
    Bad(what="NaN", body='{"amount":NaN,"currency":"EUR"}', status=400, code="invalid_json"),
    Bad(what="1e400", body='{"amount":1e400,"currency":"EUR"}', status=400, code="invalid_json"),
    Bad(what="a negative amount", change={"amount": -1}, status=400, code="invalid_request"),
    Bad(what="nothing", change={"amount": 0}, status=400, code="invalid_request"),
    Bad(what="a fraction", change={"amount": 12.5}, status=400, code="invalid_request"),
    Bad(what="a whole float", change={"amount": 1250.0}, status=400, code="invalid_request"),
    Bad(what="too much", change={"amount": 100_000_000}, status=400, code="invalid_request"),
    Bad(what="beyond 64 bits", change={"amount": 2**64}, status=400, code="invalid_request"),
    Bad(what="beyond a double", change={"amount": 10**400}, status=400, code="invalid_request"),
    Bad(
        what="an unknown currency", change={"currency": "XXX"}, status=400, code="currency_unknown"
    ),
    Bad(what="a small currency", change={"currency": "eur"}, status=400, code="invalid_request"),
    Bad(
        what="thousandths that no card has",
        change={"amount": 1251, "currency": "KWD"},
        status=422,
        code="amount_out_of_bounds",
    ),
    Bad(what="an empty key", key="", status=400, code="idempotency_key_missing"),
    Bad(what="a key of 300", key="k" * 300, status=400, code="idempotency_key_invalid"),
    Bad(what="a key beyond ASCII", key="kéy", status=400, code="idempotency_key_invalid"),
    Bad(what="a key with a space", key="a b", status=400, code="idempotency_key_invalid"),
    Bad(what="a key with a NUL", key="a\x00", status=400, code="idempotency_key_invalid"),
    Bad(what="a key with a newline", key="a\n", status=400, code="idempotency_key_invalid"),
    Bad(
        what="a card number as payment method",
        change={"payment_method": "4242424242424242"},
        status=422,
        code="card_number_refused",
    ),
    Bad(
        what="a card number in metadata",
        change={"metadata": {"note": "4242 4242 4242 4242"}},
        status=422,
        code="card_number_refused",
    ),
    Bad(
        what="21 entries of metadata",
        change={"metadata": {str(n): "" for n in range(21)}},
        status=400,
        code="invalid_request",
    ),
    Bad(what="a form", content_type="text/plain", status=415, code="unsupported_media_type"),
    Bad(what="no API key", api_key="", status=401, code="unauthorised"),
    Bad(what="a wrong API key", api_key=API_KEY[:-1] + "x", status=401, code="unauthorised"),
    Bad(what="an unknown API key", api_key=key_text("u"), status=401, code="unauthorised"),
    Bad(what="an expired API key", api_key=key_text("e"), status=401, code="unauthorised"),
    Bad(what="a revoked API key", api_key=key_text("v"), status=401, code="unauthorised"),
    Bad(
        what="a live key in test",
        api_key=API_KEY.replace("test", "live"),
        status=401,
        code="unauthorised",
    ),
    Bad(what="a key that may only read", api_key=key_text("o"), status=403, code="scope_missing"),
)


@pytest.fixture(name="world")
def world_fixture() -> FakeWorld:
    world = FakeWorld()
    now = world.clock.now()
    for letter, change in (("e", expiring), ("v", revoked)):
        key = world.directory.admit("shop", key_text(letter))
        world.directory.keys[key.key_id] = change(key, now)
    world.directory.admit("shop", key_text("o"), frozenset({Scope.PAYMENTS_READ}))
    return world


def send(
    world: FakeWorld, body: str, key: str = "k", *, path: str = "/v1/payments", **headers: str
) -> tuple[int, dict[str, Any], dict[str, str]]:
    given = {"authorization": f"Bearer {API_KEY}", "idempotency_key": key, **headers}
    event = {
        "rawPath": path,
        "headers": {name.replace("_", "-"): value for name, value in given.items()},
        "requestContext": {"http": {"method": "POST"}, "requestId": "r"},
        "body": body,
    }
    answer = api.answer(world.parts("east"), event)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def nothing_was_written(world: FakeWorld) -> bool:
    return not (world.table.records or world.provider.effects or world.ledgers["east"].entries)


@pytest.mark.parametrize("bad", REFUSED, ids=[bad.what for bad in REFUSED])
def test_bad_input_is_refused_with_a_stable_code_and_nothing_is_written(
    world: FakeWorld, bad: Bad, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    status, body, headers = send(
        world,
        bad.text,
        bad.key,
        authorization=f"Bearer {bad.api_key}" if bad.api_key else "",
        content_type=bad.content_type,
    )
    assert (status, body["code"], body["status"]) == (bad.status, bad.code, bad.status)
    assert body["type"] == f"/errors/{bad.code}"
    assert headers["content-type"] == "application/problem+json"
    assert headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
    assert nothing_was_written(world)
    logged = [vars(record).get("fields") for record in caplog.records]
    assert "4242" not in f"{body}{logged}"


def test_a_key_that_was_refused_stays_free(world: FakeWorld) -> None:
    send(world, '{"amount": 0, "currency": "EUR"}')
    assert send(world, json.dumps(PAYMENT))[0] == 201


def test_a_refund_above_what_was_captured_moves_nothing(world: FakeWorld) -> None:
    payment = send(world, json.dumps(PAYMENT))[1]
    effects = list(world.provider.effects)
    path = f"/v1/payments/{payment['payment_id']}/refunds"
    status, body, _ = send(world, '{"amount": 1251}', key="r", path=path)
    assert (status, body["decline_code"]) == (402, "amount_above_captured")
    assert world.provider.effects == effects


def test_a_capture_after_a_void_moves_nothing(world: FakeWorld) -> None:
    payment = send(world, json.dumps({**PAYMENT, "capture": False}))[1]
    path = f"/v1/payments/{payment['payment_id']}"
    assert send(world, "", key="v", path=f"{path}/void")[0] == 201
    effects = list(world.provider.effects)
    status, body, _ = send(world, '{"amount": 1250}', key="c", path=f"{path}/captures")
    assert (status, body["decline_code"]) == (402, "not_authorised")
    assert world.provider.effects == effects


@pytest.mark.parametrize("operation", ["captures", "refunds", "void"])
def test_another_merchants_payment_is_not_found_and_stays_as_it_is(
    world: FakeWorld, operation: str
) -> None:
    payment = send(world, json.dumps({**PAYMENT, "capture": False}))[1]
    records = dict(world.table.records)
    path = f"/v1/payments/{payment['payment_id']}/{operation}"
    body = "" if operation == "void" else '{"amount": 1}'
    status, answer, _ = send(world, body, key="x", path=path, authorization=f"Bearer {RIVALS_KEY}")
    assert (status, answer["code"]) == (404, "payment_not_found")
    assert world.table.records == records
