from dataclasses import replace

import pytest

from fakes.scene import MERCHANT, PAY
from payment_dr.core.money import MINOR_UNITS_MAX, Money
from payment_dr.payments.record import OperationKind
from payment_dr.payments.requests import InvalidRequestError, OperationRequest, PayRequest

REFUND = OperationRequest(
    merchant=MERCHANT,
    payment_id="6d1c1f0e-5d0b-5a57-9d0c-0c8a4f5f8c11",
    idempotency_key="refund-1",
    kind=OperationKind.REFUND,
    amount_minor=10,
)


@pytest.mark.parametrize(
    "other",
    [
        replace(PAY, merchant="other"),
        replace(PAY, money=Money(minor_units=1001, currency="EUR")),
        replace(PAY, money=Money(minor_units=1000, currency="USD")),
        replace(PAY, capture=False),
        replace(PAY, payment_method="pm_card_mastercard"),
    ],
)
def test_any_difference_of_content_is_another_fingerprint(other: PayRequest) -> None:
    assert other.fingerprint != PAY.fingerprint


def test_the_key_is_no_part_of_the_fingerprint() -> None:
    assert replace(PAY, idempotency_key="order-2").fingerprint == PAY.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        replace(REFUND, kind=OperationKind.CAPTURE),
        replace(REFUND, amount_minor=11),
        replace(REFUND, payment_id="another"),
        replace(REFUND, merchant="another"),
    ],
)
def test_operations_of_other_content_differ_in_fingerprint(other: OperationRequest) -> None:
    assert other.fingerprint != REFUND.fingerprint


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "umlaut-ä", "line\n"])
def test_a_key_is_1_to_255_visible_ascii_characters(key: str) -> None:
    with pytest.raises(InvalidRequestError, match="idempotency key"):
        replace(PAY, idempotency_key=key)
    with pytest.raises(InvalidRequestError, match="idempotency key"):
        replace(REFUND, idempotency_key=key)


def test_a_key_of_255_characters_is_accepted() -> None:
    assert replace(PAY, idempotency_key="~" * 255).idempotency_key


def test_a_payment_method_is_a_token() -> None:
    with pytest.raises(InvalidRequestError, match="payment_method"):
        replace(PAY, payment_method="")


def test_nothing_is_charged_for_nothing() -> None:
    with pytest.raises(InvalidRequestError, match="amount 0 is outside"):
        replace(PAY, money=Money(minor_units=0, currency="EUR"))


@pytest.mark.parametrize("amount", [0, -1, MINOR_UNITS_MAX + 1])
def test_an_operation_is_bounded_as_a_payment_is(amount: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"amount {amount} is outside"):
        replace(REFUND, amount_minor=amount)


def test_a_void_takes_no_amount_and_a_refund_needs_one() -> None:
    void = replace(REFUND, kind=OperationKind.VOID, amount_minor=None)
    assert void.fingerprint != REFUND.fingerprint
    with pytest.raises(InvalidRequestError, match="a void takes none"):
        replace(REFUND, kind=OperationKind.VOID)
    with pytest.raises(InvalidRequestError, match="need an amount"):
        replace(REFUND, amount_minor=None)


def test_a_charge_is_no_operation_on_a_payment() -> None:
    with pytest.raises(InvalidRequestError, match="a payment of its own"):
        replace(REFUND, kind=OperationKind.CHARGE)
