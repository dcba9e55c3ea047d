"""JSON from strangers, bounded before it is parsed: the parsers recurse, and so would crash.

Measured: Python's own parser raises RecursionError at about a thousand levels, whatever the size.
What the parsers let pass, and no payment may rest on, is refused here: NaN and Infinity, numbers
beyond a double, and a name twice in one object, of which parsers take different ones.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn, TypeGuard

from payment_dr.functions.error_catalogue import Code
from payment_dr.payments.card_numbers import holds_card_number

DEPTH_MAX: Final = 8
_DIGITS_MAX: Final = 32

_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*+\\?(?:"|\Z)|[\[\]{}]', re.DOTALL)
"""Strings, so that brackets in them do not count, and brackets. One pass: a string that does not
end reaches to the end of the text and is not tried again."""


_SURROGATES: Final = re.compile("[\ud800-\udfff]")


class BodyError(ValueError):
    """The text is refused; `detail` says why without repeating any of it."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def check_json(text: str) -> None:
    """Return if the text is JSON that may be looked at further, and holds no card number.

    Raises:
        BodyError: it is not.
    """
    if _depth(text) > DEPTH_MAX:
        raise BodyError(Code.JSON_TOO_DEEP, f"the body is nested deeper than {DEPTH_MAX} levels")
    try:
        value = json.loads(
            text,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_integer,
            object_pairs_hook=_unique,
        )
    except BodyError:
        raise
    except ValueError:
        # From None: the original error repeats the text.
        raise _invalid("the body is not JSON") from None
    for found in _texts(value):
        if _SURROGATES.search(found):
            raise _invalid("the body holds half of a character")
        if holds_card_number(found):
            raise BodyError(
                Code.CARD_NUMBER_REFUSED,
                "something in the body looks like a card number; nothing of it was kept",
            )


def _depth(text: str) -> int:
    deepest = depth = 0
    for token in _TOKENS.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                deepest = max(deepest, depth)
            case "]" | "}":
                depth -= 1
            case _:
                pass
    return deepest


def _texts(value: Any) -> Iterator[str]:
    """Every text and number of the value, names too; as deep as `DEPTH_MAX` at most."""
    if isinstance(value, _Pairs):
        for name, inner in value.pairs:
            yield name
            yield from _texts(inner)
    elif _is_array(value):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str | int | float):
        yield str(value)


def _is_array(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


class _Pairs:
    """An object whose names are unique."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _unique(pairs: list[tuple[str, Any]]) -> _Pairs:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _invalid("an object in the body has a name twice")
    return _Pairs(pairs)


def _no_constant(_constant: str) -> NoReturn:
    raise _invalid("the body holds NaN or Infinity, which are not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _invalid("the body holds a number that is too large")
    return value


def _integer(text: str) -> int | str:
    """The integer; the text of one that no field takes, since making it a number is slow."""
    return int(text) if len(text) <= _DIGITS_MAX else text


def _invalid(detail: str) -> BodyError:
    return BodyError(Code.INVALID_JSON, detail)
