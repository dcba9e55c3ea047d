"""Nothing is acknowledged before the decision is known to be stored."""

import pytest

from fakes.control import WEST
from fakes.faults import Fault
from fakes.scene import LIMITS, PAY, Scene
from payment_dr.payments.outcome import Created, Indeterminate
from payment_dr.payments.record import PaymentState


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.REPEATED])
def test_a_decision_that_landed_unseen_is_read_back_and_acknowledged(
    scene: Scene, fault: Fault
) -> None:
    scene.script.plan("replace", fault)
    outcome = scene.service.pay(PAY)
    assert isinstance(outcome, Created)
    assert outcome.record == scene.record
    assert scene.script.effects.count("replace") == 1


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.REFUSED])
def test_a_decision_that_did_not_land_is_written_again(scene: Scene, fault: Fault) -> None:
    scene.script.plan("replace", fault, fault)
    assert isinstance(scene.service.pay(PAY), Created)
    assert scene.record.state is PaymentState.CAPTURED


def test_a_decision_that_cannot_be_read_back_is_indeterminate_and_posts_nothing(
    scene: Scene,
) -> None:
    scene.script.plan("replace", *[Fault.LOST_REQUEST] * 3)
    scene.script.plan("get", *[Fault.REFUSED] * 3)
    outcome = scene.service.pay(PAY)
    assert outcome == Indeterminate(payment_id=scene.record.payment_id, retry_after_s=1)
    assert not scene.ledger.entries


def test_a_decision_that_lands_late_answers_the_retry(scene: Scene) -> None:
    scene.script.plan("replace", *[Fault.LATE] * 3)
    scene.script.plan("get", *[Fault.REFUSED] * 3)
    assert isinstance(scene.service.pay(PAY), Indeterminate)
    scene.script.deliver_late()
    outcome = scene.service_at(WEST).pay(PAY)
    assert isinstance(outcome, Created)
    assert outcome.replayed
    assert len(scene.provider.effects) == 1


def test_after_the_deadline_a_decision_is_not_written_again(scene: Scene) -> None:
    scene.script.plan("replace", Fault.LOST_REQUEST)
    scene.script.interpose("replace", lambda: scene.clock.advance(LIMITS.request_deadline_s))
    assert isinstance(scene.service.pay(PAY), Indeterminate)
    assert scene.script.effects.count("replace") == 1
