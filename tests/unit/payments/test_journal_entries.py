from dataclasses import replace

import pytest

from fakes.scene import AUTHORISE, Scene, on, refund
from payment_dr.core.errors import PaymentDrError
from payment_dr.payments.journal import Account, entries_of, entry_of
from payment_dr.payments.record import (
    OperationKind,
    OperationState,
    PaymentState,
    operation_id,
    payment_id,
    shard_of,
)
from payment_dr.payments.rules import refusal_of
from payment_dr.payments.transitions import call_of


def test_a_charge_and_its_refund_balance_each_and_cancel_each_other() -> None:
    scene = Scene()
    scene.service.operate(refund(scene.paid(), 1000))
    charge, back = entries_of(scene.record)
    for entry in (charge, back):
        assert sum(posting.minor_units for posting in entry.postings) == 0
    owed = [p.minor_units for e in (charge, back) for p in e.postings]
    assert owed == [1000, -1000, -1000, 1000]
    assert charge.postings[1].account is Account.MERCHANT_PAYABLE


def test_a_pending_operation_moves_no_money() -> None:
    record = Scene().paid()
    pending = replace(record.operations[0], state=OperationState.PENDING)
    assert entry_of(record, pending) is None


def test_an_entry_is_dated_by_its_decision() -> None:
    record = Scene().paid()
    (entry,) = entries_of(record)
    assert entry.occurred_at == record.operations[0].decided_at


def test_a_charge_on_a_charged_payment_is_refused() -> None:
    assert refusal_of(Scene().paid(), OperationKind.CHARGE, 1) == "already_charged"


def test_each_operation_goes_to_the_provider_with_its_own_amount_and_the_charges_reference() -> (
    None
):
    scene = Scene()
    record = scene.paid(AUTHORISE)
    scene.service.operate(on(record, OperationKind.CAPTURE, 400))
    charge, capture = (call_of(scene.record, o) for o in scene.record.operations)
    assert (charge.money.minor_units, charge.charge_reference) == (1000, None)
    assert (capture.money.minor_units, capture.charge_reference) == (400, "ch_1")


def test_merchants_whose_names_and_keys_run_together_have_other_payments() -> None:
    assert payment_id("ab", "c") != payment_id("a", "bc")
    assert payment_id("a:1", "b") != payment_id("a", "1:b")


def test_the_same_key_names_other_operations_by_kind() -> None:
    payment = payment_id("acme", "order-1")
    assert operation_id(payment, OperationKind.REFUND, "k") != operation_id(
        payment, OperationKind.VOID, "k"
    )


def test_shards_are_spread() -> None:
    shards = {shard_of(payment_id("acme", f"order-{n}")) for n in range(100)}
    assert shards == {0, 1, 2, 3}


def test_an_operation_that_never_was_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Scene().paid().operation("none")
    assert PaymentDrError("what").definite
    assert Scene().paid().state is PaymentState.CAPTURED
