"""What looks like a card number is found wherever it stands; what only has many digits is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_dr.payments.card_numbers import holds_card_number


def with_check_digit(digits: str) -> str:
    """The digits and the one that makes them pass, found by trying."""
    passing = [f"{digits}{last}" for last in range(10) if _sum(f"{digits}{last}") % 10 == 0]
    assert len(passing) == 1
    return passing[0]


def _sum(number: str) -> int:
    """Luhn's sum by its table of doubled digits."""
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[0::2]) + sum(doubled[digit] for digit in digits[1::2])


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "378282246310005",
        "3782 822463 10005",
        "6011111111111117",
        "my card is 5555555555554444, thanks",
        "4242424242424242x",
        "2024-01-31 4242424242424242",
        "4222222222222",
        "order 7 4242424242424242",
    ],
)
def test_a_card_number_is_found(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no digits",
        "4242424242424241",
        "424242424242",
        "42424242424242424242",
        "4242  4242  4242  4242",
        "4242.4242.4242.4242",
        "1700000000008",
        "6f1c1f0e-5d0b-5a57-9d0c-0c8a4f5f8c11",
        "2024-01-31 12-00-00",
    ],
)
def test_what_is_no_card_number_is_left_alone(text: str) -> None:
    assert not holds_card_number(text)


@given(
    first=st.sampled_from("2345689"),
    rest=st.text("0123456789", min_size=11, max_size=17),
    change=st.integers(1, 9),
)
def test_a_number_of_any_length_is_found_by_its_check_digit_alone(
    first: str, rest: str, change: int
) -> None:
    number = with_check_digit(first + rest)
    assert holds_card_number(number)
    other = f"{number[:-1]}{(int(number[-1]) + change) % 10}"
    assert not holds_card_number(other)


@given(st.sampled_from("017"), st.text("0123456789", min_size=12, max_size=17))
def test_numbers_that_no_card_begins_with_are_left_alone(first: str, rest: str) -> None:
    assert not holds_card_number(with_check_digit(first + rest))
