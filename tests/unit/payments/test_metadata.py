"""Metadata is bounded, and no order of it makes another request."""

from dataclasses import replace

import pytest

from fakes.scene import PAY
from payment_dr.payments.metadata import ENTRIES_MAX, VALUE_CHARS_MAX, metadata_of
from payment_dr.payments.requests import Fault, InvalidRequestError


def test_the_order_of_entries_is_no_part_of_the_request() -> None:
    one = replace(PAY, metadata=metadata_of({"a": "1", "b": "2"}))
    other = replace(PAY, metadata=metadata_of({"b": "2", "a": "1"}))
    assert one == other
    assert one.fingerprint == other.fingerprint


def test_metadata_is_part_of_the_fingerprint() -> None:
    noted = [
        PAY,
        replace(PAY, metadata=metadata_of({"a": "1"})),
        replace(PAY, metadata=metadata_of({"a": "2"})),
        replace(PAY, metadata=metadata_of({"b": "1"})),
        replace(PAY, metadata=metadata_of({"a": "1", "b": ""})),
        replace(PAY, metadata=metadata_of({"a1": ""})),
    ]
    assert len({request.fingerprint for request in noted}) == len(noted)


def test_without_metadata_the_fingerprint_is_what_it_was_before_there_was_any() -> None:
    assert PAY.fingerprint == "e25f29c5b9ce83d227df90c1c3b99c73a4138f36955af710cbf350e6d22eb642"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"order": "7"},
        {"a" * 40: "x" * VALUE_CHARS_MAX},
        {"A-b_9": "ünïcödé ✓"},
        {str(number): "" for number in range(ENTRIES_MAX)},
    ],
)
def test_what_may_be_kept_is_taken(given: dict[str, str]) -> None:
    assert dict(replace(PAY, metadata=metadata_of(given)).metadata) == given


@pytest.mark.parametrize(
    "given",
    [
        {str(number): "" for number in range(ENTRIES_MAX + 1)},
        {"": "x"},
        {"a" * 41: "x"},
        {"a b": "x"},
        {"ä": "x"},
        {"a\n": "x"},
        {"a": "x" * (VALUE_CHARS_MAX + 1)},
        {"a": "line\nline"},
        {"a": "\x00"},
        {"a": "\x7f"},
    ],
)
def test_what_is_more_than_may_be_kept_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError, match="metadata has") as caught:
        replace(PAY, metadata=metadata_of(given))
    assert caught.value.fault is Fault.INVALID
