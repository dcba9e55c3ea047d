"""Which operations arrivals become."""

import json
from collections import Counter

import pytest

from lab.fake_service import KEYS, plan_of
from payment_dr.checks.evidence import Function
from payment_dr.lab.load import workload as module
from payment_dr.lab.load.arrivals import Arrival, Kind
from payment_dr.lab.load.workload import Operation, Workload, read_of


def arriving(kind: Kind, number: int = 0) -> Arrival:
    return Arrival(at_s=0, number=number, kind=kind)


def asked(workload: Workload, kind: Kind, number: int = 0) -> Operation:
    operation = workload.operation(arriving(kind, number))
    assert operation is not None
    return operation


def test_a_duplicate_is_equal_to_its_payment_and_no_two_payments_share_a_key() -> None:
    workload = Workload(plan_of())
    payments = [asked(workload, Kind.PAYMENT, number) for number in range(200)]
    assert payments == [asked(workload, Kind.DUPLICATE, number) for number in range(200)]
    assert len({payment.key for payment in payments}) == 200


def test_merchants_currencies_amounts_and_cards_vary() -> None:
    workload = Workload(plan_of(declines=0.5))
    payments = [asked(workload, Kind.PAYMENT, number) for number in range(400)]
    assert {payment.merchant for payment in payments} == set(KEYS)
    assert {payment.currency for payment in payments} == {"EUR", "USD", "JPY"}
    assert len({payment.amount for payment in payments}) > 300
    assert all(50 <= payment.amount <= 5_000_000 for payment in payments)
    bodies = [json.loads(payment.body) for payment in payments]
    cards = Counter(body["payment_method"] for body in bodies)
    assert 150 < cards["pm_card_visa_chargeDeclined"] < 250
    assert [body["amount"] for body in bodies] == [payment.amount for payment in payments]


@pytest.mark.parametrize("kind", [Kind.REFUND, Kind.READ, Kind.KEY_REUSE])
def test_nothing_is_asked_about_earlier_payments_before_there_is_one(kind: Kind) -> None:
    assert Workload(plan_of()).operation(arriving(kind)) is None


def test_refunds_reads_and_reuses_are_about_an_acknowledged_payment() -> None:
    workload = Workload(plan_of())
    payment = asked(workload, Kind.PAYMENT)
    workload.acknowledged(payment, "id-1")
    refunds = [asked(workload, Kind.REFUND, number) for number in range(100)]
    assert {refund.path for refund in refunds} == {"/v1/payments/id-1/refunds"}
    assert {refund.payment_id for refund in refunds} == {"id-1"}
    assert len({refund.key for refund in refunds}) == 100
    amounts = [json.loads(refund.body)["amount"] for refund in refunds]
    assert amounts == [refund.amount for refund in refunds]
    assert 20 < amounts.count(payment.amount) < 80
    assert all(0 < amount <= payment.amount for amount in amounts)
    read = asked(workload, Kind.READ)
    assert (read.function, read.key, read.path) == (Function.READ, "id-1", "/v1/payments/id-1")
    assert read == read_of(payment, "id-1")
    reuse = asked(workload, Kind.KEY_REUSE)
    assert (reuse.key, reuse.merchant) == (payment.key, payment.merchant)
    assert reuse.request != payment.request
    assert reuse.amount == payment.amount + 1


def test_what_is_remembered_is_a_bounded_uniform_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ACKNOWLEDGED_MAX", 50)
    workload = Workload(plan_of())
    payment = asked(workload, Kind.PAYMENT)
    for number in range(1_000):
        workload.acknowledged(payment, str(number))
    kept = [int(payment_id) for _, payment_id in workload.sample(1_000)]
    assert len(set(kept)) == len(kept) == 50
    assert 300 < sum(kept) / 50 < 700
    assert len(workload.sample(10)) == 10
