"""The ledger in a real PostgreSQL: what it refuses, whom it fences, and what is known of errors."""

import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from pydantic import TypeAdapter

from fakes.postgres_pair import PASSWORDS, PostgresPair, postgres_pair
from payment_dr.adapters.migrations import migrate
from payment_dr.adapters.postgres import LedgerLogin, PostgresLedger
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.network.links import Mode
from payment_dr.lab.postgres import APP
from payment_dr.payments.journal import Account, Booking, EventType, PaymentNow, Posting
from payment_dr.payments.ports import Posted
from payment_dr.payments.record import OperationKind, PaymentState

pytestmark = pytest.mark.lab

Admin = psycopg.Connection[Any]
STAMP = Stamp(epoch=Epoch(1), site=SiteName("east"))
OTHER = Stamp(epoch=Epoch(2), site=SiteName("west"))


@pytest.fixture(name="servers", scope="module")
def servers_fixture() -> Iterator[PostgresPair]:
    with postgres_pair() as pair:
        with pair.ledgers.connect("east") as admin:
            migrate(admin)
        yield pair


@pytest.fixture(name="admin")
def admin_fixture(servers: PostgresPair) -> Iterator[Admin]:
    with servers.ledgers.connect("east") as connection:
        connection.autocommit = True
        connection.execute("ALTER TABLE ledger.stamp DISABLE TRIGGER epoch_rises")
        stamp(connection, STAMP)
        connection.execute("ALTER TABLE ledger.stamp ENABLE TRIGGER epoch_rises")
        yield connection


@pytest.fixture(name="ledger")
def ledger_fixture(servers: PostgresPair, admin: Admin) -> Iterator[PostgresLedger]:
    del admin
    opened = open_ledger(login_to(servers, "east"))
    yield opened
    opened.close()


def login_to(servers: PostgresPair, site: str) -> LedgerLogin:
    return LedgerLogin(
        host=LOOPBACK,
        port=servers.addresses.postgres_port[site],
        user=APP,
        password=PASSWORDS.app,
        tls=False,
    )


def open_ledger(
    login: LedgerLogin, *, timeout_s: float = 5.0, connections: int = 4
) -> PostgresLedger:
    return PostgresLedger(lambda: login, timeout_s=timeout_s, connections=connections)


def stamp(connection: Admin, value: Stamp) -> None:
    connection.execute("UPDATE ledger.stamp SET epoch = %s, site = %s", (value.epoch, value.site))


def entry(amount: int = 1250, **changes: Any) -> Booking:
    made = Booking(
        operation_id=str(uuid.uuid4()),
        payment_id=str(uuid.uuid4()),
        merchant="shop",
        kind=OperationKind.CHARGE,
        type=EventType.CAPTURED,
        order=1,
        currency="EUR",
        amount=abs(amount),
        decline_code=None,
        payment=PaymentNow(
            status=PaymentState.CAPTURED,
            amount=abs(amount),
            captured=abs(amount),
            refunded=0,
            fees=0,
            created_at=1_700_000_000.0,
        ),
        postings=(
            Posting(account=Account.PROVIDER_RECEIVABLE, minor_units=amount),
            Posting(account=Account.MERCHANT_PAYABLE, minor_units=-amount),
        ),
        occurred_at=1_700_000_000.25,
    )
    return replace(made, **changes)


def legs(connection: Admin, found: Booking) -> list[tuple[str, int, str]]:
    return connection.execute(
        "SELECT account, minor_units::int, currency FROM ledger.posting "
        "WHERE entry_id = %s ORDER BY leg",
        (found.operation_id,),
    ).fetchall()


def one(connection: Admin, question: Any, *values: object) -> Any:
    row = connection.execute(question, values).fetchone()
    assert row is not None
    return row[0]


def test_an_entry_is_posted_with_its_legs_and_one_event(
    ledger: PostgresLedger, admin: Admin
) -> None:
    posted = entry()
    assert ledger.post([posted], STAMP) is Posted.DONE
    assert legs(admin, posted) == [
        ("provider_receivable", 1250, "EUR"),
        ("merchant_payable", -1250, "EUR"),
    ]
    assert admin.execute(
        "SELECT merchant, kind, extract(epoch FROM occurred_at)::float, epoch::int "
        "FROM ledger.journal_entry WHERE entry_id = %s",
        (posted.operation_id,),
    ).fetchone() == ("shop", "charge", 1_700_000_000.25, 1)
    body = one(admin, "SELECT body FROM ledger.event WHERE event_id = %s", posted.operation_id)
    assert (body["amount"], body["currency"], body["operation"]) == (1250, "EUR", "charge")
    assert (body["type"], body["order"]) == ("payment.captured", 1)
    assert body["payment"]["captured"] == 1250


def test_what_moved_no_money_is_an_event_without_an_entry(
    ledger: PostgresLedger, admin: Admin
) -> None:
    void = entry(kind=OperationKind.VOID, type=EventType.VOIDED, postings=())
    assert ledger.post([void], STAMP) is Posted.DONE
    assert ledger.view([void.operation_id]).present == {void.operation_id}
    assert legs(admin, void) == []


def test_a_payment_is_shown_as_its_latest_booking_left_it(
    ledger: PostgresLedger, admin: Admin
) -> None:
    charge = entry()
    after = replace(charge.payment, status=PaymentState.REFUNDED, refunded=1250)
    refund = replace(
        charge,
        operation_id=str(uuid.uuid4()),
        kind=OperationKind.REFUND,
        type=EventType.REFUNDED,
        order=2,
        payment=after,
    )
    for batch in ([refund], [charge]):  # in the wrong order
        assert ledger.post(batch, STAMP) is Posted.DONE
    question = "SELECT status, refunded::int, ord FROM ledger.payment WHERE payment_id = %s"
    shown = admin.execute(question, (charge.payment_id,)).fetchone()
    assert shown == ("refunded", 1250, 2)


def test_maintained_totals_are_the_sums_of_the_postings(
    ledger: PostgresLedger, admin: Admin
) -> None:
    merchant = f"shop-{uuid.uuid4()}"
    batch = [entry(amount, merchant=merchant) for amount in range(1, 41)]
    ledger.post(batch[:30], STAMP)
    ledger.post(batch, STAMP)
    totals = admin.execute(
        "SELECT account, minor_units::int FROM ledger.account_balance WHERE merchant = %s "
        "ORDER BY account",
        (merchant,),
    ).fetchall()
    assert totals == [("merchant_payable", -820), ("provider_receivable", 820)]
    assert one(admin, "SELECT count(*) FROM ledger.balance_difference") == 0


def test_a_total_that_was_tampered_with_is_found(ledger: PostgresLedger, admin: Admin) -> None:
    merchant = f"shop-{uuid.uuid4()}"
    ledger.post([entry(100, merchant=merchant)], STAMP)
    with admin.transaction(force_rollback=True):
        admin.execute(
            "UPDATE ledger.balance SET minor_units = minor_units + 7 "
            "WHERE merchant = %s AND account = 'merchant_payable'",
            (merchant,),
        )
        found = admin.execute(
            "SELECT account, maintained::int, posted::int FROM ledger.balance_difference"
        ).fetchall()
    assert found == [("merchant_payable", -93, -100)]


def test_a_refund_is_an_event_of_its_size_and_not_of_its_sign(
    ledger: PostgresLedger, admin: Admin
) -> None:
    refund = entry(-300, kind=OperationKind.REFUND, type=EventType.REFUNDED)
    assert ledger.post([refund], STAMP) is Posted.DONE
    event = admin.execute(
        "SELECT type, (body ->> 'amount')::int FROM ledger.event WHERE event_id = %s",
        (refund.operation_id,),
    ).fetchone()
    assert event == ("payment.refunded", 300)


def test_entries_already_there_are_left_as_they_are(ledger: PostgresLedger, admin: Admin) -> None:
    first = entry()
    ledger.post([first], STAMP)
    at = one(
        admin, "SELECT posted_at FROM ledger.journal_entry WHERE entry_id = %s", first.operation_id
    )
    second = entry()
    assert ledger.post([entry(9, operation_id=first.operation_id), second], STAMP) is Posted.DONE
    assert legs(admin, first)[0][1] == 1250
    assert len(legs(admin, second)) == 2
    assert at == one(
        admin, "SELECT posted_at FROM ledger.journal_entry WHERE entry_id = %s", first.operation_id
    )
    assert (
        one(admin, "SELECT count(*) FROM ledger.event WHERE event_id = %s", first.operation_id) == 1
    )


def test_the_same_entries_posted_by_many_at_once_are_there_once(
    servers: PostgresPair, admin: Admin
) -> None:
    batch = [entry() for _ in range(50)]
    ledger = open_ledger(login_to(servers, "east"), connections=8)
    with ThreadPoolExecutor(8) as threads:
        ways = [batch if i % 2 else batch[::-1] for i in range(8)]
        posts = [threads.submit(ledger.post, way, STAMP) for way in ways]
        assert {post.result(20) for post in posts} == {Posted.DONE}
    ledger.close()
    ids = [e.operation_id for e in batch]
    assert (
        one(admin, "SELECT count(*) FROM ledger.posting WHERE entry_id = ANY (%s::uuid[])", ids)
        == 100
    )


def test_hundreds_of_entries_are_posted_and_seen_at_once(ledger: PostgresLedger) -> None:
    batch = [entry() for _ in range(500)]
    assert ledger.post(batch, STAMP) is Posted.DONE
    view = ledger.view([*(e.operation_id for e in batch), str(uuid.uuid4())])
    assert view.present == {e.operation_id for e in batch}


@pytest.mark.parametrize(
    "wrong", [OTHER, replace(STAMP, epoch=Epoch(2)), replace(OTHER, epoch=Epoch(1))]
)
def test_an_entry_under_another_stamp_is_fenced_and_nothing_is_written(
    ledger: PostgresLedger, admin: Admin, wrong: Stamp
) -> None:
    refused = entry()
    assert ledger.post([refused], wrong) is Posted.FENCED
    assert legs(admin, refused) == []


def test_while_posting_is_paused_everybody_is_fenced(ledger: PostgresLedger, admin: Admin) -> None:
    paused = Stamp(epoch=Epoch(1), site=None)
    stamp(admin, paused)
    assert ledger.post([entry()], STAMP) is Posted.FENCED
    assert ledger.post([entry()], paused) is Posted.FENCED
    assert ledger.view([]).stamp == paused


def test_a_ledger_without_a_stamp_fences_everybody(ledger: PostgresLedger, admin: Admin) -> None:
    admin.execute("DELETE FROM ledger.stamp")
    try:
        assert ledger.post([entry()], STAMP) is Posted.FENCED
        assert ledger.view([]).stamp is None
    finally:
        admin.execute("INSERT INTO ledger.stamp (epoch, site) VALUES (1, 'east')")


def test_an_epoch_never_falls(admin: Admin) -> None:
    stamp(admin, OTHER)
    with pytest.raises(psycopg.errors.CheckViolation, match="lower"):
        stamp(admin, STAMP)


def test_a_change_of_the_stamp_waits_for_the_posts_in_flight_and_fences_the_next(
    servers: PostgresPair, ledger: PostgresLedger, admin: Admin
) -> None:
    held = entry()
    with servers.ledgers.connect("east") as in_flight, ThreadPoolExecutor(2) as threads:
        in_flight.execute(
            "SELECT ledger.book(1, 'east', %s)",
            (TypeAdapter(list[Booking]).dump_json([held]).decode(),),
        )
        change = threads.submit(stamp, admin, OTHER)
        wait_for_a_waiter(servers)
        late = threads.submit(ledger.post, [entry()], STAMP)
        assert not change.done()
        assert not late.done()
        in_flight.commit()
        change.result(10)
        assert late.result(10) is Posted.FENCED
    assert len(legs(admin, held)) == 2


def wait_for_a_waiter(servers: PostgresPair) -> None:
    deadline = time.monotonic() + 10
    with servers.ledgers.connect("east") as watching:
        watching.autocommit = True
        while not one(watching, "SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert time.monotonic() < deadline


def test_a_stream_of_posts_does_not_starve_a_change_of_the_stamp(
    servers: PostgresPair, admin: Admin
) -> None:
    ledger = open_ledger(login_to(servers, "east"), connections=8)
    stop = threading.Event()

    def keep_posting() -> int:
        done = 0
        while not stop.is_set():
            ledger.post([entry()], STAMP)
            done += 1
        return done

    with ThreadPoolExecutor(8) as threads:
        streams = [threads.submit(keep_posting) for _ in range(8)]
        wait_until_posting(admin)
        admin.execute("SET statement_timeout = '2s'")
        for _ in range(5):
            stamp(admin, STAMP)
        stop.set()
        assert all(stream.result(20) > 0 for stream in streams)
    ledger.close()


def wait_until_posting(admin: Admin) -> None:
    deadline = time.monotonic() + 10
    before = one(admin, "SELECT count(*) FROM ledger.event")
    while one(admin, "SELECT count(*) FROM ledger.event") < before + 16:
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    "postings",
    [
        (Posting(account=Account.PROVIDER_RECEIVABLE, minor_units=5),),
        (
            Posting(account=Account.PROVIDER_RECEIVABLE, minor_units=5),
            Posting(account=Account.MERCHANT_PAYABLE, minor_units=-4),
        ),
        (
            Posting(account=Account.PROVIDER_RECEIVABLE, minor_units=0),
            Posting(account=Account.MERCHANT_PAYABLE, minor_units=0),
        ),
    ],
)
def test_an_unbalanced_entry_is_refused_with_its_whole_batch(
    ledger: PostgresLedger, admin: Admin, postings: tuple[Posting, ...]
) -> None:
    wrong, right = entry(postings=postings), entry()
    with pytest.raises(UnavailableError) as caught:
        ledger.post([right, wrong], STAMP)
    assert caught.value.definite
    assert legs(admin, right) == legs(admin, wrong) == []


def test_an_unbalanced_entry_is_refused_from_the_administrator_too(admin: Admin) -> None:
    lone = entry()
    with pytest.raises(psycopg.errors.CheckViolation, match="unbalanced"):
        insert_entry(admin, lone)
    with (  # noqa: PT012 - the constraint is checked where the transaction ends
        pytest.raises(psycopg.errors.CheckViolation, match="in another currency"),
        admin.transaction(),
    ):
        insert_entry(admin, lone)
        insert_leg(admin, lone, 1, 5, "EUR")
        insert_leg(admin, lone, 2, -5, "USD")


def test_a_leg_added_to_a_balanced_entry_is_refused(ledger: PostgresLedger, admin: Admin) -> None:
    posted = entry()
    ledger.post([posted], STAMP)
    with pytest.raises(psycopg.errors.CheckViolation, match="unbalanced"):
        insert_leg(admin, posted, 3, 7, "EUR")


def test_a_doubled_entry_is_impossible(ledger: PostgresLedger, admin: Admin) -> None:
    posted = entry()
    ledger.post([posted], STAMP)
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert_entry(admin, posted)


def insert_entry(admin: Admin, value: Booking) -> None:
    admin.execute(
        "INSERT INTO ledger.journal_entry (entry_id, payment_id, merchant, kind, currency, "
        "occurred_at, epoch) VALUES (%s, %s, 'shop', 'charge', 'EUR', now(), 1)",
        (value.operation_id, value.payment_id),
    )


def insert_leg(admin: Admin, value: Booking, leg: int, amount: int, currency: str) -> None:
    admin.execute(
        "INSERT INTO ledger.posting VALUES (%s, %s, 'merchant_payable', %s, %s)",
        (value.operation_id, leg, amount, currency),
    )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger.journal_entry SET merchant = 'other'",
        "DELETE FROM ledger.journal_entry",
        "TRUNCATE ledger.journal_entry CASCADE",
        "UPDATE ledger.posting SET minor_units = 1",
        "DELETE FROM ledger.posting",
        "TRUNCATE ledger.posting",
        "UPDATE ledger.event SET type = 'payment.other'",
        "DELETE FROM ledger.event",
    ],
)
def test_what_was_posted_is_changed_by_nobody(
    ledger: PostgresLedger, admin: Admin, change: str
) -> None:
    ledger.post([entry()], STAMP)
    with pytest.raises(psycopg.errors.RestrictViolation, match="reversing entry"):
        admin.execute(change.encode())


@pytest.mark.parametrize(
    "act",
    [
        "INSERT INTO ledger.stamp (epoch, site) VALUES (9, 'west')",
        "UPDATE ledger.stamp SET epoch = 9",
        "DELETE FROM ledger.journal_entry",
        "UPDATE ledger.posting SET minor_units = 1",
        "DELETE FROM ledger.event",
        "UPDATE ledger.payment SET amount = 1",
        "UPDATE ledger.balance SET minor_units = 1",
        "CREATE TABLE ledger.mine (a int)",
        "CREATE TABLE public.mine (a int)",
    ],
)
def test_the_handlers_role_may_do_nothing_but_post_and_look(
    servers: PostgresPair, act: str
) -> None:
    with as_app(servers) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(act.encode())


def test_a_post_in_a_snapshot_older_than_the_stamps_lock_is_refused(
    servers: PostgresPair, admin: Admin
) -> None:
    del admin
    with servers.ledgers.connect("east") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.InvalidTransactionState, match="read committed"):
            connection.execute("SELECT ledger.book(1, 'east', '[]')")


def test_a_replica_is_recognised_and_fences_until_it_is_promoted(
    servers: PostgresPair, ledger: PostgresLedger
) -> None:
    survived, lost = entry(), entry()
    replica = open_ledger(login_to(servers, "west"))
    ledger.post([survived], STAMP)
    wait_until_seen(replica, survived)
    servers.change_link("pg:west->east", Mode.BLACKHOLE)
    ledger.post([lost], STAMP)
    view = replica.view([survived.operation_id, lost.operation_id])
    assert view.in_recovery
    assert view.present == {survived.operation_id}
    assert view.stamp == STAMP
    assert replica.post([lost], STAMP) is Posted.FENCED
    servers.ledgers.promote("west")
    assert replica.post([lost], STAMP) is Posted.DONE
    assert not replica.view([]).in_recovery
    replica.close()


def wait_until_seen(replica: PostgresLedger, posted: Booking) -> None:
    deadline = time.monotonic() + 10
    while not replica.view([posted.operation_id]).present:
        assert time.monotonic() < deadline


def test_a_statement_that_the_server_ends_for_its_time_is_definite(
    servers: PostgresPair, admin: Admin
) -> None:
    ledger = open_ledger(login_to(servers, "east"), timeout_s=1)
    ledger.view([])
    with admin.transaction():
        stamp(admin, STAMP)  # holds the stamp's lock
        with pytest.raises(UnavailableError, match="statement timeout") as caught:
            ledger.post([entry()], STAMP)
    ledger.close()
    assert caught.value.definite


@pytest.mark.parametrize("writes", [True, False])
def test_a_server_that_falls_silent_costs_the_budget_and_leaves_doubt_about_writes(
    servers: PostgresPair, admin: Admin, *, writes: bool
) -> None:
    ledger = open_ledger(login_to(servers, "east"), timeout_s=0.4, connections=1)
    ledger.view([])
    backend = one(
        admin,
        "SELECT pid FROM pg_stat_activity WHERE usename = 'payment_app' "
        "ORDER BY backend_start DESC",
    )
    os.kill(backend, signal.SIGSTOP)
    try:
        started = time.monotonic()
        with pytest.raises(UnavailableError) as caught:
            _ = ledger.post([entry()], STAMP) if writes else ledger.view([])
        assert time.monotonic() - started < 2
        assert caught.value.definite is not writes
    finally:
        os.kill(backend, signal.SIGCONT)
        ledger.close()


def test_idle_connections_that_the_server_ended_are_passed_over(
    servers: PostgresPair, ledger: PostgresLedger, admin: Admin
) -> None:
    ledger.view([])
    end_backends(servers)
    posted = entry()
    assert ledger.post([posted], STAMP) is Posted.DONE
    assert len(legs(admin, posted)) == 2


def end_backends(servers: PostgresPair) -> None:
    """End every connection of the handlers' role, as a restart would."""
    with as_app(servers) as app:
        app.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE usename = 'payment_app' AND pid <> pg_backend_pid()"
        )


def as_app(servers: PostgresPair) -> Admin:
    login = login_to(servers, "east")
    return psycopg.connect(
        host=login.host,
        port=login.port,
        dbname="ledger",
        user=login.user,
        password=login.password,
    )


def test_a_connection_cut_while_posting_leaves_doubt(
    servers: PostgresPair, ledger: PostgresLedger
) -> None:
    ledger.view([])
    with servers.ledgers.connect("east") as holder, ThreadPoolExecutor(1) as threads:
        stamp(holder, STAMP)  # not committed, so the post waits for it
        post = threads.submit(ledger.post, [entry()], STAMP)
        wait_for_a_waiter(servers)
        end_backends(servers)
        error = post.exception(10)
    assert isinstance(error, UnavailableError)
    assert not error.definite


def test_a_server_that_is_not_there_is_definite_and_found_again_once_it_is(
    servers: PostgresPair,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = replace(login_to(servers, "east"), port=taken.getsockname()[1])
        place = [nowhere]
        ledger = PostgresLedger(lambda: place[0], timeout_s=0.3, connections=2)
        with pytest.raises(UnavailableError, match="no connection") as caught:
            ledger.post([entry()], STAMP)
        assert caught.value.definite
        place[0] = login_to(servers, "east")
        deadline = time.monotonic() + 10
        while True:
            try:
                assert ledger.view([]).stamp is not None
                break
            except UnavailableError:
                assert time.monotonic() < deadline
        ledger.close()


def test_a_closed_ledger_is_unavailable(servers: PostgresPair) -> None:
    ledger = open_ledger(login_to(servers, "east"))
    ledger.close()
    with pytest.raises(UnavailableError) as caught:
        ledger.view([])
    assert caught.value.definite


def test_a_login_does_not_show_its_password(servers: PostgresPair) -> None:
    assert PASSWORDS.app not in repr(login_to(servers, "east"))
