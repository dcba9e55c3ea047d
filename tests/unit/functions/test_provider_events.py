"""The provider's webhooks are hints: whatever they say and however they come, the record rules."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from fakes.composed import FakeWorld
from fakes.faults import Fault, Script
from fakes.table import FakePaymentsTable
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.money import Money
from payment_dr.functions import api
from payment_dr.functions.answers import Received
from payment_dr.functions.openapi import openapi
from payment_dr.functions.provider_events import BODY_BYTES_MAX, body_of, receive
from payment_dr.functions.requests import HttpRequest
from payment_dr.payments.record import OperationState, PaymentState, Record
from payment_dr.payments.requests import PayRequest
from payment_dr.payments.transitions import Author, claim

SECRET = {"webhook_secret": "whsec_test"}


def event(payment_id: object, kind: str = "payment_intent.succeeded") -> bytes:
    metadata = {} if payment_id is None else {"payment_id": payment_id}
    body = {"id": "evt_1", "type": kind, "data": {"object": {"id": "pi_1", "metadata": metadata}}}
    return json.dumps(body).encode()


def signed(body: bytes, secret: str = SECRET["webhook_secret"], age_s: float = 0) -> dict[str, str]:
    at = int(time.time() - age_s)  # the SDK compares with the real clock
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={at},v1={mac}"}


class Scene:
    """A payment whose handler died after its claim, at east."""

    def __init__(self) -> None:
        self.script = Script()
        self.world = FakeWorld()
        self.world.table = FakePaymentsTable(self.script)
        self.parts = self.world.parts("east")
        request = PayRequest(
            merchant="shop",
            idempotency_key="k",
            money=Money(minor_units=1250, currency="EUR"),
            capture=True,
            payment_method="pm_card_visa",
        )
        view = self.world.control()
        author = Author(
            owner="gone", site=view.active, epoch=view.epoch, now=self.world.clock.now(), lease_s=15
        )
        self.claimed = claim(request, author)
        self.world.table.put_if_absent(self.claimed)

    @property
    def record(self) -> Record:
        return self.world.table.records[self.claimed.payment_id]

    def tell(self, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
        body = event(self.claimed.payment_id) if body is None else body
        headers = signed(body) if headers is None else headers
        answer = receive(self.parts, SECRET, headers, body)
        return answer.status, answer.code


@pytest.fixture(name="scene")
def scene_fixture() -> Scene:
    return Scene()


def test_a_pending_payment_whose_handler_is_gone_is_settled(scene: Scene) -> None:
    scene.world.clock.advance(16)
    assert scene.tell() == (200, "provider_event_created")
    assert scene.record.state is PaymentState.CAPTURED
    assert len(scene.world.provider.effects) == 1


def test_while_a_handler_works_on_it_nothing_is_done(scene: Scene) -> None:
    before = scene.record
    assert scene.tell() == (200, "provider_event_inprogress")
    assert scene.record == before
    assert not scene.world.provider.effects


def test_twice_is_as_once(scene: Scene) -> None:
    scene.world.clock.advance(16)
    scene.tell()
    settled = scene.record
    assert scene.tell() == (200, "provider_event_settled")
    assert scene.record == settled
    assert len(scene.world.provider.effects) == 1


@pytest.mark.parametrize(
    "kinds",
    [
        ("charge.refunded", "payment_intent.succeeded"),
        ("payment_intent.payment_failed", "payment_intent.succeeded"),
        ("payment_intent.canceled", "payment_intent.created"),
    ],
)
def test_what_an_event_says_and_in_which_order_changes_nothing(
    scene: Scene, kinds: tuple[str, ...]
) -> None:
    """The provider, asked under the operation's key, says that it succeeded."""
    scene.world.clock.advance(16)
    for kind in kinds:
        assert scene.tell(event(scene.claimed.payment_id, kind))[0] == 200
    (operation,) = scene.record.operations
    assert operation.state is OperationState.SUCCEEDED
    assert scene.record.refunded_minor == 0


@pytest.mark.parametrize(
    ("named", "code"),
    [
        (None, "provider_event_foreign"),
        ("control", "provider_event_foreign"),
        ("merchant#shop", "provider_event_foreign"),
        (7, "provider_event_foreign"),
        ("5d14f4e8-f756-412d-b8a7-179341fd0b25", "provider_event_unknown"),
    ],
)
def test_a_foreign_or_unknown_payment_is_none_of_ours(
    scene: Scene, named: object, code: str
) -> None:
    scene.world.clock.advance(16)
    before = dict(scene.world.table.records)
    assert scene.tell(event(named)) == (200, code)
    assert scene.world.table.records == before


def test_an_event_without_an_object_is_foreign(scene: Scene) -> None:
    assert scene.tell(b'{"id": "evt_1", "type": "ping"}') == (200, "provider_event_foreign")


@pytest.mark.parametrize(
    "fault", ["forged", "replayed", "missing", "changed", "no JSON", "no text"]
)
def test_what_the_provider_did_not_sign_now_is_refused_and_nothing_is_read_or_written(
    scene: Scene, fault: str
) -> None:
    scene.world.clock.advance(16)
    scene.script.effects.clear()
    body = event(scene.claimed.payment_id)
    broken = {"no JSON": b"{", "no text": b"\xff\xfe"}
    body = broken.get(fault, body)
    headers = {
        "forged": signed(body, secret="whsec_other"),
        "replayed": signed(body, age_s=301),
        "missing": {},
        "changed": signed(body + b" "),
    }.get(fault, signed(body))
    assert scene.tell(body, headers) == (400, "provider_event_refused")
    assert not scene.script.effects
    assert not scene.world.provider.effects


def test_a_table_that_does_not_answer_asks_for_the_event_again(scene: Scene) -> None:
    scene.script.plan("get", Fault.LOST_REQUEST)
    assert scene.tell() == (503, "provider_event_unavailable")


def test_without_the_webhook_secret_it_says_what_to_do(scene: Scene) -> None:
    with pytest.raises(PaymentDrError, match="holds no webhook_secret"):
        receive(scene.parts, {"api_key": "x"}, {}, b"")


def through_the_api(scene: Scene, method: str, body: str, *, is_base64: bool = False) -> Any:
    signature = signed(base64.b64decode(body) if is_base64 else body.encode())
    parts = replace(scene.parts, provider_secret=lambda: SECRET)
    return api.answer(
        parts,
        {
            "version": "2.0",
            "rawPath": "/provider/events",
            "headers": signature,
            "requestContext": {"http": {"method": method}, "requestId": "r-1"},
            "isBase64Encoded": is_base64,
            "body": body,
        },
    )["statusCode"]


def test_the_provider_posts_to_the_api_without_a_key_of_ours(scene: Scene) -> None:
    scene.world.clock.advance(16)
    body = event(scene.claimed.payment_id)
    assert through_the_api(scene, "GET", body.decode()) == 405
    assert scene.record.pending is not None
    assert through_the_api(scene, "POST", body.decode()) == 200
    assert scene.record.state is PaymentState.CAPTURED
    encoded = base64.b64encode(body).decode()
    assert through_the_api(scene, "POST", encoded, is_base64=True) == 200


@pytest.mark.parametrize("is_base64", [False, True])
def test_a_body_beyond_its_bound_is_not_even_verified(scene: Scene, *, is_base64: bool) -> None:
    body = "A" * (BODY_BYTES_MAX // 3 * 4 + 8)
    assert through_the_api(scene, "POST", body, is_base64=is_base64) == 413
    assert scene.record.pending is not None


@pytest.mark.parametrize(
    ("change", "status"),
    [({}, 200), ({"stripe-signature": "t=1,v1=0"}, 400)],
)
def test_answers_are_those_of_the_description(
    scene: Scene, change: dict[str, str], status: int
) -> None:
    body = event(scene.claimed.payment_id)
    answer = receive(scene.parts, SECRET, signed(body) | change, body)
    responses = openapi()["paths"]["/provider/events"]["post"]["responses"]
    assert answer.status == status
    assert str(status) in responses
    assert Received.model_validate_json(answer.body).received is (status == 200)


def test_a_body_that_is_no_base64_is_nobodys() -> None:
    request = HttpRequest(
        method="POST",
        path=("provider", "events"),
        query={},
        headers={},
        body="\u00e9",
        is_base64=True,
        request_id="r-1",
    )
    assert body_of(request) == b""
