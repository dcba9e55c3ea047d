"""What serves merchants beside their payments, put together."""

import pytest

from fakes.clock import FakeClock
from fakes.planned_client import PlannedClient
from payment_dr.adapters.merchant_directory import MerchantDirectory
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.settings import PaymentSettings
from payment_dr.functions.merchants import MerchantParts, merchant_parts


def nowhere() -> LedgerLogin:
    return LedgerLogin(host="127.0.0.1", port=1, user="u", password="p", tls=False)


def parts(webhooks: dict[str, str]) -> MerchantParts:
    directory = MerchantDirectory(PlannedClient({}), "t")  # type: ignore[arg-type]  # planned answers
    return merchant_parts(
        PaymentSettings(), directory, clock=FakeClock(), login=nowhere, webhooks=lambda: webhooks
    )


def test_nobody_is_identified_by_a_key_that_the_directory_does_not_have() -> None:
    assert parts({}).identify(f"Bearer sk_test_{'a' * 16}_{'A' * 43}") is None


def test_books_are_connected_once_and_closed() -> None:
    made = parts({})
    made.close()
    books = made.books()
    assert made.books() is books
    made.close()
    with pytest.raises(UnavailableError):
        books.balances("shop")
    again = made.books()
    assert again is not books
    made.close()


@pytest.mark.parametrize("secret", [{}, {"master": "no hex"}, {"key": "00"}])
def test_a_secret_without_a_master_key_is_a_defect(secret: dict[str, str]) -> None:
    with pytest.raises(PaymentDrError, match="no master key"):
        parts(secret).webhook_master()


def test_endpoints_have_ids_that_nobody_guesses() -> None:
    endpoints = parts({}).endpoints
    assert endpoints.random(16) != endpoints.random(16)
