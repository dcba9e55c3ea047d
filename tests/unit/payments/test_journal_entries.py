from dataclasses import replace

import pytest

from fakes.scene import AUTHORISE, Scene, on, refund
from payment_dr.core.errors import PaymentDrError
from payment_dr.payments.fees import fee_of
from payment_dr.payments.journal import Account, EventType, booking_of, bookings_of
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
    charge, back = bookings_of(scene.record)
    for entry in (charge, back):
        assert sum(posting.minor_units for posting in entry.postings) == 0
    assert [(p.account, p.minor_units) for p in (*charge.postings, *back.postings)] == [
        (Account.PROVIDER_RECEIVABLE, 1000),
        (Account.MERCHANT_PAYABLE, -1000),
        (Account.REFUNDS, 1000),
        (Account.PROVIDER_RECEIVABLE, -1000),
    ]


def test_a_fee_is_taken_from_what_the_merchant_is_owed() -> None:
    charge = replace(Scene().paid().operations[0], fee_minor=25)
    record = replace(Scene().paid(), operations=(charge,))
    (booking,) = bookings_of(record)
    assert [(p.account, p.minor_units) for p in booking.postings] == [
        (Account.PROVIDER_RECEIVABLE, 1000),
        (Account.MERCHANT_PAYABLE, -975),
        (Account.FEES, -25),
    ]
    assert booking.payment.fees == 25


def test_a_fee_of_all_leaves_the_merchant_no_leg() -> None:
    charge = replace(Scene().paid().operations[0], fee_minor=1000)
    (booking,) = bookings_of(replace(Scene().paid(), operations=(charge,)))
    assert [p.account for p in booking.postings] == [Account.PROVIDER_RECEIVABLE, Account.FEES]


@pytest.mark.parametrize(
    ("amount", "basis_points", "fee"),
    [
        (1000, 0, 0),
        (1000, 250, 25),
        (1, 5000, 0),
        (3, 5000, 2),
        (50, 100, 0),
        (150, 100, 2),
        (99, 101, 1),
        (7, 10_000, 7),
    ],
)
def test_fees_are_rounded_half_to_even(amount: int, basis_points: int, fee: int) -> None:
    charge = replace(Scene().paid().operations[0], amount_minor=amount)
    assert fee_of(charge, basis_points) == fee


def test_only_what_brings_money_in_costs_a_fee() -> None:
    scene = Scene()
    scene.service.operate(refund(scene.paid(), 1000))
    assert fee_of(scene.record.operations[1], 250) == 0


def test_the_fee_in_force_is_fixed_with_the_decision() -> None:
    scene = Scene(fee_basis_points=250)
    record = scene.paid()
    assert record.operations[0].fee_minor == 25
    assert bookings_of(record)[0].payment.fees == 25


def test_events_tell_what_each_decision_was_in_the_order_of_the_operations() -> None:
    scene = Scene()
    record = scene.paid(AUTHORISE)
    for number, operation in enumerate(
        (
            on(record, OperationKind.CAPTURE, 2000),
            on(record, OperationKind.CAPTURE, 400),
            on(record, OperationKind.VOID),
            refund(record, 500),
            refund(record, 400),
        )
    ):
        scene.service.operate(replace(operation, idempotency_key=f"operation-{number}"))
    bookings = bookings_of(scene.record)
    assert [(b.order, b.type) for b in bookings] == [
        (1, EventType.AUTHORISED),
        (2, EventType.CAPTURE_DECLINED),
        (3, EventType.CAPTURED),
        (4, EventType.VOID_DECLINED),
        (5, EventType.REFUND_DECLINED),
        (6, EventType.REFUNDED),
    ]
    assert [b.payment.status.value for b in bookings] == [
        "authorised",
        "authorised",
        "captured",
        "captured",
        "captured",
        "refunded",
    ]
    assert [(b.payment.captured, b.payment.refunded) for b in bookings[2:]] == [
        (400, 0),
        (400, 0),
        (400, 0),
        (400, 400),
    ]


def test_a_pending_operation_moves_no_money() -> None:
    record = Scene().paid()
    pending = replace(record.operations[0], state=OperationState.PENDING)
    assert booking_of(record, pending) is None


def test_an_entry_is_dated_by_its_decision() -> None:
    record = Scene().paid()
    (entry,) = bookings_of(record)
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
