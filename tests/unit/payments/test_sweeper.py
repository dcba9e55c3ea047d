from dataclasses import replace

import pytest

from fakes.control import WEST
from fakes.faults import Crash, Fault
from fakes.provider import DECLINED_METHOD
from fakes.scene import LIMITS, PAY, Scene, refund
from payment_dr.payments.jobs.sweeper import Sweeper, SweeperRun
from payment_dr.payments.outcome import Created
from payment_dr.payments.record import PaymentState


def sweep(scene: Scene, *, budget_s: float = 10) -> SweeperRun:
    return Sweeper(
        table=scene.table,
        service=scene.service_at(WEST, "sweeper"),
        clock=scene.clock,
        spread=map,
        budget_s=budget_s,
    ).run()


def crash(scene: Scene, key: str = "order-1", method: str = "pm_card_visa") -> None:
    scene.script.plan("perform", Fault.CRASH_AFTER)
    with pytest.raises(Crash):
        scene.service.pay(replace(PAY, idempotency_key=key, payment_method=method))


def test_what_a_crash_left_open_is_finished_with_one_charge(scene: Scene) -> None:
    crash(scene)
    scene.clock.advance(LIMITS.lease_s)
    assert sweep(scene) == SweeperRun(seen=1, finished=1)
    assert scene.record.state is PaymentState.CAPTURED
    assert len(scene.provider.effects) == 1


def test_the_client_that_comes_back_gets_the_sweepers_answer(scene: Scene) -> None:
    crash(scene)
    scene.clock.advance(LIMITS.lease_s)
    sweep(scene)
    outcome = scene.service.pay(PAY)
    assert isinstance(outcome, Created)
    assert outcome.replayed


def test_a_decline_is_an_end_too(scene: Scene) -> None:
    crash(scene, method=DECLINED_METHOD)
    scene.clock.advance(LIMITS.lease_s)
    assert sweep(scene) == SweeperRun(seen=1, finished=1)


def test_an_open_refund_is_finished(scene: Scene) -> None:
    record = scene.paid()
    scene.script.plan("perform", Fault.LOST_ANSWER)
    scene.service.operate(refund(record, 300))
    assert sweep(scene) == SweeperRun(seen=1, finished=1)
    assert scene.record.refunded_minor == 300


def test_work_under_a_living_lease_is_left_alone(scene: Scene) -> None:
    crash(scene)
    assert sweep(scene) == SweeperRun(seen=1, finished=0)


def test_what_the_provider_does_not_answer_stays_open(scene: Scene) -> None:
    crash(scene)
    scene.clock.advance(LIMITS.lease_s)
    scene.script.plan("perform", Fault.LOST_REQUEST)
    assert sweep(scene) == SweeperRun(seen=1, finished=0)
    assert sweep(scene) == SweeperRun(seen=1, finished=1)


def test_without_the_control_record_nothing_is_finished(scene: Scene) -> None:
    crash(scene)
    scene.clock.advance(LIMITS.lease_s)
    scene.script.plan("control", Fault.REFUSED)
    assert sweep(scene) == SweeperRun(seen=1, finished=0)


def test_after_its_budget_nothing_further_is_begun(scene: Scene) -> None:
    for number in range(20):
        crash(scene, f"order-{number}")
    scene.clock.advance(LIMITS.lease_s)
    scene.script.interpose("perform", lambda: scene.clock.advance(10))
    first = sweep(scene)
    assert first.finished == 1
    assert first.seen < 20
    assert sweep(scene).finished == 19


def test_a_record_finished_by_another_meanwhile_is_left_alone(scene: Scene) -> None:
    crash(scene)
    scene.clock.advance(LIMITS.lease_s)
    scene.script.interpose("get_many", lambda: scene.service.pay(PAY))
    assert sweep(scene) == SweeperRun(seen=1, finished=0)
    assert len(scene.provider.effects) == 1
