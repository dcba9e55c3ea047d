import json
from dataclasses import replace

import pytest

from fakes.control import WEST
from fakes.faults import Fault
from fakes.provider import DECLINED_METHOD
from fakes.scene import AUTHORISE, PAY, Scene, on, refund
from payment_dr.payments.claiming import TOO_MANY_OPERATIONS
from payment_dr.payments.journal import EventType, bookings_of
from payment_dr.payments.outcome import (
    Created,
    DeclinedOutcome,
    Indeterminate,
    InProgress,
    KeyReused,
    NotAllowed,
    NotFound,
    Unavailable,
)
from payment_dr.payments.record import (
    OPERATIONS_MAX,
    OperationKind,
    OperationState,
    PaymentState,
)

CAPTURE, VOID = OperationKind.CAPTURE, OperationKind.VOID


def test_a_refund_costs_one_read_two_updates_one_call_and_one_posting(scene: Scene) -> None:
    record = scene.paid()
    scene.script.effects.clear()
    assert isinstance(scene.service.operate(refund(record, 300)), Created)
    effects = [effect for effect in scene.script.effects if effect != "control"]
    assert effects == ["get", "replace", "perform", "replace", "post"]


def test_a_partial_refund_leaves_the_payment_captured(scene: Scene) -> None:
    outcome = scene.service.operate(refund(scene.paid(), 300))
    assert isinstance(outcome, Created)
    body = json.loads(outcome.response.body)
    assert (body["status"], body["captured"], body["refunded"]) == ("captured", 1000, 300)
    assert len(scene.ledger.entries) == 2


def test_refunding_all_makes_it_refunded(scene: Scene) -> None:
    record = scene.paid()
    scene.service.operate(refund(record, 300, key="a"))
    scene.service.operate(refund(record, 700, key="b"))
    assert scene.record.state is PaymentState.REFUNDED


def test_a_refund_above_what_was_captured_is_declined_under_its_key_without_asking_the_provider(
    scene: Scene,
) -> None:
    record = scene.paid()
    scene.service.operate(refund(record, 300, key="a"))
    first = scene.service.operate(refund(record, 701, key="b"))
    assert isinstance(first, DeclinedOutcome)
    assert not first.replayed
    assert first.operation.decline_code == "amount_above_captured"
    again = scene.service.operate(refund(record, 701, key="b"))
    assert again == replace(first, replayed=True)
    assert len(scene.provider.effects) == 2


def test_a_refused_refund_leaves_the_earlier_posting_unconfirmed(scene: Scene) -> None:
    record = scene.paid()
    scene.service.operate(refund(record, 1001))
    assert scene.record.unconfirmed == record.unconfirmed


@pytest.mark.parametrize("amount", [400, 1000])
def test_an_authorisation_is_captured_once_in_part_or_in_full(scene: Scene, amount: int) -> None:
    record = scene.paid(AUTHORISE)
    assert isinstance(scene.service.operate(on(record, CAPTURE, amount)), Created)
    assert scene.record.captured_minor == amount
    again = scene.service.operate(on(record, CAPTURE, 1, key="another"))
    assert isinstance(again, DeclinedOutcome)
    assert again.operation.decline_code == "not_authorised"


def test_no_more_is_captured_than_was_authorised(scene: Scene) -> None:
    outcome = scene.service.operate(on(scene.paid(AUTHORISE), CAPTURE, 1001))
    assert isinstance(outcome, DeclinedOutcome)
    assert outcome.operation.decline_code == "amount_above_authorised"


def test_a_void_frees_an_authorisation_and_moves_no_money(scene: Scene) -> None:
    outcome = scene.service.operate(on(scene.paid(AUTHORISE), VOID))
    assert isinstance(outcome, Created)
    assert scene.record.state is PaymentState.VOIDED
    assert outcome.operation.amount_minor == 1000
    assert [b.type for b in bookings_of(scene.record)] == [EventType.AUTHORISED, EventType.VOIDED]
    assert not any(booking.postings for booking in scene.ledger.entries.values())


def test_what_is_captured_cannot_be_voided(scene: Scene) -> None:
    outcome = scene.service.operate(on(scene.paid(), VOID))
    assert isinstance(outcome, DeclinedOutcome)
    assert outcome.operation.decline_code == "not_authorised"


def test_nothing_of_a_declined_payment_can_be_refunded(scene: Scene) -> None:
    scene.service.pay(replace(PAY, payment_method=DECLINED_METHOD))
    assert isinstance(scene.service.operate(refund(scene.record, 1)), DeclinedOutcome)


def test_an_operation_answers_alike_for_ever_and_at_both_sites(scene: Scene) -> None:
    record = scene.paid()
    first = scene.service.operate(refund(record, 300))
    again = scene.service_at(WEST).operate(refund(record, 300))
    assert isinstance(first, Created)
    assert again == replace(first, replayed=True)
    assert len(scene.provider.effects) == 2


@pytest.mark.parametrize("key", ["refund-1", PAY.idempotency_key])
def test_a_key_names_one_operation_of_a_payment(scene: Scene, key: str) -> None:
    record = scene.paid()
    scene.service.operate(refund(record, 300))
    outcome = scene.service.operate(refund(record, 200, key=key))
    assert outcome == KeyReused(payment_id=record.payment_id)


def test_a_payment_of_another_merchant_is_not_found(scene: Scene) -> None:
    request = replace(refund(scene.paid(), 1), merchant="other")
    assert scene.service.operate(request) == NotFound(payment_id=request.payment_id)


def test_a_payment_that_does_not_exist_is_not_found(scene: Scene) -> None:
    request = replace(refund(scene.paid(), 1), payment_id="6d1c1f0e-5d0b-5a57-9d0c-0c8a4f5f8c11")
    assert isinstance(scene.service.operate(request), NotFound)


def test_beside_a_pending_operation_there_is_no_second_one(scene: Scene) -> None:
    record = scene.paid()
    answers: list[object] = []
    other = scene.service_at(WEST)
    second = refund(record, 1, key="second")
    scene.script.interpose("perform", lambda: answers.append(other.operate(second)))
    assert isinstance(scene.service.operate(refund(record, 1)), Created)
    assert answers == [InProgress(payment_id=record.payment_id, retry_after_s=1)]


def test_beside_an_operation_without_a_lease_the_client_comes_back_soon(scene: Scene) -> None:
    record = scene.paid()
    scene.script.plan("perform", Fault.LOST_REQUEST)
    assert isinstance(scene.service.operate(refund(record, 1)), Indeterminate)
    outcome = scene.service.operate(refund(record, 1, key="second"))
    assert outcome == InProgress(payment_id=record.payment_id, retry_after_s=1)


def test_a_decided_operation_is_answered_while_another_is_pending(scene: Scene) -> None:
    record = scene.paid()
    scene.service.operate(refund(record, 1, key="first"))
    scene.script.plan("perform", Fault.LOST_REQUEST)
    scene.service.operate(refund(record, 1, key="second"))
    assert isinstance(scene.service.operate(refund(record, 1, key="first")), Created)


def test_a_full_record_takes_no_further_operation(scene: Scene) -> None:
    record = scene.paid()
    for number in range(OPERATIONS_MAX - 1):
        assert isinstance(scene.service.operate(refund(record, 1, key=f"{number}")), Created)
    outcome = scene.service.operate(refund(record, 1, key="one-more"))
    assert outcome == NotAllowed(payment_id=record.payment_id, code=TOO_MANY_OPERATIONS)


def test_a_write_that_came_between_makes_it_look_again(scene: Scene) -> None:
    record = scene.paid()
    other = scene.service_at(WEST)
    late_refund = refund(record, 900, key="other")
    scene.script.interpose("replace", lambda: other.operate(late_refund))
    outcome = scene.service.operate(refund(record, 900))
    assert isinstance(outcome, DeclinedOutcome), "decided on the record as the other left it"
    assert scene.record.refunded_minor == 900


def test_a_record_that_keeps_changing_is_given_up_after_a_bound(scene: Scene) -> None:
    record = scene.paid()

    def confirm() -> None:
        stored = scene.table.records[record.payment_id]
        scene.table.records[record.payment_id] = replace(stored, version=stored.version + 1)
        scene.script.interpose("replace", confirm)

    scene.script.interpose("replace", confirm)
    assert isinstance(scene.service.operate(refund(record, 1)), Unavailable)
    assert len(scene.provider.effects) == 1


def test_without_the_table_an_operation_took_no_effect(scene: Scene) -> None:
    record = scene.paid()
    scene.script.plan("get", Fault.REFUSED)
    assert isinstance(scene.service.operate(refund(record, 1)), Unavailable)


def test_a_refused_claim_is_tried_again(scene: Scene) -> None:
    record = scene.paid()
    scene.script.plan("replace", Fault.REFUSED)
    assert isinstance(scene.service.operate(refund(record, 1)), Created)


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_REQUEST, Fault.REPEATED])
def test_a_claim_of_unknown_effect_is_looked_for_and_carried_on(scene: Scene, fault: Fault) -> None:
    record = scene.paid()
    scene.script.plan("replace", fault)
    assert isinstance(scene.service.operate(refund(record, 1)), Created)
    assert len(scene.provider.effects) == 2


@pytest.mark.parametrize(
    ("read", "write"),
    [
        ([Fault.NONE, Fault.REFUSED], [Fault.LOST_REQUEST]),
        ([Fault.NONE, Fault.NONE], [Fault.LOST_REQUEST, Fault.LOST_REQUEST]),
    ],
)
def test_a_claim_that_stays_unknown_is_indeterminate(
    scene: Scene, read: list[Fault], write: list[Fault]
) -> None:
    record = scene.paid()
    scene.script.plan("get", *read)
    scene.script.plan("replace", *write)
    outcome = scene.service.operate(refund(record, 1))
    assert outcome == Indeterminate(payment_id=record.payment_id, retry_after_s=1)
    assert isinstance(scene.service.operate(refund(record, 1)), Created)


def test_a_declined_capture_at_the_provider_leaves_the_authorisation(scene: Scene) -> None:
    record = scene.paid(AUTHORISE)
    scene.provider.decline_next("expired")
    outcome = scene.service.operate(on(record, CAPTURE, 1000))
    assert isinstance(outcome, DeclinedOutcome)
    assert outcome.operation.state is OperationState.DECLINED
    assert scene.record.state is PaymentState.AUTHORISED
