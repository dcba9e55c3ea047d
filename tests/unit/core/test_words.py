import pytest

from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.money import MINOR_UNITS_MAX, Money


@pytest.mark.parametrize("minor_units", [-1, MINOR_UNITS_MAX + 1])
def test_an_amount_out_of_bounds_is_refused_by_name(minor_units: int) -> None:
    with pytest.raises(PaymentDrError, match=str(minor_units)):
        Money(minor_units=minor_units, currency="EUR")


@pytest.mark.parametrize("currency", ["eur", "EURO", "", "E1R"])
def test_a_currency_that_is_not_three_capitals_is_refused(currency: str) -> None:
    with pytest.raises(PaymentDrError, match="ISO 4217"):
        Money(minor_units=1, currency=currency)


def test_money_reads_as_minor_units_and_currency() -> None:
    assert str(Money(minor_units=0, currency="JPY")) == "0 JPY"


def test_an_error_tells_what_happened_whether_it_may_have_acted_and_what_to_do() -> None:
    error = UnavailableError("no answer in 2 s", remedy="payment-dr status", definite=False)
    assert str(error) == (
        "no answer in 2 s (the effect is unknown: it may have happened)\n  next: payment-dr status"
    )
    assert str(PaymentDrError("bad")) == "bad"
