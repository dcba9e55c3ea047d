"""JSON from strangers: bounded, unambiguous, and without card numbers, whatever it looks like."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_dr.functions.json_bodies import DEPTH_MAX, BodyError, check_json

CARD = "4242 4242 4242 4242"


def refusal(text: str) -> str:
    with pytest.raises(BodyError) as caught:
        check_json(text)
    assert CARD not in caught.value.detail
    return caught.value.code.value


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"a": [1, 2.5, -0.0, 1e3, true, false, null, "x"]}',
        '{"a": "[[[[[[[[[["}',
        '{"a": "\\"[[[[[[[[[[\\\\"}',
        '{"a": "\\ud83d\\ude00"}',
        '{"id": "4242424242424241", "ms": 1700000000008}',
        "[" * DEPTH_MAX + "]" * DEPTH_MAX,
        '{"a": 1' + "0" * 60_000 + "}",
    ],
)
def test_json_of_every_kind_passes(text: str) -> None:
    check_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "x",
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": 1} {}',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": 1e400}',
        '{"a": -1e400}',
        '{"a": 01}',
        '{"a": "\n"}',
        '{"a": "\\x"}',
        '{"a": "\\ud800"}',
        '{"\\udfff": 1}',
        '{"a": 1, "a": 1}',
        '{"a": {"b": 1, "\\u0062": 2}}',
        '"unended',
        '"\\',
        "\ufeff{}",
    ],
)
def test_what_is_not_json_or_says_two_things_is_refused(text: str) -> None:
    assert refusal(text) == "invalid_json"


@pytest.mark.parametrize("levels", [DEPTH_MAX + 1, 1_000, 30_000])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_deep_nesting_is_refused_before_a_parser_recurses(
    levels: int, begin: str, end: str
) -> None:
    assert refusal(begin * levels + "1" + end * levels) == "json_too_deep"
    assert refusal(begin * levels) == "json_too_deep"


@given(
    st.recursive(
        st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_is_shallow_enough_passes_unless_it_holds_a_card(value: object) -> None:
    text = json.dumps(value)
    levels, deepest = 0, 0
    for line in json.dumps(value, indent=1).splitlines():
        levels = len(line) - len(line.lstrip(" "))
        deepest = max(deepest, levels)
    if deepest < DEPTH_MAX:
        check_json(text)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"a": "{CARD}"}}',
        f'{{"{CARD}": 1}}',
        '{"a": 4242424242424242}',
        '{"a": {"b": ["x", "4242-4242-4242-4242"]}}',
        '{"a": "\\u0034242424242424242"}',
        '{"a": 4242424242424242.0}',
        f'"{CARD}"',
    ],
)
def test_a_card_number_anywhere_is_refused(text: str) -> None:
    assert refusal(text) == "card_number_refused"


@pytest.mark.parametrize("text", ['\\"' * 32_000, '"' * 65_535, '"\\' * 32_000, "4242 " * 13_000])
def test_text_that_is_made_to_be_slow_is_refused_all_the_same(text: str) -> None:
    """A scan that looked at every quote anew would take minutes."""
    assert refusal(text) == "invalid_json"
