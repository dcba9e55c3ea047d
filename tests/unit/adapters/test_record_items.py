"""A record survives the way into an item and back, and its index keys say what they should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_dr.adapters.record_items import (
    OPEN_KEY,
    UNCONFIRMED_KEY,
    is_payment_key,
    item_of,
    record_of,
)
from payment_dr.core.money import MINOR_UNITS_MAX, Money
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.payments.metadata import metadata_of
from payment_dr.payments.ports import Succeeded
from payment_dr.payments.record import (
    Lease,
    Operation,
    OperationKind,
    OperationState,
    Record,
    StoredResponse,
    shard_of,
)
from payment_dr.payments.requests import PayRequest
from payment_dr.payments.transitions import Author, claim, confirmed, decided

TIMES = st.floats(min_value=0, max_value=4e9, allow_nan=False)
TEXTS = st.text(min_size=1, max_size=40)
AUTHOR = Author(owner="east/1", site=SiteName("east"), epoch=Epoch(3), now=1000.25, lease_s=15)
REQUEST = PayRequest(
    merchant="shop",
    idempotency_key="key",
    money=Money(minor_units=1250, currency="EUR"),
    capture=True,
    payment_method="pm_card_visa",
)

OPERATIONS = st.builds(
    Operation,
    operation_id=st.uuids().map(str),
    kind=st.sampled_from(OperationKind),
    idempotency_key=TEXTS,
    fingerprint=TEXTS,
    amount_minor=st.integers(0, MINOR_UNITS_MAX),
    capture=st.booleans(),
    payment_method=st.none() | TEXTS,
    state=st.sampled_from(OperationState),
    provider_reference=st.none() | TEXTS,
    decline_code=st.none() | TEXTS,
    response=st.none() | st.builds(StoredResponse, status=st.integers(200, 599), body=TEXTS),
    started_at=TIMES,
    decided_at=st.none() | TIMES,
)
RECORDS = st.builds(
    Record,
    payment_id=st.uuids().map(str),
    merchant=TEXTS,
    money=st.builds(Money, minor_units=st.integers(0, MINOR_UNITS_MAX), currency=st.just("EUR")),
    operations=st.lists(OPERATIONS, min_size=1, max_size=4).map(tuple),
    version=st.integers(1, 10**9),
    lease=st.none() | st.builds(Lease, owner=TEXTS, expires_at=TIMES),
    unconfirmed=st.none() | st.integers(0, 3),
    epoch=st.integers(1, 10**9).map(Epoch),
    site=TEXTS.map(SiteName),
    created_at=TIMES,
    updated_at=TIMES,
    metadata=st.dictionaries(TEXTS, TEXTS, max_size=3).map(metadata_of),
)


@given(RECORDS)
def test_every_record_comes_back_from_its_item_as_it_was(record: Record) -> None:
    assert record_of(item_of(record)) == record


def test_a_pending_record_is_in_the_index_of_open_operations_only() -> None:
    item = item_of(claim(REQUEST, AUTHOR))
    assert item[OPEN_KEY] == {"N": str(shard_of(item["payment_id"]["S"]))}
    assert UNCONFIRMED_KEY not in item


def test_a_captured_record_is_in_the_index_of_unconfirmed_ones_only() -> None:
    item = item_of(decided(claim(REQUEST, AUTHOR), Succeeded(reference="pi_1"), 1001.0))
    assert item[UNCONFIRMED_KEY] == {"N": str(shard_of(item["payment_id"]["S"]))}
    assert OPEN_KEY not in item


def test_a_confirmed_record_is_in_no_index_and_says_its_state_in_words() -> None:
    captured = decided(claim(REQUEST, AUTHOR), Succeeded(reference="pi_1"), 1001.0)
    item = item_of(confirmed(captured, 1002.0))
    assert not {OPEN_KEY, UNCONFIRMED_KEY} & item.keys()
    assert item["state"] == {"S": "captured"}
    assert item["amount_minor"] == {"N": "1250"}


@pytest.mark.parametrize(
    ("key", "is_payment"),
    [
        ("control", False),
        ("control#run#m1", False),
        ("merchant#acme", False),
        ("6f1c1f0e-5d0b-5a57-9d0c-0c8a4f5f8c11", True),
    ],
)
def test_payments_are_told_from_what_else_the_table_holds(key: str, *, is_payment: bool) -> None:
    assert is_payment_key(key) is is_payment
