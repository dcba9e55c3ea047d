"""Reading untyped JSON without surprises: whatever has another shape reads as empty."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

_EMPTY: Final[Mapping[str, object]] = {}

EVERYWHERE_V4: Final = "0.0.0.0/0"
EVERYWHERE_V6: Final = "::/0"


def mapping(value: object) -> Mapping[str, object]:
    """The object; an empty one when the value is none."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else _EMPTY


def sequence(value: object) -> Sequence[object]:
    """The array; an empty one when the value is none."""
    return cast("Sequence[object]", value) if isinstance(value, list) else ()


def listed(value: object) -> Sequence[object]:
    """The array, or the value alone: policies write one of many without brackets."""
    if value is None:
        return ()
    return cast("Sequence[object]", value) if isinstance(value, list) else (value,)


def text(value: object) -> str:
    """The string; "" when the value is none."""
    return value if isinstance(value, str) else ""


def number(value: object, default: float) -> float:
    """The number, also when written as a string; the default when the value is none.

    Route 53 health checks have their interval and threshold as either.
    """
    if isinstance(value, int | float):
        return float(value)
    digits = text(value)
    return float(digits) if digits.isdecimal() else default


def strings(value: object) -> Iterator[str]:
    """Every string in a value, however nested."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            yield item
        else:
            todo.extend(sequence(item))
            todo.extend(mapping(item).values())
