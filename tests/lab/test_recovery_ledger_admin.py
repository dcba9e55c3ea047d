"""What a move asks of a ledger by SQL, in a real writer and its real replica."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

import pytest

from fakes.postgres_pair import PASSWORDS, PostgresPair, postgres_pair
from payment_dr.adapters import ledger_admin
from payment_dr.adapters.ledger_admin import FRESH_S, PostgresLedgerAdmin
from payment_dr.adapters.migrations import migrate
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.network.links import Mode
from payment_dr.lab.postgres import ADMIN
from payment_dr.recovery.ports import LedgerView

pytestmark = pytest.mark.lab

EAST, WEST = SiteName("east"), SiteName("west")
FIRST: Final = Stamp(epoch=Epoch(1), site=EAST)


def login(port: int, user: str = ADMIN) -> Callable[[], LedgerLogin]:
    return lambda: LedgerLogin(
        host=LOOPBACK, port=port, user=user, password=PASSWORDS.admin, tls=False
    )


def admin_of(pair: PostgresPair) -> PostgresLedgerAdmin:
    ports = pair.addresses.postgres_port
    return PostgresLedgerAdmin({site: login(ports[site]) for site in (EAST, WEST)}, timeout_s=5)


@pytest.fixture(name="pair", scope="module")
def pair_fixture() -> Iterator[PostgresPair]:
    with postgres_pair() as pair:
        with pair.ledgers.connect(EAST) as connection:
            migrate(connection)
            connection.execute("UPDATE ledger.stamp SET epoch = 1, site = 'east'")
        yield pair


@pytest.fixture(name="admin")
def admin_fixture(pair: PostgresPair) -> Iterator[PostgresLedgerAdmin]:
    with pair.ledgers.connect(EAST) as connection:
        connection.autocommit = True
        connection.execute("ALTER TABLE ledger.stamp DISABLE TRIGGER epoch_rises")
        connection.execute("UPDATE ledger.stamp SET epoch = 1, site = 'east'")
        connection.execute("ALTER TABLE ledger.stamp ENABLE TRIGGER epoch_rises")
    admin = admin_of(pair)
    until(lambda: admin.view(WEST).stamp == FIRST)
    yield admin
    admin.close()


def until(holds: Callable[[], bool]) -> None:
    """Wait; a replica that does not have the schema yet does not hold."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(UnavailableError):
            if holds():
                return
        threading.Event().wait(0.01)
    raise AssertionError("not in time")


def test_a_writer_and_its_replica_are_told_apart(admin: PostgresLedgerAdmin) -> None:
    writer = admin.view(EAST)
    assert writer == LedgerView(stamp=FIRST, writable=True, receiving=False, lag_bytes=None)
    replica = admin.view(WEST)
    assert (replica.stamp, replica.writable, replica.receiving) == (FIRST, False, True)
    until(lambda: admin.view(WEST).lag_bytes == 0)


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([Stamp(epoch=Epoch(2), site=None)], Stamp(epoch=Epoch(2), site=None)),
        (
            [Stamp(epoch=Epoch(2), site=None), Stamp(epoch=Epoch(2), site=WEST)],
            Stamp(epoch=Epoch(2), site=WEST),
        ),
        (
            [Stamp(epoch=Epoch(2), site=WEST), Stamp(epoch=Epoch(2), site=None)],
            Stamp(epoch=Epoch(2), site=WEST),
        ),
        (
            [Stamp(epoch=Epoch(2), site=WEST), Stamp(epoch=Epoch(2), site=EAST)],
            Stamp(epoch=Epoch(2), site=WEST),
        ),
        (
            [Stamp(epoch=Epoch(3), site=WEST), Stamp(epoch=Epoch(2), site=EAST)],
            Stamp(epoch=Epoch(3), site=WEST),
        ),
    ],
)
def test_a_stamp_only_moves_forward(
    admin: PostgresLedgerAdmin, stamps: list[Stamp], expected: Stamp
) -> None:
    for stamp in stamps:
        admin.stamp(EAST, stamp)
    assert admin.view(EAST).stamp == expected
    until(lambda: admin.view(WEST).stamp == expected)


def test_a_replica_takes_no_stamp_and_says_so_definitely(admin: PostgresLedgerAdmin) -> None:
    with pytest.raises(UnavailableError) as caught:
        admin.stamp(WEST, Stamp(epoch=Epoch(2), site=WEST))
    assert caught.value.definite
    assert admin.view(WEST).stamp == FIRST, "the next call logs in anew"


def test_the_stamp_waits_for_the_postings_in_flight(
    pair: PostgresPair, admin: PostgresLedgerAdmin
) -> None:
    with pair.ledgers.connect(EAST) as posting, ThreadPoolExecutor(1) as thread:
        posting.execute("LOCK TABLE ledger.stamp IN SHARE MODE")
        paused = thread.submit(admin.stamp, EAST, Stamp(epoch=Epoch(2), site=None))
        with pair.ledgers.connect(EAST) as watching:
            watching.autocommit = True
            until(
                lambda: (
                    watching.execute(
                        "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"
                    ).fetchone()
                    == (True,)
                )
            )
        assert not paused.done()
        posting.commit()
        paused.result(5)
    assert admin.view(EAST).stamp == Stamp(epoch=Epoch(2), site=None)


def test_a_replica_that_hears_nothing_shows_it(
    pair: PostgresPair, admin: PostgresLedgerAdmin
) -> None:
    pair.change_link("pg:west->east", Mode.REFUSE)
    until(lambda: not admin.view(WEST).receiving)
    assert admin.view(WEST).lag_bytes is None
    pair.change_link("pg:west->east", Mode.PASS)
    until(lambda: admin.view(WEST).receiving)


AURORA = """
CREATE SCHEMA IF NOT EXISTS payment_admin;
CREATE OR REPLACE FUNCTION payment_admin.aurora_global_db_status() RETURNS TABLE (
    aws_region text, highest_lsn_written bigint, durability_lag_in_msec double precision,
    rpo_lag_in_msec double precision, last_lag_calculation_time timestamptz)
LANGUAGE sql AS $$
    VALUES ('us-east-1', 1500::bigint, -1::float8, -1::float8, timestamptz '1970-01-01'),
        ('us-west-2', 1000, 90, 80, clock_timestamp() - interval '{age} s')
$$;
"""
"""What Aurora has of its own, as the documentation tells it, where the administrator finds it."""


@pytest.fixture(name="aurora")
def aurora_fixture(
    pair: PostgresPair, admin: PostgresLedgerAdmin
) -> Iterator[Callable[[int], PostgresLedgerAdmin]]:
    """Makes the pair look like Aurora that calculated the lag so many seconds ago."""
    admin.close()
    admins: list[PostgresLedgerAdmin] = []

    def make(age: int) -> PostgresLedgerAdmin:
        with pair.ledgers.connect(EAST) as connection:
            connection.execute(AURORA.format(age=age).encode())
        pair.ledgers.wait_streaming()
        until_same_log(pair)
        admins.append(admin_of(pair))
        return admins[-1]

    yield make
    with pair.ledgers.connect(EAST) as connection:
        connection.execute("DROP SCHEMA payment_admin CASCADE")
    until_same_log(pair)
    for made in admins:
        made.close()


def until_same_log(pair: PostgresPair) -> None:
    """Wait until the replica has replayed what the writer has written."""
    with pair.ledgers.connect(EAST) as writer, pair.ledgers.connect(WEST) as replica:
        replica.autocommit = True
        row = writer.execute("SELECT pg_current_wal_lsn()").fetchone()
        assert row is not None
        until(
            lambda: (
                replica.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", row).fetchone()
                == (True,)
            )
        )


def test_of_aurora_its_own_function_is_asked(
    pair: PostgresPair, aurora: Callable[[int], PostgresLedgerAdmin]
) -> None:
    admin = aurora(1)
    replica = admin.view(WEST)
    assert (replica.stamp, replica.writable) == (FIRST, False)
    assert (replica.receiving, replica.lag_bytes) == (True, 500)
    writer = admin.view(EAST)
    assert writer == LedgerView(stamp=FIRST, writable=True, receiving=False, lag_bytes=None)
    pair.change_link("pg:west->east", Mode.REFUSE)
    assert admin.view(WEST).receiving, "PostgreSQL's own replication says nothing there"
    pair.change_link("pg:west->east", Mode.PASS)


def test_a_replica_of_aurora_without_a_fresh_calculation_receives_nothing(
    aurora: Callable[[int], PostgresLedgerAdmin],
) -> None:
    replica = aurora(FRESH_S + 60).view(WEST)
    assert (replica.receiving, replica.lag_bytes) == (False, None)


def test_a_connection_to_a_replica_is_not_kept_for_long(
    admin: PostgresLedgerAdmin, monkeypatch: pytest.MonkeyPatch, pair: PostgresPair
) -> None:
    """Promoted, the cluster may write in another instance than the one that was asked."""

    def sessions(site: SiteName) -> set[int]:
        with pair.ledgers.connect(site) as connection:
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'payment-dr-move'"
            ).fetchall()
        return {row[0] for row in rows}

    admin.view(EAST)
    admin.view(WEST)
    kept = sessions(EAST), sessions(WEST)
    monkeypatch.setattr(ledger_admin, "REPLICA_KEPT_S", 0.0)
    for _ in range(2):
        admin.view(EAST)
        admin.view(WEST)
    assert sessions(EAST) == kept[0]
    until(lambda: not sessions(WEST) & kept[1])


def test_a_server_that_ends_a_session_at_once_is_told(
    pair: PostgresPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_admin, "_IS_AURORA", "SELECT pg_terminate_backend(pg_backend_pid())")
    admin = admin_of(pair)
    with pytest.raises(UnavailableError, match="looking at the ledger of east"):
        admin.view(EAST)
    admin.close()


def test_a_connection_that_the_server_has_closed_is_replaced(
    pair: PostgresPair, admin: PostgresLedgerAdmin
) -> None:
    admin.view(EAST)
    with pair.ledgers.connect(EAST) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'payment-dr-move'"
        )
    with pytest.raises(UnavailableError):
        admin.view(EAST)
    assert admin.view(EAST).stamp == FIRST


def test_nobody_listening_is_told_at_once() -> None:
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        admin = PostgresLedgerAdmin({EAST: login(unused.getsockname()[1])}, timeout_s=5)
        with pytest.raises(UnavailableError) as caught:
            admin.stamp(EAST, FIRST)
    assert caught.value.definite


def test_a_server_that_falls_silent_is_given_up_and_a_stamp_is_left_in_doubt(
    pair: PostgresPair,
) -> None:
    """Through the replication link, which stands in for the peering to the other region."""
    spec = pair.addresses.link("pg:west->east")
    admin = PostgresLedgerAdmin({EAST: login(spec.listen_port)}, timeout_s=0.3)
    try:
        assert admin.view(EAST).writable
        pair.change_link("pg:west->east", Mode.BLACKHOLE)
        with pytest.raises(UnavailableError) as caught:
            admin.stamp(EAST, Stamp(epoch=Epoch(1), site=EAST))
        assert not caught.value.definite
    finally:
        pair.change_link("pg:west->east", Mode.PASS)
        admin.close()
