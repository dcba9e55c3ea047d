"""Pages and cursors: what a client may send, and that only our own cursors open."""

import base64
import uuid

import pytest

from payment_dr.functions.listing import (
    CURSOR_PATTERN,
    PageQuery,
    page_query,
    place_cursor,
    row_cursor,
)
from payment_dr.functions.requests import RefusedError
from payment_dr.payments.books import PaymentPlace

PLACE = PaymentPlace(created_us=1_700_000_000_123_456, payment_id=str(uuid.UUID(int=7)))


def code(query: dict[str, str]) -> str:
    with pytest.raises(RefusedError) as caught:
        _ = page_query(query).place
    return caught.value.response.code


def sealed(content: str) -> str:
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def test_a_page_has_a_size_and_a_place_of_its_own() -> None:
    assert page_query({}) == PageQuery(limit=20, cursor=None)
    assert page_query({"limit": "100", "cursor": "x"}) == PageQuery(limit=100, cursor="x")
    assert page_query({}).place is None
    assert page_query({}).row_id is None


@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "1.0", "1e1", " 1", "1,2", "", "\u0661", "1\n"]
)
def test_a_limit_is_1_to_100(limit: str) -> None:
    assert code({"limit": limit}) == "invalid_query"


@pytest.mark.parametrize("query", [{"offset": "1"}, {"limit": "1", "Limit": "2"}, {"": ""}])
def test_unknown_parameters_are_refused(query: dict[str, str]) -> None:
    assert code(query) == "invalid_query"


@pytest.mark.parametrize("cursor", ["", "a b", "a=", "a" * 201, "é"])
def test_what_has_not_the_form_of_a_cursor_is_refused(cursor: str) -> None:
    assert code({"cursor": cursor}) == "invalid_query"


def test_a_cursor_opens_to_the_place_that_it_was_made_of() -> None:
    assert page_query({"cursor": place_cursor(PLACE)}).place == PLACE
    assert page_query({"cursor": row_cursor(PLACE.payment_id)}).row_id == PLACE.payment_id


def test_a_cursor_opens_in_its_own_list_only() -> None:
    with pytest.raises(RefusedError, match="invalid_cursor"):
        _ = page_query({"cursor": row_cursor(PLACE.payment_id)}).place
    with pytest.raises(RefusedError, match="invalid_cursor"):
        _ = page_query({"cursor": place_cursor(PLACE)}).row_id


@pytest.mark.parametrize(
    "cursor",
    [
        "a",
        "_-_-",
        sealed("null"),
        sealed("{}"),
        sealed("[1]"),
        sealed('[1, "x"]'),
        sealed(f'["1", "{PLACE.payment_id}"]'),
        sealed(f'[-1, "{PLACE.payment_id}"]'),
        sealed(f'[{2**53 + 1}, "{PLACE.payment_id}"]'),
        sealed(f'[1, "{PLACE.payment_id}", 2]'),
        sealed("[" * 100),
    ],
)
def test_what_we_have_not_sealed_does_not_open(cursor: str) -> None:
    assert code({"cursor": cursor}) == "invalid_cursor"
    with pytest.raises(RefusedError, match="invalid_cursor"):
        _ = page_query({"cursor": cursor}).row_id


def test_cursors_have_the_form_that_the_description_gives() -> None:
    for cursor in (place_cursor(PLACE), row_cursor(PLACE.payment_id)):
        assert len(cursor) <= 200
        assert set(cursor) <= set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
        )
    assert CURSOR_PATTERN.endswith("{1,200}$")
