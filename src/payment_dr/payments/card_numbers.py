"""Finds what looks like the number of a payment card, so that none is ever kept or logged."""

import re
from collections.abc import Iterator
from typing import Final

_DIGITS: Final = range(13, 20)
_GROUPS: Final = re.compile(r"(?<![0-9])[0-9]+(?:[ -][0-9]+)*(?![0-9])")
_FIRST: Final = frozenset("2345689")
"""First digits of the networks' cards. What begins with 1 is mostly a time in milliseconds, of
which one in ten would pass the check digit."""

_GROUPS_MAX: Final = 19


def holds_card_number(text: str) -> bool:
    """Whether some of the text is 13 to 19 digits that end in their check digit (Luhn).

    Groups of digits may be parted by single spaces or dashes, as on a card.
    """
    return any(
        digits[0] in _FIRST and _is_checked(digits)
        for found in _GROUPS.finditer(text)
        for digits in _joined(re.split("[ -]", found[0]))
    )


def _joined(groups: list[str]) -> Iterator[str]:
    """Every run of neighbouring groups that has as many digits as a card."""
    for start in range(len(groups)):
        digits = ""
        for group in groups[start : start + _GROUPS_MAX]:
            digits += group
            if len(digits) in _DIGITS:
                yield digits
            if len(digits) >= _DIGITS.stop:
                break


def _is_checked(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: from the right every second digit counts twice."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the sum of its digits
    return total % 10 == 0
