"""Rotating the ledger's users in a real PostgreSQL, while payments go on."""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from fakes.clock import FakeClock
from fakes.postgres_pair import PASSWORDS, PostgresPair, postgres_pair
from fakes.rotation import RotationWorld
from payment_dr.adapters.cached import Cached
from payment_dr.adapters.ledger_admin import PostgresLedgerAdmin
from payment_dr.adapters.ledger_roles import ADMIN_USERS, APP_USERS, make_roles
from payment_dr.adapters.ledger_users import Login, PostgresLedgerUsers
from payment_dr.adapters.migrations import migrate
from payment_dr.adapters.postgres import LedgerLogin, PostgresLedger
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.functions.rotation import Rotation, RotationPorts, Step
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.network.links import Mode
from payment_dr.lab.postgres import OWNER
from payment_dr.payments.journal import Account, Booking, EventType, PaymentNow, Posting
from payment_dr.payments.ports import Posted
from payment_dr.payments.record import OperationKind, PaymentState

pytestmark = pytest.mark.lab

Admin = psycopg.Connection[Any]
EAST, WEST = SiteName("east"), SiteName("west")
STAMP = Stamp(epoch=Epoch(1), site=EAST)
ADMIN = ADMIN_USERS[0]


def owner(pair: PostgresPair) -> Admin:
    return psycopg.connect(
        host=LOOPBACK,
        port=pair.addresses.postgres_port[EAST],
        user=OWNER,
        password=PASSWORDS.owner,
        dbname="ledger",
        autocommit=True,
    )


@pytest.fixture(name="servers", scope="module")
def servers_fixture() -> Iterator[PostgresPair]:
    with postgres_pair() as pair:
        with pair.ledgers.connect(EAST) as admin:
            migrate(admin)
            admin.execute("UPDATE ledger.stamp SET epoch = 1, site = 'east'")
        with owner(pair) as connection:
            make_roles(connection)
        yield pair


@pytest.fixture(name="admin")
def admin_fixture(servers: PostgresPair) -> Iterator[Admin]:
    """The first user; the passwords are what they were at first."""
    with owner(servers) as connection:
        for user in (APP_USERS[1], ADMIN_USERS[1]):
            connection.execute(f"ALTER ROLE {user} PASSWORD NULL".encode())
        for user, password in ((APP_USERS[0], PASSWORDS.app), (ADMIN, PASSWORDS.admin)):
            connection.execute(f"ALTER ROLE {user} PASSWORD '{password}'".encode())
        yield connection


def login(pair: PostgresPair, user: str, password: str, site: SiteName = EAST) -> LedgerLogin:
    return LedgerLogin(
        host=LOOPBACK,
        port=pair.addresses.postgres_port[site],
        user=user,
        password=password,
        tls=False,
    )


def entry() -> Booking:
    return Booking(
        operation_id=str(uuid.uuid4()),
        payment_id=str(uuid.uuid4()),
        merchant="shop",
        kind=OperationKind.CHARGE,
        type=EventType.CAPTURED,
        order=1,
        currency="EUR",
        amount=100,
        decline_code=None,
        payment=PaymentNow(
            status=PaymentState.CAPTURED,
            amount=100,
            captured=100,
            refunded=0,
            fees=0,
            created_at=1_700_000_000.0,
        ),
        postings=(
            Posting(account=Account.PROVIDER_RECEIVABLE, minor_units=100),
            Posting(account=Account.MERCHANT_PAYABLE, minor_units=-100),
        ),
        occurred_at=1_700_000_000.0,
    )


class Secret:
    """The secret's versions in memory, the users in PostgreSQL."""

    def __init__(self, pair: PostgresPair, users: tuple[str, str], password: str) -> None:
        self.pair = pair
        self.users = users
        self.versions = RotationWorld().versions
        self.versions.contents["v0"] = {"username": users[0], "password": password}
        self.reads = 0

    def read(self) -> dict[str, str]:
        self.reads += 1
        current = self.versions.labels["current"]
        assert current is not None
        return dict(self.versions.contents[current])

    def rotate(self, admin: Any) -> None:
        """Run all four steps, each in a process of its own."""
        token = str(uuid.uuid4())
        self.versions.labels["pending"] = token
        for step in Step:
            self.rotation(admin, token).run(step)

    def rotation(self, admin: Any, token: str) -> Rotation:
        ports = RotationPorts(
            versions=self.versions,
            users=PostgresLedgerUsers(),
            control=RotationWorld().control,
            admin=admin,
            login=lambda s: login(self.pair, s["username"], s["password"]),
            standby_login=lambda s: login(self.pair, s["username"], s["password"], WEST),
            new_password=lambda: uuid.uuid4().hex,
        )
        return Rotation(ports, self.users, site=EAST, token=token)


def run_until_done(secret: Secret, admin: Any) -> None:
    """As Secrets Manager does: again while the standby lags."""
    for _ in range(100):
        try:
            secret.rotate(admin)
        except UnavailableError:
            continue
        return
    raise AssertionError("the rotation did not end")


def first_admin() -> dict[str, str]:
    return {"username": ADMIN, "password": PASSWORDS.admin}


@pytest.mark.usefixtures("admin")
def test_payments_are_posted_through_rotations_that_they_do_not_notice(
    servers: PostgresPair,
) -> None:
    secret, clock = Secret(servers, APP_USERS, PASSWORDS.app), FakeClock()
    kept = Cached(secret.read, clock=clock, age_s=60.0, stale_s=3600.0)
    ledger = PostgresLedger(
        lambda: login(servers, kept()["username"], kept()["password"]),
        timeout_s=5.0,
        connections=4,
        doubt=kept.doubt,
    )
    rotated, failures, posted = threading.Event(), list[Exception](), list[Booking]()

    def post() -> None:
        try:
            while not rotated.is_set() or not posted:
                made = entry()
                assert ledger.post([made], STAMP) is Posted.DONE
                posted.append(made)
        except UnavailableError as error:
            failures.append(error)

    threads = [threading.Thread(target=post) for _ in range(4)]
    held = psycopg.connect(
        host=LOOPBACK,
        port=servers.addresses.postgres_port[EAST],
        user=APP_USERS[0],
        password=PASSWORDS.app,
        dbname="ledger",
    )
    try:
        for thread in threads:
            thread.start()
        for _ in range(3):
            run_until_done(secret, first_admin)
        rotated.set()
        for thread in threads:
            thread.join(20)
        assert not failures
        assert ledger.view([made.operation_id for made in posted]).present == {
            made.operation_id for made in posted
        }
        assert held.execute("SELECT current_user").fetchone() == (APP_USERS[0],)
    finally:
        rotated.set()
        held.close()
        ledger.close()


@pytest.mark.usefixtures("admin")
def test_a_password_that_was_rotated_twice_since_it_was_read_is_read_anew_once(
    servers: PostgresPair,
) -> None:
    secret, clock = Secret(servers, APP_USERS, PASSWORDS.app), FakeClock()
    kept = Cached(secret.read, clock=clock, age_s=60.0)
    assert kept()["username"] == APP_USERS[0]
    for _ in range(2):
        run_until_done(secret, first_admin)
    clock.advance(5)
    reads = secret.reads
    ledger = PostgresLedger(
        lambda: login(servers, kept()["username"], kept()["password"]),
        timeout_s=5.0,
        connections=1,
        doubt=kept.doubt,
    )
    try:
        assert ledger.post([entry()], STAMP) is Posted.DONE
    finally:
        ledger.close()
    assert secret.reads == reads + 1


@pytest.mark.usefixtures("admin")
def test_a_password_that_stays_wrong_is_an_error_and_not_a_loop(servers: PostgresPair) -> None:
    asked: list[str] = []

    def wrong() -> LedgerLogin:
        asked.append("")
        return login(servers, APP_USERS[0], "wrong")

    ledger = PostgresLedger(wrong, timeout_s=0.3, connections=1)
    try:
        with pytest.raises(UnavailableError, match="no connection"):
            ledger.post([entry()], STAMP)
    finally:
        ledger.close()
    assert 2 <= len(asked) <= 6


@pytest.mark.usefixtures("admin")
def test_a_move_reads_the_administrators_password_anew_after_a_refusal(
    servers: PostgresPair,
) -> None:
    passwords = ["outdated", PASSWORDS.admin]
    plane = PostgresLedgerAdmin(
        {EAST: lambda: login(servers, ADMIN, passwords[0])},
        timeout_s=5.0,
        doubt=lambda: passwords.remove("outdated"),
    )
    try:
        assert plane.view(EAST).writable
    finally:
        plane.close()


@pytest.mark.usefixtures("admin")
def test_the_administrators_take_turns_and_each_can_do_what_the_other_could(
    servers: PostgresPair,
) -> None:
    secret = Secret(servers, ADMIN_USERS, PASSWORDS.admin)
    run_until_done(secret, secret.read)
    second = secret.read()
    assert second["username"] == ADMIN_USERS[1]
    with psycopg.connect(
        host=LOOPBACK,
        port=servers.addresses.postgres_port[EAST],
        user=second["username"],
        password=second["password"],
        dbname="ledger",
        autocommit=True,
    ) as connection:
        assert not migrate(connection)
        connection.execute("CREATE TABLE ledger.made_by_the_second (i int)")
        assert connection.execute(
            "SELECT tableowner FROM pg_tables WHERE tablename = 'made_by_the_second'"
        ).fetchone() == (ADMIN,)
        connection.execute("DROP TABLE ledger.made_by_the_second")
    run_until_done(secret, secret.read)
    assert secret.read()["username"] == ADMIN
    app = Secret(servers, APP_USERS, PASSWORDS.app)
    run_until_done(app, secret.read)
    assert app.read()["username"] == APP_USERS[1]


def test_the_ledger_refuses_what_a_rotation_never_does(servers: PostgresPair, admin: Admin) -> None:
    del admin
    verifier = "SCRAM-SHA-256$4096:x$y:z"
    with servers.ledgers.connect(EAST) as connection:
        connection.autocommit = True
        for user, given, said in (
            ("postgres", verifier, "none whose password rotates"),
            (ADMIN, verifier, "in use by this session"),
            (APP_USERS[1], "a password", "a verifier is needed"),
        ):
            with pytest.raises(psycopg.Error, match=said):
                connection.execute("SELECT ledger_logins.set_password(%s, %s)", (user, given))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"ALTER ROLE {APP_USERS[1]} PASSWORD 'x'".encode())
    with pytest.raises(PaymentDrError, match="permission denied"):
        PostgresLedgerUsers().set_password(
            login(servers, APP_USERS[0], PASSWORDS.app), APP_USERS[1], "x"
        )


@pytest.mark.usefixtures("admin")
def test_a_replica_takes_no_password_and_says_so(servers: PostgresPair) -> None:
    with pytest.raises(PaymentDrError, match="is a replica"):
        PostgresLedgerUsers().set_password(
            login(servers, ADMIN, PASSWORDS.admin, WEST), APP_USERS[1], "x"
        )


@pytest.mark.usefixtures("admin")
def test_logins_that_work_are_told_from_refused_ones_and_from_no_answer(
    servers: PostgresPair,
) -> None:
    users = PostgresLedgerUsers()
    app = login(servers, APP_USERS[0], PASSWORDS.app)
    assert users.try_login(app) is Login.WORKS
    assert users.try_login(login(servers, APP_USERS[0], "wrong")) is Login.REFUSED
    nobody = LedgerLogin(host=LOOPBACK, port=1, user=APP_USERS[0], password="x", tls=False)
    assert users.try_login(nobody) is Login.NO_ANSWER
    with pytest.raises(UnavailableError, match="setting the password") as caught:
        users.set_password(nobody, APP_USERS[1], "x")
    assert not caught.value.definite


def test_a_user_that_lost_its_rights_is_told_and_roles_can_be_made_again(
    servers: PostgresPair, admin: Admin
) -> None:
    users, app = PostgresLedgerUsers(), login(servers, APP_USERS[0], PASSWORDS.app)
    admin.execute("REVOKE SELECT ON ledger.stamp FROM payment_app")
    with pytest.raises(PaymentDrError, match="lacks rights"):
        users.try_login(app)
    admin.execute("REVOKE USAGE ON SCHEMA ledger FROM payment_app")
    with pytest.raises(PaymentDrError, match="cannot look for its rights"):
        users.try_login(app)
    admin.execute("GRANT USAGE ON SCHEMA ledger TO payment_app")
    admin.execute("GRANT SELECT ON ledger.stamp TO payment_app")
    make_roles(admin)
    assert users.try_login(app) is Login.WORKS


@pytest.mark.usefixtures("admin")
def test_a_password_that_the_standby_has_not_received_is_not_made_current(
    servers: PostgresPair,
) -> None:
    secret, token = Secret(servers, APP_USERS, PASSWORDS.app), str(uuid.uuid4())
    secret.versions.labels["pending"] = token
    link = "pg:west->east"
    servers.change_link(link, Mode.BLACKHOLE)
    try:
        secret.rotation(first_admin, token).run(Step.CREATE)
        secret.rotation(first_admin, token).run(Step.SET)
        with pytest.raises(UnavailableError, match="does not have the new password yet"):
            secret.rotation(first_admin, token).run(Step.FINISH)
        assert secret.read()["username"] == APP_USERS[0]
    finally:
        servers.change_link(link, Mode.PASS)
        servers.ledgers.wait_streaming()


def test_the_roles_can_be_made_by_a_first_user_that_is_no_superuser(
    fresh_postgres: PostgresPair,
) -> None:
    port = fresh_postgres.addresses.postgres_port[EAST]
    place: Any = {"host": LOOPBACK, "port": port, "autocommit": True}
    owner_of_all: Any = {"user": OWNER, "password": PASSWORDS.owner, "dbname": "postgres"}
    with psycopg.connect(**place, **owner_of_all) as connection:
        connection.execute("DROP DATABASE ledger")
        made = ", ".join((*APP_USERS, *ADMIN_USERS, "payment_roles"))
        connection.execute(f"DROP ROLE {made}".encode())
        connection.execute("CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD 'master'")
    master: Any = {**place, "user": "master", "password": "master"}
    with psycopg.connect(**master, dbname="postgres") as connection:
        connection.execute("CREATE DATABASE ledger")
    with psycopg.connect(**master, dbname="ledger") as connection:
        for _ in range(2):
            make_roles(connection)
        connection.execute("GRANT CREATE ON DATABASE ledger TO payment_admin")
        connection.execute("ALTER ROLE payment_admin PASSWORD 'admin'")
    admin = LedgerLogin(host=LOOPBACK, port=port, user=ADMIN, password="admin", tls=False)
    users = PostgresLedgerUsers()
    for user in (ADMIN_USERS[1], *APP_USERS):
        users.set_password(admin, user, "new")
    with psycopg.connect(**place, user=ADMIN_USERS[1], password="new", dbname="ledger") as second:
        migrate(second)
    for user in (ADMIN_USERS[1], *APP_USERS):
        assert users.try_login(replace(admin, user=user, password="new")) is Login.WORKS
