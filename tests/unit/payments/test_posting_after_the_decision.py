from dataclasses import replace

import pytest

from fakes.control import EAST, WEST
from fakes.faults import Fault
from fakes.scene import PAY, Scene
from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.payments.breaker import FAILURES_MAX, OPEN_S
from payment_dr.payments.outcome import Created
from payment_dr.payments.requests import PayRequest


def numbered(number: int) -> PayRequest:
    return replace(PAY, idempotency_key=f"order-{number}")


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.LOST_REQUEST, Fault.LOST_ANSWER])
def test_a_ledger_that_fails_does_not_fail_the_payment(scene: Scene, fault: Fault) -> None:
    scene.script.plan("post", fault)
    assert isinstance(scene.service.pay(PAY), Created)
    assert scene.record.unconfirmed is not None


def test_a_fenced_posting_does_not_fail_the_payment(scene: Scene) -> None:
    scene.ledger.write_stamp(Stamp(epoch=Epoch(2), site=WEST))
    assert isinstance(scene.service.pay(PAY), Created)
    assert not scene.ledger.entries


def test_without_a_known_role_nothing_is_posted(scene: Scene) -> None:
    scene.script.plan("control", Fault.NONE, Fault.REFUSED)
    assert isinstance(scene.service.pay(PAY), Created)
    assert not scene.ledger.entries


def test_a_dead_ledger_is_tried_once_per_period_only(scene: Scene) -> None:
    scene.script.plan("post", *[Fault.LOST_REQUEST] * (FAILURES_MAX + 1))
    for number in range(FAILURES_MAX + 5):
        scene.service.pay(numbered(number))
    assert scene.script.effects.count("post") == FAILURES_MAX
    scene.clock.advance(OPEN_S)
    for number in range(10, 20):
        scene.service.pay(numbered(number))
    assert scene.script.effects.count("post") == FAILURES_MAX + 1


def test_a_ledger_that_is_back_is_used_again(scene: Scene) -> None:
    scene.script.plan("post", *[Fault.LOST_REQUEST] * FAILURES_MAX)
    for number in range(FAILURES_MAX):
        scene.service.pay(numbered(number))
    scene.clock.advance(OPEN_S)
    for number in range(10, 20):
        scene.service.pay(numbered(number))
    assert len(scene.ledger.entries) == 10
    assert scene.ledger.stamp == Stamp(epoch=Epoch(1), site=EAST)
