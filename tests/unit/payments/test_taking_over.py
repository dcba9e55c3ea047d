"""A retry after a crash finishes what the crashed handler began, once."""

import pytest

from fakes.control import EAST, WEST
from fakes.faults import Crash, Fault
from fakes.scene import LIMITS, PAY, Scene, refund
from payment_dr.payments.completing import LOOK_UP_LAGS_S, NOT_FOUND_AT_PROVIDER
from payment_dr.payments.outcome import Created, DeclinedOutcome, Indeterminate, InProgress
from payment_dr.payments.record import PaymentState


def crash(scene: Scene, effect: str, fault: Fault) -> None:
    """A handler at east dies at that effect of a payment."""
    scene.script.plan(effect, fault)
    with pytest.raises(Crash):
        scene.service.pay(PAY)


@pytest.mark.parametrize(
    ("effect", "fault"),
    [
        ("put", Fault.CRASH_AFTER),
        ("perform", Fault.CRASH_BEFORE),
        ("perform", Fault.CRASH_AFTER),
        ("replace", Fault.CRASH_BEFORE),
    ],
)
def test_a_retry_at_the_other_site_waits_for_the_lease_then_charges_once(
    scene: Scene, effect: str, fault: Fault
) -> None:
    crash(scene, effect, fault)
    west = scene.service_at(WEST)
    assert west.pay(PAY) == InProgress(payment_id=scene.record.payment_id, retry_after_s=1)
    scene.clock.advance(LIMITS.lease_s)
    outcome = west.pay(PAY)
    assert isinstance(outcome, Created)
    assert not outcome.replayed
    assert len(scene.provider.effects) == 1
    assert scene.record.site == WEST


def test_a_handler_that_dies_after_deciding_leaves_a_final_record(scene: Scene) -> None:
    crash(scene, "replace", Fault.CRASH_AFTER)
    outcome = scene.service_at(WEST).pay(PAY)
    assert isinstance(outcome, Created)
    assert outcome.replayed


def test_a_refund_is_taken_over_as_well(scene: Scene) -> None:
    record = scene.paid()
    scene.script.plan("perform", Fault.CRASH_AFTER)
    with pytest.raises(Crash):
        scene.service.operate(refund(record, 300))
    scene.clock.advance(LIMITS.lease_s)
    assert isinstance(scene.service_at(WEST).operate(refund(record, 300)), Created)
    assert scene.record.refunded_minor == 300
    assert len(scene.provider.effects) == 2


def test_two_handlers_on_one_payment_charge_once_and_answer_alike(scene: Scene) -> None:
    west, others = scene.service_at(WEST), list[object]()

    def paused_beyond_the_lease() -> None:
        scene.clock.advance(LIMITS.lease_s)
        others.append(west.pay(PAY))

    scene.script.interpose("replace", paused_beyond_the_lease)
    outcome = scene.service.pay(PAY)
    assert isinstance(outcome, Created)
    assert others == [outcome]
    assert len(scene.provider.effects) == 1


def test_of_two_that_take_over_at_once_one_wins(scene: Scene) -> None:
    crash(scene, "perform", Fault.CRASH_BEFORE)
    scene.clock.advance(LIMITS.lease_s)
    west, answers = scene.service_at(WEST), list[object]()
    scene.script.interpose("replace", lambda: answers.append(west.pay(PAY)))
    assert isinstance(scene.service.pay(PAY), InProgress)
    assert isinstance(answers[0], Created)


def test_a_taken_over_handler_that_wakes_up_while_the_other_works_does_not_decide(
    scene: Scene,
) -> None:
    west = scene.service_at(WEST)

    def taken_over() -> None:
        scene.clock.advance(LIMITS.lease_s)
        scene.script.plan("perform", Fault.CRASH_BEFORE)
        with pytest.raises(Crash):
            west.pay(PAY)

    scene.script.interpose("replace", taken_over)
    assert isinstance(scene.service.pay(PAY), Indeterminate)
    assert scene.record.state is PaymentState.ACCEPTED


def test_a_take_over_of_unknown_effect_is_read_back(scene: Scene) -> None:
    crash(scene, "perform", Fault.CRASH_BEFORE)
    scene.clock.advance(LIMITS.lease_s)
    scene.script.plan("replace", Fault.LOST_ANSWER)
    assert isinstance(scene.service.pay(PAY), Created)


@pytest.mark.parametrize("read_back", [Fault.NONE, Fault.REFUSED])
def test_a_take_over_that_did_not_come_through_leaves_it_in_progress(
    scene: Scene, read_back: Fault
) -> None:
    crash(scene, "perform", Fault.CRASH_BEFORE)
    scene.clock.advance(LIMITS.lease_s)
    scene.script.plan("replace", Fault.LOST_REQUEST)
    scene.script.plan("get", read_back)
    assert isinstance(scene.service.pay(PAY), InProgress)
    assert not scene.provider.effects


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.REFUSED])
def test_a_provider_that_does_not_answer_leaves_the_payment_open_for_a_retry(
    scene: Scene, fault: Fault
) -> None:
    scene.script.plan("perform", fault)
    outcome = scene.service.pay(PAY)
    assert outcome == Indeterminate(payment_id=scene.record.payment_id, retry_after_s=1)
    assert scene.record.state is PaymentState.ACCEPTED
    assert isinstance(scene.service.pay(PAY), Created), "the lease is given back at once"
    assert len(scene.provider.effects) == 1


def test_a_lease_that_cannot_be_given_back_ends_by_itself(scene: Scene) -> None:
    scene.script.plan("perform", Fault.LOST_REQUEST)
    scene.script.plan("replace", Fault.LOST_REQUEST)
    assert isinstance(scene.service.pay(PAY), Indeterminate)
    assert isinstance(scene.service.pay(PAY), InProgress)
    scene.clock.advance(LIMITS.lease_s)
    assert isinstance(scene.service.pay(PAY), Created)


def test_an_old_charge_is_looked_up_and_never_sent_again(scene: Scene) -> None:
    crash(scene, "perform", Fault.CRASH_AFTER)
    scene.clock.advance(LIMITS.provider_forgets_keys_s)
    sent = scene.script.effects.count("perform")
    assert isinstance(scene.service_at(WEST).pay(PAY), Created)
    assert scene.script.effects.count("perform") == sent
    assert len(scene.provider.effects) == 1


def test_an_old_charge_that_the_provider_never_did_is_declined(scene: Scene) -> None:
    crash(scene, "perform", Fault.CRASH_BEFORE)
    scene.clock.advance(LIMITS.provider_forgets_keys_s + LOOK_UP_LAGS_S)
    outcome = scene.service_at(WEST).pay(PAY)
    assert isinstance(outcome, DeclinedOutcome)
    assert outcome.operation.decline_code == NOT_FOUND_AT_PROVIDER
    assert not scene.provider.effects


def test_a_charge_that_may_only_not_be_found_yet_stays_open(scene: Scene) -> None:
    """It may have been sent, and done, just before its key is no longer trusted."""
    crash(scene, "perform", Fault.CRASH_BEFORE)
    scene.clock.advance(LIMITS.provider_forgets_keys_s + LOOK_UP_LAGS_S - 1)
    assert isinstance(scene.service_at(WEST).pay(PAY), Indeterminate)
    assert scene.record.state is PaymentState.ACCEPTED
    assert not scene.provider.effects


def test_an_old_charge_that_cannot_be_looked_up_stays_open(scene: Scene) -> None:
    crash(scene, "perform", Fault.CRASH_AFTER)
    scene.clock.advance(LIMITS.provider_forgets_keys_s)
    scene.script.plan("look_up", Fault.REFUSED)
    assert isinstance(scene.service_at(WEST).pay(PAY), Indeterminate)
    assert scene.record.state is PaymentState.ACCEPTED


def test_nothing_is_resumed_of_a_final_payment(scene: Scene) -> None:
    assert scene.service_at(EAST).resume(scene.paid()) is None
