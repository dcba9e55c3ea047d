"""Deliveries in a real PostgreSQL: nothing is lost whatever dies when, and no two take one."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from fakes.control import EAST
from fakes.deliveries import Delivering, endpoint
from fakes.faults import Crash, Fault, Script
from fakes.postgres_pair import PASSWORDS, PostgresPair, open_ledger_pair, postgres_pair
from payment_dr.adapters.delivery_queue import PostgresDeliveryQueue
from payment_dr.adapters.migrations import migrate
from payment_dr.adapters.postgres import LedgerLogin, PostgresLedger
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.postgres import APP
from payment_dr.payments.deliveries import (
    Answered,
    DeliveryState,
    Leased,
    NoAnswer,
    Planned,
    Result,
    Unplanned,
)
from payment_dr.payments.jobs.deliverer import LEASE_S
from payment_dr.payments.journal import Booking, EventType, PaymentNow
from payment_dr.payments.ports import Posted
from payment_dr.payments.record import OperationKind, PaymentState

pytestmark = pytest.mark.lab

STAMP = Stamp(epoch=Epoch(1), site=EAST)
NOW = 1_700_000_000.0
LONG_S = 3600.0


@pytest.fixture(name="servers", scope="module")
def servers_fixture() -> Iterator[PostgresPair]:
    with open_ledger_pair() as pair:
        yield pair


def login(servers: PostgresPair, site: str) -> LedgerLogin:
    return LedgerLogin(
        host=LOOPBACK,
        port=servers.addresses.postgres_port[site],
        user=APP,
        password=PASSWORDS.app,
        tls=False,
    )


@pytest.fixture(name="admin")
def admin_fixture(servers: PostgresPair) -> Iterator[psycopg.Connection[Any]]:
    with servers.ledgers.connect("east") as connection:
        connection.autocommit = True
        connection.execute("DELETE FROM ledger.delivery")
        connection.execute("DELETE FROM ledger.outbox")
        yield connection


@pytest.fixture(name="queue")
def queue_fixture(
    servers: PostgresPair, admin: psycopg.Connection[Any]
) -> Iterator[PostgresDeliveryQueue]:
    del admin
    to = login(servers, "east")
    queue = PostgresDeliveryQueue(lambda: to, timeout_s=5.0, connections=4)
    yield queue
    queue.close()


@pytest.fixture(name="ledger")
def ledger_fixture(servers: PostgresPair) -> Iterator[PostgresLedger]:
    to = login(servers, "east")
    ledger = PostgresLedger(lambda: to, timeout_s=5.0, connections=2)
    yield ledger
    ledger.close()


def booked(ledger: PostgresLedger, count: int = 1, merchant: str = "shop") -> list[str]:
    """So many authorised payments in the ledger: the ids of their events."""
    bookings = [
        Booking(
            operation_id=str(uuid.uuid4()),
            payment_id=str(uuid.uuid4()),
            merchant=merchant,
            kind=OperationKind.CHARGE,
            type=EventType.AUTHORISED,
            order=1,
            currency="EUR",
            amount=1250,
            decline_code=None,
            postings=(),
            payment=PaymentNow(
                status=PaymentState.AUTHORISED,
                amount=1250,
                captured=0,
                refunded=0,
                fees=0,
                created_at=NOW,
            ),
            occurred_at=NOW,
        )
        for _ in range(count)
    ]
    assert ledger.post(bookings, STAMP) is Posted.DONE
    assert ledger.post(bookings, STAMP) is Posted.DONE
    return [booking.operation_id for booking in bookings]


def planned(queue: PostgresDeliveryQueue, *endpoints: str) -> None:
    events = queue.unplanned(1000)
    wanted = [
        Planned(event_id=event.event_id, endpoint_id=name, merchant=event.merchant)
        for event in events
        for name in endpoints
    ]
    queue.plan(events, wanted, NOW)


def leased(queue: PostgresDeliveryQueue, now: float = NOW, limit: int = 100) -> list[Leased]:
    return list(queue.lease(now, until=now + LEASE_S, limit=limit, passing_over=[]))


def result(of: Leased, state: DeliveryState, **more: Any) -> Result:
    return Result(
        event_id=of.event_id,
        endpoint_id=of.endpoint_id,
        attempt=of.attempt,
        state=state,
        **{"next_at": NOW + 10, **more},
    )


def kept(admin: psycopg.Connection[Any], event_id: str) -> Any:
    return admin.execute(
        "SELECT state, attempts, last_status, last_error FROM ledger.delivery WHERE event_id = %s",
        (event_id,),
    ).fetchone()


def test_what_is_booked_waits_to_be_planned_once(
    ledger: PostgresLedger, queue: PostgresDeliveryQueue
) -> None:
    (event,) = booked(ledger)
    expected = Unplanned(event_id=event, merchant="shop", type="payment.authorised")
    assert queue.unplanned(10) == [expected]
    planned(queue, "we_1", "we_2")
    assert not queue.unplanned(10)
    assert [(one.event_id, one.attempt) for one in leased(queue)] == [(event, 1), (event, 1)]


def test_the_body_sent_is_the_event_with_its_id_and_order(
    ledger: PostgresLedger, queue: PostgresDeliveryQueue
) -> None:
    (event,) = booked(ledger)
    planned(queue, "we_1")
    (one,) = leased(queue)
    body = json.loads(one.body)
    assert (body["event_id"], body["order"], body["type"]) == (event, 1, "payment.authorised")


def test_two_that_plan_the_same_events_make_one_delivery_of_each(
    ledger: PostgresLedger, queue: PostgresDeliveryQueue, admin: psycopg.Connection[Any]
) -> None:
    booked(ledger, 40)
    events = queue.unplanned(100)

    def plan(name: str) -> None:
        wanted = [Planned(event_id=e.event_id, endpoint_id=name, merchant="shop") for e in events]
        queue.plan(events, wanted, NOW)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(plan, ["we_1", "we_2", "we_3", "we_4"]))
    row = admin.execute("SELECT count(*), count(DISTINCT event_id) FROM ledger.delivery").fetchone()
    assert row == (40, 40)


def test_two_that_lease_at_once_get_different_deliveries(
    ledger: PostgresLedger, queue: PostgresDeliveryQueue
) -> None:
    booked(ledger, 60)
    planned(queue, "we_1")
    with ThreadPoolExecutor(4) as threads:
        taken = [
            one for got in threads.map(lambda _: leased(queue, limit=20), range(4)) for one in got
        ]
    ids = [one.event_id for one in taken]
    assert len(ids) == len(set(ids))
    assert len({*ids, *(one.event_id for one in leased(queue))}) == 60


def test_a_lease_that_ended_is_taken_again_and_an_endpoint_may_be_passed_over(
    ledger: PostgresLedger, queue: PostgresDeliveryQueue
) -> None:
    booked(ledger)
    planned(queue, "we_1")
    leased(queue)
    assert not leased(queue, NOW + LEASE_S - 1)
    after = NOW + LEASE_S
    assert not queue.lease(after, until=after + 1, limit=9, passing_over=["we_0", "we_1"])
    assert [one.attempt for one in leased(queue, after)] == [2]


def test_a_failure_of_an_attempt_that_was_overtaken_changes_nothing_but_a_success_stands(
    ledger: PostgresLedger, queue: PostgresDeliveryQueue, admin: psycopg.Connection[Any]
) -> None:
    (event,) = booked(ledger)
    planned(queue, "we_1")
    (slow,) = leased(queue)
    (second,) = leased(queue, NOW + LEASE_S)
    queue.record([result(slow, DeliveryState.DEAD, error="late", status=500)], NOW)
    assert kept(admin, event) == ("pending", 2, None, None)
    queue.record([result(slow, DeliveryState.DELIVERED, status=200)], NOW)
    queue.record([result(second, DeliveryState.DEAD, error="no answer in time")], NOW)
    assert kept(admin, event) == ("delivered", 2, 200, None)


def test_an_attempt_that_was_not_begun_is_not_counted_and_leaves_what_is_known(
    ledger: PostgresLedger, queue: PostgresDeliveryQueue, admin: psycopg.Connection[Any]
) -> None:
    (event,) = booked(ledger)
    planned(queue, "we_1")
    (first,) = leased(queue)
    queue.record([result(first, DeliveryState.PENDING, status=503, error="answered 503")], NOW)
    (second,) = leased(queue, NOW + 10)
    queue.record([result(second, DeliveryState.PENDING, counted=False)], NOW)
    assert kept(admin, event) == ("pending", 1, 503, "answered 503")


def test_the_backlog_is_the_dead_and_the_longest_due(
    ledger: PostgresLedger, queue: PostgresDeliveryQueue
) -> None:
    assert queue.backlog(NOW).due_since is None
    booked(ledger, 3)
    assert queue.backlog(NOW).due_since is not None
    planned(queue, "we_1")
    assert queue.backlog(NOW + 5).due_since == NOW
    first, *rest = leased(queue)
    assert queue.backlog(NOW + 5).due_since is None
    queue.record([result(first, DeliveryState.DEAD, error="gone")], NOW)
    queue.record([result(one, DeliveryState.DELIVERED, status=204) for one in rest], NOW)
    assert queue.backlog(NOW + 99).dead == 1


def test_dead_letters_are_listed_and_sent_again_by_event_by_endpoint_or_all(
    ledger: PostgresLedger, queue: PostgresDeliveryQueue
) -> None:
    (event,) = booked(ledger)
    planned(queue, "we_1", "we_2", "we_3")

    def kill() -> None:
        queue.record(
            [result(one, DeliveryState.DEAD, error="gone", status=410) for one in leased(queue)],
            NOW + 1,
        )

    kill()
    dead = queue.listed(DeliveryState.DEAD, 10)
    assert [(one.event_id, one.last_error, one.last_status) for one in dead] == [
        (event, "gone", 410)
    ] * 3
    assert len(queue.listed(DeliveryState.DEAD, 2)) == 2
    assert queue.replay_endpoint("we_2", NOW) == 1
    (pending,) = queue.listed(DeliveryState.PENDING, 10)
    assert (pending.endpoint_id, pending.attempts, pending.next_at) == ("we_2", 0, NOW)
    assert queue.replay_dead(NOW) == 2
    kill()
    assert queue.replay_event(event, NOW) == 3
    assert queue.replay_event(event, NOW) == 0


def test_only_what_was_delivered_long_ago_is_purged_oldest_first_and_some_at_a_time(
    ledger: PostgresLedger, queue: PostgresDeliveryQueue, admin: psycopg.Connection[Any]
) -> None:
    events = booked(ledger, 4)
    planned(queue, "we_1", "we_2")
    taken = {(one.event_id, one.endpoint_id): one for one in leased(queue)}

    def ends(event: str, to: str, state: DeliveryState, at: float) -> None:
        queue.record([result(taken[event, to], state)], at)

    for number, event in enumerate(events):
        ends(event, "we_1", DeliveryState.DELIVERED, NOW + number)
    ends(events[0], "we_2", DeliveryState.DEAD, NOW)
    ends(events[1], "we_2", DeliveryState.PENDING, NOW)
    assert queue.purge(NOW + 3, 2) == 2
    left = admin.execute("SELECT event_id::text, state FROM ledger.delivery").fetchall()
    assert {event for event, state in left if state == "delivered"} == set(events[2:])
    assert sorted(state for _, state in left if state != "delivered") == ["dead", *["pending"] * 3]
    assert queue.purge(NOW + 3, 2) == 1
    assert queue.purge(NOW + 3, 2) == 0
    # A dead letter is sent again as before, a purged delivery is not, and no event is planned anew.
    assert queue.replay_dead(NOW) == 1
    assert queue.replay_event(events[0], NOW) == 0
    assert not queue.unplanned(10)


def test_a_delivery_that_is_being_sent_again_is_not_purged(
    ledger: PostgresLedger, queue: PostgresDeliveryQueue, admin: psycopg.Connection[Any]
) -> None:
    (event,) = booked(ledger)
    planned(queue, "we_1")
    queue.record([result(one, DeliveryState.DELIVERED) for one in leased(queue)], NOW)
    with admin.transaction():
        admin.execute("UPDATE ledger.delivery SET state = 'pending' WHERE event_id = %s", (event,))
        assert queue.purge(NOW + LONG_S, 10) == 0
    assert queue.purge(NOW + LONG_S, 10) == 0
    assert len(leased(queue, NOW + LONG_S)) == 1


def test_the_purge_goes_by_an_index_however_many_deliveries_there_are(
    admin: psycopg.Connection[Any],
) -> None:
    admin.execute("SET enable_seqscan = off")
    rows: list[Any] = admin.execute(
        "EXPLAIN SELECT event_id, endpoint_id FROM ledger.delivery WHERE state = 'delivered' "
        "AND updated_at < now() ORDER BY updated_at LIMIT 2000"
    ).fetchall()
    assert "delivery_made" in str(rows)
    assert "Sort" not in str(rows)


def test_a_replica_delivers_nothing(servers: PostgresPair) -> None:
    to = login(servers, "west")
    queue = PostgresDeliveryQueue(lambda: to, timeout_s=5.0, connections=1)
    with pytest.raises(UnavailableError, match="read-only"):
        leased(queue)
    with pytest.raises(UnavailableError, match="read-only"):
        queue.purge(NOW, 1)
    queue.close()


def test_the_application_neither_makes_work_up_nor_forgets_it(servers: PostgresPair) -> None:
    to = login(servers, "east")
    with psycopg.connect(
        host=to.host, port=to.port, user=to.user, password=to.password, dbname="ledger"
    ) as connection:
        for statement in (
            b"INSERT INTO ledger.outbox VALUES (NULL)",
            b"DELETE FROM ledger.delivery",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement)


EFFECTS = ("control", "unplanned", "endpoints", "plan", "lease", "send", "record")
EVENTS = 3


@pytest.mark.parametrize(
    "deaths",
    [
        (effect, [*[Fault.NONE] * before, fault])
        for effect in EFFECTS
        for before in (0, 1)
        for fault in (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
    ],
    ids=str,
)
def test_whatever_a_deliverer_dies_before_or_after_each_event_is_delivered(
    ledger: PostgresLedger,
    queue: PostgresDeliveryQueue,
    admin: psycopg.Connection[Any],
    deaths: tuple[str, list[Fault]],
) -> None:
    events = booked(ledger, EVENTS)
    site = Delivering(queue=queue)
    site.endpoints.by_merchant["shop"] = (endpoint(1), endpoint(2))
    script = Script()
    script.plan(deaths[0], *deaths[1])
    first = site.deliverer(script)
    try:
        first.run(LONG_S)
    except Crash:
        site.clock.advance(LEASE_S)
    site.deliverer().run(LONG_S)
    wanted = {(name, event) for name in ("we_1", "we_2") for event in events}
    assert set(site.endpoints.sent) == wanted
    assert len(site.endpoints.sent) <= 2 * len(wanted)
    row = admin.execute("SELECT DISTINCT state FROM ledger.delivery").fetchall()
    assert row == [("delivered",)]
    assert not queue.unplanned(1)


def test_the_crash_table_finds_a_deliverer_that_records_before_it_sends(
    ledger: PostgresLedger, queue: PostgresDeliveryQueue
) -> None:
    """What the table proves is shown to fail on a planted fault."""
    (event,) = booked(ledger)
    site = Delivering(queue=queue)

    class Boasting(PostgresDeliveryQueue):
        def lease(self, now: float, *, until: float, **more: Any) -> Any:
            taken = queue.lease(now, until=until, **more)
            queue.record([result(one, DeliveryState.DELIVERED) for one in taken], now)
            return taken

    site.queue = Boasting.__new__(Boasting)
    for name in ("unplanned", "plan", "record"):
        setattr(site.queue, name, getattr(queue, name))
    script = Script()
    script.plan("send", Fault.CRASH_BEFORE)
    with pytest.raises(Crash):
        site.deliverer(script).run(LONG_S)
    site.clock.advance(LEASE_S)
    site.deliverer().run(LONG_S)
    assert ("we_1", event) not in site.endpoints.sent


def test_a_promoted_ledger_goes_on_where_its_replica_was() -> None:
    """What was pending there is sent from the other site, under the same ids."""
    with postgres_pair() as pair:
        with pair.ledgers.connect("east") as admin:
            migrate(admin)
            admin.execute("UPDATE ledger.stamp SET epoch = 1, site = 'east'")
        at_east, at_west = login(pair, "east"), login(pair, "west")
        ledger = PostgresLedger(lambda: at_east, timeout_s=5.0, connections=2)
        queue = PostgresDeliveryQueue(lambda: at_east, timeout_s=5.0, connections=2)
        events = booked(ledger, EVENTS)
        site = Delivering(queue=queue)
        purged = booked(ledger)
        site.deliverer().run(LONG_S)
        assert queue.purge(site.clock.now() + 1, 10) == EVENTS + len(purged)
        events = booked(ledger, EVENTS)
        site.endpoints.answers[endpoint().url] = NoAnswer(reason="no answer in time")
        site.deliverer().run(LONG_S)
        ledger.close()
        queue.close()
        pair.ledgers.switchover("west")
        queue = PostgresDeliveryQueue(lambda: at_west, timeout_s=5.0, connections=2)
        moved = Delivering(queue=queue, clock=site.clock)
        moved.endpoints.answers[endpoint().url] = Answered(status=200)
        moved.clock.advance(60)
        assert moved.deliverer().run(LONG_S).delivered == EVENTS
        assert {event for _, event in moved.endpoints.sent} == set(events)
        queue.close()
