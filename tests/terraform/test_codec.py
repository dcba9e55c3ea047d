"""Protocol buffers' encoding, by the examples of its documentation and by round trips."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_dr.lab.aws_provider.wire.codec import Codec

_CODEC = Codec("""
Sample: int a=1, string b=2, Sample c=3, repeated int d=4, bool e=5, bytes f=6,
  repeated Sample g=16
Sibling: string b=2
""")


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        ({"a": 150}, "08 96 01"),
        ({"b": "testing"}, "12 07 74 65 73 74 69 6e 67"),
        ({"c": {"a": 150}}, "1a 03 08 96 01"),
        ({"c": {}}, "1a 00"),
        ({"a": 0, "b": "", "e": False, "f": b"", "c": None, "d": []}, ""),
        ({"e": True}, "28 01"),
        ({"g": [{}]}, "82 01 00"),
    ],
)
def test_messages_are_encoded_as_documented(message: dict[str, Any], encoded: str) -> None:
    assert _CODEC.encode("Sample", message).hex(" ") == encoded


_LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "a": st.integers(0, 2**63 - 1),
    "b": st.text(),
    "d": st.lists(st.integers(1, 2**31)),
    "e": st.booleans(),
    "f": st.binary(),
}
_LEAF = st.fixed_dictionaries({**_LEAVES, "c": st.none(), "g": st.just([])})
_SAMPLES = st.recursive(
    _LEAF,
    lambda inner: st.fixed_dictionaries(
        {**_LEAVES, "c": st.none() | inner, "g": st.lists(inner, max_size=2)}
    ),
    max_leaves=5,
)


@given(message=_SAMPLES)
def test_what_is_encoded_is_decoded_to_the_same(message: dict[str, Any]) -> None:
    assert _CODEC.decode("Sample", _CODEC.encode("Sample", message)) == message


def test_fields_that_are_not_known_are_skipped() -> None:
    unknown = "09 0102030405060708 15 01020304 08 9601 22 01 07".replace(" ", "")
    known = _CODEC.encode("Sibling", {"b": "kept"})
    encoded = bytes.fromhex(unknown.replace("15", "1d", 1)) + known
    assert _CODEC.decode("Sibling", encoded) == {"b": "kept"}


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        ("12 07 74", "ends within a field"),
        ("09 01", "ends within a field"),
        ("08", "does not end"),
        ("08 ff ff ff ff ff ff ff ff ff ff 01", "does not end"),
        ("0b", "wire type 3"),
    ],
)
def test_bytes_that_are_no_message_are_refused(encoded: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        _CODEC.decode("Sample", bytes.fromhex(encoded))
