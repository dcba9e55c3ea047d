"""Currencies of ISO 4217 with what can be charged in each."""

import pytest

from payment_dr.core.money import MINOR_UNITS_MAX, Money
from payment_dr.payments.currencies import CURRENCIES, provider_units
from payment_dr.payments.requests import Fault, InvalidRequestError, PayRequest


def request(amount: int, currency: str) -> PayRequest:
    return PayRequest(
        merchant="acme",
        idempotency_key="k",
        money=Money(minor_units=amount, currency=currency),
        capture=True,
        payment_method="pm_card_visa",
    )


@pytest.mark.parametrize(
    ("code", "exponent"),
    [("EUR", 2), ("USD", 2), ("JPY", 0), ("ISK", 0), ("UGX", 0), ("KWD", 3), ("TND", 3)],
)
def test_a_currency_has_the_exponent_of_its_minor_unit(code: str, exponent: int) -> None:
    assert CURRENCIES[code].exponent == exponent


def test_every_code_is_listed_once_and_in_order() -> None:
    codes = list(CURRENCIES)
    assert codes == sorted(codes)
    assert all(CURRENCIES[code].code == code for code in codes)
    assert len(codes) == len(set(codes)) > 140


@pytest.mark.parametrize("code", ["XXX", "XTS", "XAU", "BTC", "DEM", "HRK", "BGN", "MGA", "ZZZ"])
def test_what_is_no_money_or_no_longer_is_refused(code: str) -> None:
    with pytest.raises(InvalidRequestError, match=code) as caught:
        request(100, code)
    assert caught.value.fault is Fault.CURRENCY


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (1, "EUR"),
        (MINOR_UNITS_MAX, "EUR"),
        (1, "JPY"),
        (10, "KWD"),
        (99_999_990, "KWD"),
        (999_999, "ISK"),
    ],
)
def test_an_amount_within_its_currencys_bounds_is_taken(amount: int, currency: str) -> None:
    assert request(amount, currency).money.minor_units == amount


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (0, "EUR", "outside 1 to 99999999"),
        (5, "KWD", "outside 10 to 99999990"),
        (11, "KWD", "no multiple of 10"),
        (MINOR_UNITS_MAX, "KWD", "outside"),
        (1_000_000, "ISK", "outside 1 to 999999"),
    ],
)
def test_an_amount_outside_its_currencys_bounds_is_refused(
    amount: int, currency: str, words: str
) -> None:
    with pytest.raises(InvalidRequestError, match=words) as caught:
        request(amount, currency)
    assert caught.value.fault is Fault.AMOUNT


def test_the_provider_counts_hundredths_where_there_is_no_minor_unit() -> None:
    assert provider_units("ISK", 1250) == provider_units("UGX", 1250) == 125_000
    assert provider_units("JPY", 1250) == provider_units("EUR", 1250) == 1250
