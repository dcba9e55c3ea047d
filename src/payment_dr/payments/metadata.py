"""What a merchant may note on a payment: a few short texts by name, kept and given back as sent."""

import re
from collections.abc import Mapping
from typing import Final

ENTRIES_MAX: Final = 20
VALUE_CHARS_MAX: Final = 200

NAME_PATTERN: Final = "^[a-zA-Z0-9_-]{1,40}$"
VALUE_PATTERN: Final = r"^[^\u0000-\u001F\u007F]*$"
"""Anything but control characters, which spoil logs and lists."""

_NAME: Final = re.compile(NAME_PATTERN.strip("^$"))
_VALUE: Final = re.compile(VALUE_PATTERN.removeprefix("^").removesuffix("$"))

Metadata = tuple[tuple[str, str], ...]
"""Names and values, by name; a name occurs once."""


def metadata_of(given: Mapping[str, str]) -> Metadata:
    """Sorted by name, so that the order in which they were sent makes no other request."""
    return tuple(sorted(given.items()))


def metadata_fault(metadata: Metadata) -> str | None:
    """What is wrong, without repeating it; None when it may be kept."""
    if len(metadata) > ENTRIES_MAX:
        return f"has more than {ENTRIES_MAX} entries"
    if not all(_NAME.fullmatch(name) for name, _ in metadata):
        return "has a name that is not 1 to 40 of a-z, A-Z, 0-9, _ and -"
    if any(len(value) > VALUE_CHARS_MAX for _, value in metadata):
        return f"has a value of more than {VALUE_CHARS_MAX} characters"
    if not all(_VALUE.fullmatch(value) for _, value in metadata):
        return "has a value with a control character"
    return None
