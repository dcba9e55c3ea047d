"""From an empty cluster to a ledger, as on Aurora: by a first user that is no superuser."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from fakes.postgres_pair import PASSWORDS, PostgresPair, postgres_pair
from payment_dr.adapters import ledger_setup
from payment_dr.adapters.ledger_admin import PostgresLedgerAdmin
from payment_dr.adapters.ledger_roles import ADMIN_USERS, APP_USERS
from payment_dr.adapters.ledger_setup import LedgerSetup, LedgerUser
from payment_dr.adapters.ledger_users import Login, PostgresLedgerUsers
from payment_dr.adapters.migrations import migrations
from payment_dr.adapters.postgres import LedgerLogin, PostgresLedger
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.functions.initialise import Initialised, initialise
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.postgres import OWNER
from payment_dr.payments.ports import Posted
from payment_dr.recovery.control import ControlRecord
from payment_dr.recovery.moves import first_record

pytestmark = pytest.mark.lab

EAST, WEST = SiteName("east"), SiteName("west")
FIRST = Stamp(epoch=Epoch(1), site=EAST)
ALL = tuple(f"{m.version:04d}_{m.name}" for m in migrations())
NOTHING = Initialised(database=False, control_record=False, migrations=(), stamped=False)
EVERYTHING = Initialised(database=True, control_record=True, migrations=ALL, stamped=True)
MASTER = "first_user"
USERS = (*APP_USERS, *ADMIN_USERS, "payment_roles", MASTER)
Made = Callable[..., LedgerSetup]


class Control:
    """The control record, if there is one."""

    def __init__(self, record: ControlRecord | None = None) -> None:
        self.record = record

    def create(self, record: ControlRecord) -> bool:
        is_new = self.record is None
        self.record = record if self.record is None else self.record
        return is_new

    def read(self) -> ControlRecord:
        assert self.record is not None
        return self.record


@pytest.fixture(name="pair", scope="module")
def pair_fixture() -> Iterator[PostgresPair]:
    with postgres_pair() as pair:
        yield pair


def superuser(pair: PostgresPair, database: str = "postgres") -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=LOOPBACK,
        port=pair.addresses.postgres_port[EAST],
        user=OWNER,
        password=PASSWORDS.owner,
        dbname=database,
        autocommit=True,
    )


@pytest.fixture(name="setup")
def setup_fixture(pair: PostgresPair) -> Made:
    """Makes a set-up of a cluster that is empty but for its first user."""
    with closing(superuser(pair)) as connection:
        connection.execute("DROP DATABASE IF EXISTS ledger WITH (FORCE)")
        for user in USERS:
            connection.execute(f"DROP ROLE IF EXISTS {user}".encode())
        connection.execute(
            f"CREATE ROLE {MASTER} LOGIN CREATEROLE CREATEDB PASSWORD 'master-secret'".encode()
        )
        connection.execute(f"GRANT pg_monitor TO {MASTER} WITH ADMIN OPTION".encode())

    def login(site: SiteName, user: str, password: str) -> LedgerLogin:
        port = pair.addresses.postgres_port[site]
        return LedgerLogin(host=LOOPBACK, port=port, user=user, password=password, tls=False)

    def make(
        *, site: SiteName = EAST, master: str = "master-secret", admin: str = "admin-secret"
    ) -> LedgerSetup:
        return LedgerSetup(
            master=login(site, MASTER, master),
            admin=login(site, ADMIN_USERS[0], admin),
            app=LedgerUser(name=APP_USERS[0], password="app-secret"),
        )

    return make


def until_replicated(login: LedgerLogin) -> None:
    """Wait until the replica lets this user in: it has what the writer has by then."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(
                host=login.host,
                port=login.port,
                user=login.user,
                password=login.password,
                dbname="postgres",
            ),
        ):
            return
        threading.Event().wait(0.02)
    raise AssertionError("not in time")


def stamp_of(setup: LedgerSetup) -> Stamp | None:
    admin = PostgresLedgerAdmin({EAST: lambda: setup.admin}, timeout_s=5)
    with closing(admin):
        return admin.view(EAST).stamp


def test_an_empty_cluster_becomes_a_ledger_that_takes_postings_as_the_applications_user(
    setup: Made,
) -> None:
    made = setup()
    assert initialise(made, Control(), EAST) == EVERYTHING
    assert stamp_of(made) == FIRST
    app = replace(made.admin, user=made.app.name, password=made.app.password)
    with closing(PostgresLedger(lambda: app, timeout_s=5, connections=1)) as ledger:
        assert ledger.post((), FIRST) is Posted.DONE
        assert ledger.view([]).stamp == FIRST


def test_done_again_it_changes_nothing(setup: Made) -> None:
    control = Control()
    initialise(setup(), control, EAST)
    assert initialise(setup(), control, EAST) == NOTHING
    assert stamp_of(setup()) == FIRST


@pytest.mark.parametrize("half", [1, 2, 3, 4, 5])
def test_given_up_anywhere_it_goes_on_where_it_was(
    setup: Made, monkeypatch: pytest.MonkeyPatch, half: int
) -> None:
    """It is cut off before each of its parts: roles, rights, passwords, schema, stamp."""
    parts = ["make_roles", "_RIGHTS", "_set_password", "migrate", "stamp_first"]
    part = parts[half - 1]

    def cut_off(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("cut off")

    control = Control()
    with monkeypatch.context() as patch:
        # Statements cannot be cut off, but one of them can be refused.
        broken: Any = "SELECT no_such_function()" if part == "_RIGHTS" else cut_off
        patch.setattr(ledger_setup, part, broken)
        with pytest.raises(PaymentDrError):
            initialise(setup(), control, EAST)
    done = initialise(setup(), control, EAST)
    assert not done.database
    assert done.stamped
    assert stamp_of(setup()) == FIRST
    assert control.record == first_record(EAST)


def test_a_changed_secret_becomes_the_users_password(setup: Made) -> None:
    control = Control()
    initialise(setup(), control, EAST)
    changed = setup(admin="another-secret")
    assert initialise(changed, control, EAST) == NOTHING
    users = PostgresLedgerUsers()
    assert users.try_login(changed.admin) is Login.WORKS
    assert users.try_login(setup().admin) is Login.REFUSED


def test_no_password_reaches_the_servers_statements(setup: Made, pair: PostgresPair) -> None:
    initialise(setup(), Control(), EAST)
    with closing(superuser(pair)) as connection:
        rows = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = ANY(%s)",
            ([ADMIN_USERS[0], APP_USERS[0]],),
        ).fetchall()
    assert all(row[0].startswith("SCRAM-SHA-256$") for row in rows)
    assert len(rows) == 2


def test_a_first_user_with_another_password_is_told_to_compare_the_secret(setup: Made) -> None:
    control = Control()
    with pytest.raises(PaymentDrError, match="password authentication failed") as caught:
        initialise(setup(master="wrong"), control, EAST)
    assert not isinstance(caught.value, UnavailableError)
    assert "compare the secret" in caught.value.remedy
    assert control.record is None


def test_a_cluster_that_does_not_answer_is_not_available(setup: Made) -> None:
    nowhere = replace(setup(), master=replace(setup().master, port=1))
    with pytest.raises(UnavailableError, match="preparing the ledger"):
        initialise(nowhere, Control(), EAST)


def test_a_replica_is_refused_and_told_where_to_do_it(setup: Made) -> None:
    control = Control()
    until_replicated(setup(site=WEST).master)
    with pytest.raises(PaymentDrError, match="is a replica") as caught:
        initialise(setup(site=WEST), control, EAST)
    assert "site that is the writer" in caught.value.remedy
    assert control.record is None


def test_a_ledger_that_has_a_stamp_keeps_it(setup: Made) -> None:
    made = setup()
    initialise(made, Control(), EAST)
    moved = Stamp(epoch=Epoch(7), site=WEST)
    with closing(PostgresLedgerAdmin({EAST: lambda: made.admin}, timeout_s=5)) as admin:
        admin.stamp(EAST, moved)
    assert not initialise(made, Control(), EAST).stamped
    assert stamp_of(made) == moved


def test_an_empty_ledger_in_an_environment_with_a_history_is_not_stamped_as_the_first(
    setup: Made,
) -> None:
    """Epoch 1 would be wrong there; the ledger has to be rebuilt."""
    later = replace(first_record(EAST), epoch=Epoch(5), version=9)
    done = initialise(setup(), Control(later), EAST)
    assert (done.migrations, done.stamped, done.control_record) == (ALL, False, False)
    assert stamp_of(setup()) == Stamp(epoch=Epoch(0), site=None)


def test_a_user_that_is_none_of_the_ledgers_gets_no_password(
    setup: Made, pair: PostgresPair
) -> None:
    stranger = replace(setup(), app=LedgerUser(name="postgres", password="x"))
    with pytest.raises(PaymentDrError, match="user postgres is none of the ledger's"):
        stranger.prepare()
    with closing(superuser(pair)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_two_at_once_make_it_once(setup: Made) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = [threads.submit(setup().prepare) for _ in range(4)]
        assert sorted(run.result(30) for run in made) == [False, False, False, True]
