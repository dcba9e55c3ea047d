"""A merchant's books in a real PostgreSQL: pages without gaps, at the writer and at its standby."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import pytest

from fakes.postgres_pair import PASSWORDS, PostgresPair, open_ledger_pair
from payment_dr.adapters import ledger_queries
from payment_dr.adapters.ledger_queries import LedgerQueries
from payment_dr.adapters.postgres import LedgerLogin, PostgresLedger
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.postgres import APP
from payment_dr.payments.books import AccountBalance, Extract, PaymentPlace, UnknownPlaceError
from payment_dr.payments.journal import Account, Booking, EventType, PaymentNow, Posting
from payment_dr.payments.record import OperationKind, PaymentState

pytestmark = pytest.mark.lab

STAMP = Stamp(epoch=Epoch(1), site=SiteName("east"))
CREATED = 1_700_000_000.123456
Row = TypeVar("Row")


@pytest.fixture(name="servers", scope="module")
def servers_fixture() -> Iterator[PostgresPair]:
    with open_ledger_pair() as pair:
        yield pair


def login(servers: PostgresPair, site: str) -> Callable[[], LedgerLogin]:
    port = servers.addresses.postgres_port[site]
    return lambda: LedgerLogin(
        host=LOOPBACK, port=port, user=APP, password=PASSWORDS.app, tls=False
    )


@pytest.fixture(name="ledger", scope="module")
def ledger_fixture(servers: PostgresPair) -> Iterator[PostgresLedger]:
    opened = PostgresLedger(login(servers, "east"), timeout_s=5, connections=1)
    yield opened
    opened.close()


@pytest.fixture(name="books", scope="module")
def books_fixture(servers: PostgresPair) -> Iterator[LedgerQueries]:
    opened = LedgerQueries(login(servers, "east"), timeout_s=5, connections=2)
    yield opened
    opened.close()


@pytest.fixture(name="merchant")
def merchant_fixture() -> str:
    return f"m-{uuid.uuid4()}"


def capture(merchant: str, amount: int = 100, **changes: object) -> Booking:
    made = Booking(
        operation_id=str(uuid.uuid4()),
        payment_id=str(uuid.uuid4()),
        merchant=merchant,
        kind=OperationKind.CHARGE,
        type=EventType.CAPTURED,
        order=1,
        currency="EUR",
        amount=amount,
        decline_code=None,
        payment=PaymentNow(
            status=PaymentState.CAPTURED,
            amount=amount,
            captured=amount,
            refunded=0,
            fees=3,
            created_at=CREATED,
        ),
        postings=(
            Posting(account=Account.PROVIDER_RECEIVABLE, minor_units=amount),
            Posting(account=Account.MERCHANT_PAYABLE, minor_units=3 - amount),
            Posting(account=Account.FEES, minor_units=-3),
        ),
        occurred_at=CREATED + 1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name


def refund_of(payment: Booking, amount: int) -> Booking:
    return replace(
        payment,
        operation_id=str(uuid.uuid4()),
        kind=OperationKind.REFUND,
        type=EventType.REFUNDED,
        order=2,
        amount=amount,
        payment=replace(payment.payment, refunded=amount),
        postings=(
            Posting(account=Account.REFUNDS, minor_units=amount),
            Posting(account=Account.PROVIDER_RECEIVABLE, minor_units=-amount),
        ),
        occurred_at=CREATED + 2,
    )


def declined(merchant: str) -> Booking:
    made = capture(merchant)
    payment = replace(made.payment, status=PaymentState.DECLINED, captured=0, fees=0)
    return replace(
        made,
        type=EventType.DECLINED,
        decline_code="card_declined",
        postings=(),
        payment=payment,
    )


def walked(page: Callable[[Row | None], Extract[Row]]) -> list[Row]:
    """Every row of a list, page by page."""
    rows: list[Row] = []
    while True:
        extract = page(rows[-1] if rows else None)
        rows += extract.rows
        if not extract.more:
            return rows
        assert extract.rows


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_payments_of_the_same_instant_are_each_listed_once(
    ledger: PostgresLedger, books: LedgerQueries, merchant: str, limit: int
) -> None:
    made = [capture(merchant) for _ in range(5)]
    late = capture(merchant)
    late = replace(late, payment=replace(late.payment, created_at=CREATED + 0.000001))
    ledger.post([*made, late, capture(f"{merchant}-other")], STAMP)
    rows = walked(
        lambda row: books.payments(merchant, after=row.place if row else None, limit=limit)
    )
    by_id = sorted((booking.payment_id for booking in made), reverse=True)
    assert [row.payment_id for row in rows] == [late.payment_id, *by_id]
    assert rows[-1].created_at == CREATED
    assert rows[-1].place.created_us == 1_700_000_000_123_456


def test_a_listed_payment_is_as_its_latest_booking_left_it(
    ledger: PostgresLedger, books: LedgerQueries, merchant: str
) -> None:
    paid = capture(merchant, 100)
    ledger.post([paid, refund_of(paid, 30)], STAMP)
    (row,) = books.payments(merchant, after=None, limit=5).rows
    assert (row.status, row.captured, row.refunded, row.fees) == ("captured", 100, 30, 3)
    assert (row.amount, row.currency, row.updated_at) == (100, "EUR", CREATED + 2)


def test_a_place_beyond_every_payment_lists_none(books: LedgerQueries, merchant: str) -> None:
    place = PaymentPlace(created_us=0, payment_id=str(uuid.UUID(int=0)))
    assert books.payments(merchant, after=place, limit=5).rows == ()


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_entries_and_events_come_in_the_order_of_booking_newest_first(
    ledger: PostgresLedger, books: LedgerQueries, merchant: str, limit: int
) -> None:
    paid = capture(merchant, 100)
    booked = (declined(merchant), paid, refund_of(paid, 30), declined(merchant))
    for booking in booked:
        ledger.post([booking], STAMP)
    ledger.post([capture(f"{merchant}-other")], STAMP)
    events = walked(
        lambda row: books.events(merchant, after=row.event_id if row else None, limit=limit)
    )
    assert [event.event_id for event in events] == [b.operation_id for b in booked[::-1]]
    assert events[0].body["decline_code"] == "card_declined"
    assert books.event(merchant, events[1].event_id) == events[1]
    entries = walked(
        lambda row: books.entries(merchant, after=row.entry_id if row else None, limit=limit)
    )
    assert [(entry.kind, entry.postings) for entry in entries] == [
        ("refund", (("refunds", 30), ("provider_receivable", -30))),
        ("charge", (("provider_receivable", 100), ("merchant_payable", -97), ("fees", -3))),
    ]
    assert entries[1].occurred_at == CREATED + 1


def test_balances_are_the_totals_of_each_account(
    ledger: PostgresLedger, books: LedgerQueries, merchant: str
) -> None:
    paid = capture(merchant, 100)
    ledger.post([paid, refund_of(paid, 30), capture(merchant, 7, currency="JPY")], STAMP)
    assert books.balances(merchant).rows == tuple(
        AccountBalance(currency=currency, account=account, minor_units=total)
        for currency, account, total in (
            ("EUR", "fees", -3),
            ("EUR", "merchant_payable", -97),
            ("EUR", "provider_receivable", 70),
            ("EUR", "refunds", 30),
            ("JPY", "fees", -3),
            ("JPY", "merchant_payable", -4),
            ("JPY", "provider_receivable", 7),
        )
    )


def test_another_merchants_event_is_neither_found_nor_a_place(
    ledger: PostgresLedger, books: LedgerQueries, merchant: str
) -> None:
    theirs = capture(f"{merchant}-other")
    ledger.post([theirs], STAMP)
    assert books.event(merchant, theirs.operation_id) is None
    with pytest.raises(UnknownPlaceError):
        books.events(merchant, after=theirs.operation_id, limit=5)
    with pytest.raises(UnknownPlaceError):
        books.entries(merchant, after=str(uuid.uuid4()), limit=5)


def test_the_standby_lists_what_it_has_and_says_how_far_it_is(
    servers: PostgresPair, ledger: PostgresLedger, merchant: str
) -> None:
    standby = LedgerQueries(login(servers, "west"), timeout_s=5, connections=1)
    begin = time.time()
    paid = capture(merchant)
    ledger.post([paid], STAMP)
    deadline = time.monotonic() + 20
    while standby.event(merchant, paid.operation_id) is None:
        assert time.monotonic() < deadline
    found = standby.payments(merchant, after=None, limit=1)
    assert [row.payment_id for row in found.rows] == [paid.payment_id]
    assert found.as_of is not None
    assert begin - 1 < found.as_of < time.time() + 1
    standby.close()


def test_a_list_goes_by_its_index_however_many_rows_there_are(
    servers: PostgresPair, ledger: PostgresLedger, merchant: str
) -> None:
    """So that a page costs the same wherever it is; sorting or scanning would not."""
    ledger.post([capture(merchant) for _ in range(300)], STAMP)
    for _ in range(3):
        ledger.post([capture(f"{merchant}-other") for _ in range(300)], STAMP)
    with servers.ledgers.connect("east") as admin:
        admin.autocommit = True
        admin.execute("ANALYZE ledger.payment, ledger.event")
        asked = vars(ledger_queries)
        newest: PaymentPlace = asked["_NEWEST"]
        place = (newest.created_us, newest.payment_id)
        for question, values in (
            (asked["_PAYMENTS"], place),
            (asked["_EVENTS"], (2**62,)),
            (asked["_ENTRIES"], (2**62,)),
        ):
            explained = admin.execute(
                f"EXPLAIN {question}".encode(), (merchant, *values, 20)
            ).fetchall()
            plan = "\n".join(line for (line,) in explained)
            assert "_of_merchant" in plan, plan
            assert "Seq Scan" not in plan, plan
            assert "Sort" not in plan.partition("SubPlan")[0], plan


def test_a_ledger_that_is_not_there_is_unavailable() -> None:
    nowhere = LedgerLogin(host=LOOPBACK, port=1, user=APP, password="x", tls=False)
    books = LedgerQueries(lambda: nowhere, timeout_s=0.5, connections=1)
    with pytest.raises(UnavailableError):
        books.balances("shop")
    books.close()
