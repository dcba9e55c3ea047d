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
from payment_dr.adapters.ledger_admin import PostgresLedgerAdmin
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
