"""The canary against the real API over fakes: what it moves, and what makes it fail."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from fakes.composed import FakeWorld
from fakes.directory import key_text
from payment_dr.adapters import canary
from payment_dr.adapters.canary import MERCHANT, HttpCanary
from payment_dr.adapters.http_call import Answer
from payment_dr.core.errors import UnavailableError
from payment_dr.functions import api
from payment_dr.payments.journal import bookings_of
from payment_dr.payments.record import OperationKind

KEY = key_text("c")


@pytest.fixture(name="world")
def world_fixture(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    """The canary's calls reach the API's handler at east, without a network."""
    world = FakeWorld()
    world.directory.admit(MERCHANT, KEY)
    parts = world.parts("east")

    def call(
        method: str, url: str, *, timeout_s: float, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        assert timeout_s > 0
        event = {
            "rawPath": urlsplit(url).path,
            "headers": headers,
            "requestContext": {"http": {"method": method}, "requestId": "r"},
            "body": body.decode(),
        }
        answer: Any = api.answer(parts, event)
        return Answer(status=answer["statusCode"], body=answer["body"].encode())

    monkeypatch.setattr(canary, "call", call)
    return world


def canary_of(world: FakeWorld, key: str = KEY) -> HttpCanary:
    return HttpCanary(own_url="http://127.0.1.1:80", api_key=lambda: key, table=world.table)


def test_a_canary_is_authorised_and_voided_and_leaves_no_money_moved(world: FakeWorld) -> None:
    bird = canary_of(world)
    assert not bird.passed("m1")
    bird.send("m1")
    assert bird.passed("m1")
    assert not bird.passed("m2")
    assert [call.operation.kind for call in world.provider.effects] == [
        OperationKind.CHARGE,
        OperationKind.VOID,
    ]
    assert not world.provider.effects[0].operation.capture
    (record,) = world.table.records.values()
    assert record.captured_minor == 0
    assert not any(booking.postings for booking in bookings_of(record))


def test_a_canary_sent_again_changes_nothing(world: FakeWorld) -> None:
    bird = canary_of(world)
    bird.send("m1")
    effects = list(world.provider.effects)
    bird.send("m1")
    assert world.provider.effects == effects
    assert len(world.table.records) == 1


def test_a_canary_that_is_refused_has_not_passed(world: FakeWorld) -> None:
    bird = canary_of(world, key="wrong")
    with pytest.raises(UnavailableError, match="answered 401"):
        bird.send("m1")
    world.provider.decline_next("card_declined")
    with pytest.raises(UnavailableError, match="answered 402"):
        canary_of(world).send("m2")
    assert not bird.passed("m2")
