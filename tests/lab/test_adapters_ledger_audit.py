"""The ledger as reconciliation reads it, differences planted in a real PostgreSQL; settlements."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import psycopg
import pytest

from fakes.postgres_pair import PASSWORDS, PostgresPair, open_ledger_pair
from fakes.scene import PAY, Scene, refund
from payment_dr.adapters import ledger_audit as module
from payment_dr.adapters.ledger_audit import PostgresLedgerAudit, Settlement
from payment_dr.adapters.postgres import LedgerLogin, PostgresLedger
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.postgres import APP
from payment_dr.payments.reconciler import Reconciler
from payment_dr.payments.reconciliation_report import Cause, Reconciliation
from payment_dr.payments.record import Record

pytestmark = pytest.mark.lab

STAMP: Final = Stamp(epoch=Epoch(1), site=SiteName("east"))
Admin = psycopg.Connection[Any]


@pytest.fixture(name="servers", scope="module")
def servers_fixture() -> Iterator[PostgresPair]:
    with open_ledger_pair() as pair:
        yield pair


@pytest.fixture(name="login")
def login_fixture(servers: PostgresPair) -> LedgerLogin:
    return LedgerLogin(
        host=LOOPBACK,
        port=servers.addresses.postgres_port["east"],
        user=APP,
        password=PASSWORDS.app,
        tls=False,
    )


@pytest.fixture(name="admin")
def admin_fixture(servers: PostgresPair) -> Iterator[Admin]:
    """An empty ledger whose owner has laid its guards aside, to plant what they would refuse."""
    with servers.ledgers.connect("east") as connection:
        connection.autocommit = True
        connection.execute(
            "ALTER TABLE ledger.posting DISABLE TRIGGER USER;"
            "ALTER TABLE ledger.journal_entry DISABLE TRIGGER USER;"
            "ALTER TABLE ledger.event DISABLE TRIGGER USER;"
            "DELETE FROM ledger.delivery; DELETE FROM ledger.outbox; DELETE FROM ledger.posting;"
            "DELETE FROM ledger.journal_entry; DELETE FROM ledger.event;"
            "DELETE FROM ledger.payment; DELETE FROM ledger.balance"
        )
        yield connection


@pytest.fixture(name="audit")
def audit_fixture(login: LedgerLogin) -> Iterator[PostgresLedgerAudit]:
    audit = PostgresLedgerAudit(lambda: login, timeout_s=5.0, connections=1)
    yield audit
    audit.close()


class Books:
    """A scene whose payments are booked in the real ledger."""

    def __init__(self, login: LedgerLogin, audit: PostgresLedgerAudit) -> None:
        self.scene = Scene(fee_basis_points=100)
        self.audit = audit
        self.ledger = PostgresLedger(lambda: login, timeout_s=5.0, connections=1)

    def paid(self, key: str = "order-1", amount: int = 1000, back: int = 0) -> Record:
        """A payment, and a refund if some of it goes back, not booked yet."""
        money = replace(PAY.money, minor_units=amount)
        record = self.scene.paid(replace(PAY, idempotency_key=key, money=money))
        if back:
            self.scene.service.operate(refund(record, back))
        return self.scene.table.records[record.payment_id]

    def book(self) -> None:
        self.ledger.post(tuple(self.scene.ledger.entries.values()), STAMP)

    def reconcile(self, *ids: str) -> Reconciliation:
        scene = self.scene
        made = Reconciler(
            table=scene.table,
            audit=self.audit,
            ledger=self.ledger,
            provider=scene.provider,
            service=scene.service,
            control=scene.control,
            site=STAMP.site or SiteName(""),
            clock=scene.clock,
        )
        return made.run([ids or tuple(scene.table.records)], repair=True)


@pytest.fixture(name="books")
def books_fixture(login: LedgerLogin, audit: PostgresLedgerAudit, admin: Admin) -> Iterator[Books]:
    del admin
    books = Books(login, audit)
    yield books
    books.ledger.close()


def test_a_ledger_that_was_booked_agrees_and_one_that_lost_bookings_gets_them_again(
    books: Books,
) -> None:
    books.paid(back=300)
    done = books.reconcile()
    assert {one.cause for one in done.differences} == {Cause.BOOKING_MISSING}
    assert len(done.differences) == 2
    assert not done.remaining
    assert books.reconcile() == Reconciliation(payments=1, differences=())


PLANTED: Final = {
    Cause.EVENT_MISSING: "DELETE FROM ledger.outbox; DELETE FROM ledger.event WHERE ord = 1",
    Cause.POSTING_MISSING: "DELETE FROM ledger.posting; DELETE FROM ledger.balance",
    Cause.PROJECTION_BEHIND: "UPDATE ledger.payment SET ord = 1, refunded = 0",
    Cause.TOTAL_DIFFERS: "UPDATE ledger.balance SET minor_units = 7 WHERE account = 'fees'",
}


@pytest.mark.parametrize("cause", PLANTED)
def test_what_was_tampered_with_is_found_and_left_to_a_person(
    books: Books, admin: Admin, cause: Cause
) -> None:
    books.paid(back=300)
    books.book()
    assert not books.reconcile().differences
    admin.execute(PLANTED[cause].encode())
    done = books.reconcile()
    assert {one.cause for one in done.remaining} == {cause}
    assert done.remaining == done.differences


def test_a_posting_of_another_amount_is_found_with_its_total(books: Books, admin: Admin) -> None:
    books.paid()
    books.book()
    admin.execute("UPDATE ledger.posting SET minor_units = 5 WHERE minor_units = 1000")
    causes = {one.cause for one in books.reconcile().remaining}
    assert causes == {Cause.POSTING_DIFFERS, Cause.TOTAL_DIFFERS}


def test_a_payment_without_a_record_is_found(books: Books) -> None:
    record = books.paid()
    books.book()
    del books.scene.table.records[record.payment_id]
    (one,) = books.reconcile(record.payment_id).remaining
    assert (one.cause, one.subject) == (Cause.RECORD_MISSING, record.payment_id)


def test_booked_payments_are_listed_page_by_page_since_a_time(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE", 2)
    ids = {books.paid(f"order-{number}").payment_id for number in range(5)}
    books.book()
    pages = list(books.audit.payments(0.0))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {one for page in pages for one in page} == ids
    assert not list(books.audit.payments(4_000_000_000.0))
    monkeypatch.setattr(module, "_PAGES_MAX", 1)
    with pytest.raises(UnavailableError, match="did not end"):
        list(books.audit.payments(0.0))


def test_a_settlement_is_what_is_left_of_what_was_captured_in_the_time(books: Books) -> None:
    begin = books.scene.clock.now()
    books.paid("a", 10_000, back=2_500)
    books.paid("b", 333)
    books.scene.clock.advance(100)
    end = books.scene.clock.now()
    books.paid("c", 777)
    books.book()
    merchant = PAY.merchant
    expected = Settlement(
        currency="EUR", captured=10_333, refunded=2_500, fees=103, net=7_730, entries=3
    )
    assert books.audit.settlement(merchant, begin, end) == (expected,)
    (rest,) = books.audit.settlement(merchant, end, end + 1)
    assert (rest.captured, rest.fees, rest.net) == (777, 8, 769)
    assert not books.audit.settlement(str(uuid.uuid4()), begin, end)
