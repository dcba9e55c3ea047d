import json
from dataclasses import replace

import pytest

from fakes.control import WEST
from fakes.faults import Fault
from fakes.provider import DECLINED_METHOD
from fakes.scene import AUTHORISE, MERCHANT, PAY, Scene, refund
from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch
from payment_dr.payments.journal import EventType
from payment_dr.payments.outcome import (
    Created,
    DeclinedOutcome,
    Found,
    Indeterminate,
    InProgress,
    KeyReused,
    NotFound,
    Unavailable,
)
from payment_dr.payments.ports import ControlView
from payment_dr.payments.record import PaymentState, shard_of
from payment_dr.payments.responses import body_of


def test_a_payment_costs_one_put_one_charge_one_update_and_one_posting(scene: Scene) -> None:
    assert isinstance(scene.service.pay(PAY), Created)
    effects = [effect for effect in scene.script.effects if effect != "control"]
    assert effects == ["put", "perform", "replace", "post"]


def test_a_capture_is_acknowledged_posted_and_unconfirmed(scene: Scene) -> None:
    outcome = scene.service.pay(PAY)
    assert isinstance(outcome, Created)
    assert not outcome.replayed
    assert outcome.response.status == 201
    assert json.loads(outcome.response.body) == {
        "payment_id": outcome.record.payment_id,
        "status": "captured",
        "amount": 1000,
        "currency": "EUR",
        "captured": 1000,
        "refunded": 0,
        "created_at": scene.clock.now(),
        "metadata": {},
    }
    assert scene.record == outcome.record
    assert scene.record.unconfirmed == shard_of(scene.record.payment_id)
    assert scene.record.lease is None
    assert set(scene.ledger.entries) == {outcome.operation.operation_id}


def test_an_authorisation_moves_no_money_and_is_booked_as_an_event_alone(scene: Scene) -> None:
    record = scene.paid(AUTHORISE)
    assert record.state is PaymentState.AUTHORISED
    assert record.unconfirmed is not None
    (booking,) = scene.ledger.entries.values()
    assert (booking.type, booking.postings) == (EventType.AUTHORISED, ())


def test_a_decline_is_final_stored_and_booked_as_an_event_alone(scene: Scene) -> None:
    declined = replace(PAY, payment_method=DECLINED_METHOD)
    first = scene.service.pay(declined)
    assert isinstance(first, DeclinedOutcome)
    assert first.response.status == 402
    body = json.loads(first.response.body)
    assert (body["status"], body["decline_code"]) == ("declined", "card_declined")
    (booking,) = scene.ledger.entries.values()
    assert (booking.type, booking.postings) == (EventType.DECLINED, ())
    assert booking.decline_code == "card_declined"
    again = scene.service.pay(declined)
    assert isinstance(again, DeclinedOutcome)
    assert again.replayed
    assert again.response == first.response


def test_the_same_request_at_the_other_site_gets_the_same_answer_marked_as_replayed(
    scene: Scene,
) -> None:
    first = scene.service.pay(PAY)
    again = scene.service_at(WEST).pay(PAY)
    assert isinstance(first, Created)
    assert isinstance(again, Created)
    assert again.replayed
    assert again.response == first.response
    assert len(scene.provider.effects) == 1


def test_a_replay_after_a_refund_still_tells_what_was_answered_first(scene: Scene) -> None:
    record = scene.paid()
    scene.service.operate(refund(record, 1000))
    again = scene.service.pay(PAY)
    assert isinstance(again, Created)
    assert again.record.state is PaymentState.REFUNDED
    assert json.loads(again.response.body)["status"] == "captured"


def test_a_key_used_for_another_request_charges_nothing(scene: Scene) -> None:
    scene.paid()
    other = replace(PAY, money=Money(minor_units=1, currency="EUR"))
    assert scene.service.pay(other) == KeyReused(payment_id=scene.record.payment_id)
    assert len(scene.provider.effects) == 1


def test_merchants_do_not_share_keys(scene: Scene) -> None:
    scene.paid()
    scene.paid(replace(PAY, merchant="other"))
    assert len(scene.provider.effects) == 2


def test_while_another_handler_works_the_client_is_told_when_to_come_back(scene: Scene) -> None:
    answers: list[object] = []
    other = scene.service_at(WEST)
    scene.script.interpose("perform", lambda: answers.append(other.pay(PAY)))
    assert isinstance(scene.service.pay(PAY), Created)
    assert answers == [InProgress(payment_id=scene.record.payment_id, retry_after_s=1)]


def test_a_refused_claim_took_no_effect(scene: Scene) -> None:
    scene.script.plan("put", Fault.REFUSED)
    assert isinstance(scene.service.pay(PAY), Unavailable)
    assert not scene.table.records


def test_without_the_control_record_nothing_is_begun(scene: Scene) -> None:
    scene.script.plan("control", Fault.REFUSED, Fault.REFUSED)
    record_id = "6d1c1f0e-5d0b-5a57-9d0c-0c8a4f5f8c11"
    assert isinstance(scene.service.pay(PAY), Unavailable)
    request = replace(refund(Scene().paid(), 1), payment_id=record_id)
    assert isinstance(scene.service.operate(request), Unavailable)
    assert not scene.table.records


def test_a_claim_whose_answer_was_lost_is_read_back_and_carried_on(scene: Scene) -> None:
    scene.script.plan("put", Fault.LOST_ANSWER)
    assert isinstance(scene.service.pay(PAY), Created)


def test_a_claim_repeated_by_the_client_library_is_recognised_as_ours(scene: Scene) -> None:
    scene.script.plan("put", Fault.REPEATED)
    outcome = scene.service.pay(PAY)
    assert isinstance(outcome, Created)
    assert scene.script.effects.count("replace") == 1


@pytest.mark.parametrize("read_back", [Fault.NONE, Fault.REFUSED])
def test_a_claim_that_may_have_landed_is_indeterminate(scene: Scene, read_back: Fault) -> None:
    scene.script.plan("put", Fault.LATE)
    scene.script.plan("get", read_back)
    outcome = scene.service.pay(PAY)
    assert isinstance(outcome, Indeterminate)
    scene.script.deliver_late()
    assert outcome.payment_id == scene.record.payment_id
    assert not scene.provider.effects


def test_a_standby_accepts_and_leaves_posting_to_the_active_site(scene: Scene) -> None:
    assert isinstance(scene.service_at(WEST).pay(PAY), Created)
    assert not scene.ledger.entries
    assert scene.record.unconfirmed is not None
    assert scene.record.site == WEST


def test_during_a_move_payments_are_accepted_but_not_posted(scene: Scene) -> None:
    scene.control.view = ControlView(steady=False, active=WEST, epoch=Epoch(2))
    assert isinstance(scene.service.pay(PAY), Created)
    assert "post" not in scene.script.effects
    assert scene.record.epoch == 2


def test_a_payment_is_read_as_it_is_now(scene: Scene) -> None:
    record = scene.paid()
    found = scene.service.read(merchant=MERCHANT, payment_id=record.payment_id)
    assert found == Found(record=record)
    assert json.loads(body_of(record))["status"] == "captured"


def test_a_declined_payment_is_read_with_its_decline_code(scene: Scene) -> None:
    scene.service.pay(replace(PAY, payment_method=DECLINED_METHOD))
    assert json.loads(body_of(scene.record))["decline_code"] == "card_declined"


def test_another_merchants_payment_is_not_found(scene: Scene) -> None:
    record = scene.paid()
    wanted = NotFound(payment_id=record.payment_id)
    assert scene.service.read(merchant="other", payment_id=record.payment_id) == wanted


def test_a_read_without_the_table_says_so(scene: Scene) -> None:
    scene.script.plan("get", Fault.REFUSED)
    outcome = scene.service.read(merchant=MERCHANT, payment_id="any")
    assert outcome == Unavailable(reason="get refused", retry_after_s=1)
