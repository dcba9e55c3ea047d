"""The payment API's own user on a real PostgreSQL, with tokens that boto3 signs for real.

Who checks a token on AWS is Aurora, by PAM. Here the server is given a token as the user's
password: what is shown is that the user has the API's rights and no password of its own, that a
token travels as one, and that each connection brings the token of its moment. That IAM takes it,
and TLS on the way, only AWS can show.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import boto3
import psycopg
import pytest
from psycopg import sql

from fakes.postgres_pair import PASSWORDS, PostgresPair, postgres_pair
from payment_dr.adapters.ledger_roles import ADMIN_USERS, API_USER, APP_USERS
from payment_dr.adapters.ledger_setup import LedgerSetup, LedgerUser
from payment_dr.adapters.ledger_tokens import token_login
from payment_dr.adapters.postgres import LedgerLogin, PostgresLedger
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.postgres import OWNER
from payment_dr.payments.ports import Posted

pytestmark = pytest.mark.lab

EAST = SiteName("east")
FIRST = Stamp(epoch=Epoch(1), site=EAST)
MASTER = "first_user"


@pytest.fixture(name="pair", scope="module")
def pair_fixture() -> Iterator[PostgresPair]:
    with postgres_pair() as pair:
        yield pair


@pytest.fixture(name="owner")
def owner_fixture(pair: PostgresPair) -> Iterator[psycopg.Connection[Any]]:
    port = pair.addresses.postgres_port[EAST]
    with psycopg.connect(
        host=LOOPBACK,
        port=port,
        user=OWNER,
        password=PASSWORDS.owner,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        yield connection


@pytest.fixture(name="setup")
def setup_fixture(pair: PostgresPair, owner: psycopg.Connection[Any]) -> LedgerSetup:
    """Of a cluster that is empty but for its first user and the role that Aurora has for tokens."""
    owner.execute("DROP DATABASE IF EXISTS ledger WITH (FORCE)")
    for user in (API_USER, *APP_USERS, *ADMIN_USERS, "payment_roles", MASTER, "rds_iam"):
        owner.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(user)))
    owner.execute(f"CREATE ROLE {MASTER} LOGIN CREATEROLE CREATEDB PASSWORD 'x'".encode())
    owner.execute("CREATE ROLE rds_iam NOLOGIN")
    for role in ("pg_monitor", "rds_iam"):
        owner.execute(f"GRANT {role} TO {MASTER} WITH ADMIN OPTION".encode())
    port = pair.addresses.postgres_port[EAST]
    master = LedgerLogin(host=LOOPBACK, port=port, user=MASTER, password="x", tls=False)
    return LedgerSetup(
        master=master,
        admin=replace(master, user=ADMIN_USERS[0], password="admin-secret"),
        app=LedgerUser(name=APP_USERS[0], password="app-secret"),
        master_by_token=lambda: master,
    )


class Aurora:
    """Signs tokens, and has the server take the last one and no other."""

    def __init__(self, owner: psycopg.Connection[Any], port: int) -> None:
        self._owner = owner
        self._port = port
        self.signed: list[str] = []

    def login(self) -> LedgerLogin:
        """As the API logs in, less TLS: the second connection brings the second token."""
        client = boto3.client(
            "rds",
            region_name="us-east-1",
            aws_access_key_id=f"AKIA{len(self.signed)}",
            aws_secret_access_key="planted",
        )
        token = token_login(client, LOOPBACK, self._port, API_USER).password
        self.signed.append(token)
        self.take(token)
        return LedgerLogin(host=LOOPBACK, port=self._port, user=API_USER, password=token, tls=False)

    def take(self, token: str) -> None:
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
        self._owner.execute(statement.format(sql.Identifier(API_USER), sql.Literal(token)))


def test_the_api_posts_with_a_token_and_each_connection_brings_another(
    setup: LedgerSetup, owner: psycopg.Connection[Any]
) -> None:
    setup.prepare()
    setup.migrate()
    setup.stamp(FIRST)
    aurora = Aurora(owner, setup.master.port)
    with closing(PostgresLedger(aurora.login, timeout_s=5, connections=1)) as ledger:
        assert ledger.post((), FIRST) is Posted.DONE
        # What is open stays open when its token is no longer taken, as after 15 minutes.
        aurora.take("another")
        assert ledger.view([]).stamp == FIRST
        # Waits up to 5 s until it is gone.
        ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s"
        owner.execute(ended, (API_USER,))
        assert ledger.post((), FIRST) is Posted.DONE
    assert len(set(aurora.signed)) == len(aurora.signed) >= 2


def test_a_token_that_the_server_does_not_take_lets_nobody_in(setup: LedgerSetup) -> None:
    setup.prepare()
    stranger = replace(setup.master, user=API_USER, password="a token of yesterday")
    with (
        closing(PostgresLedger(lambda: stranger, timeout_s=1, connections=1)) as ledger,
        pytest.raises(UnavailableError),
    ):
        ledger.view([])


def test_the_apis_user_takes_tokens_has_no_password_and_the_rights_of_handlers_alone(
    setup: LedgerSetup, owner: psycopg.Connection[Any]
) -> None:
    setup.prepare()
    setup.prepare()  # repeatable
    found = owner.execute(
        "SELECT rolpassword, rolcreaterole, pg_has_role(rolname, 'rds_iam', 'USAGE'),"
        " pg_has_role(rolname, 'payment_app', 'USAGE'),"
        " pg_has_role(rolname, 'payment_admin', 'MEMBER')"
        " FROM pg_authid WHERE rolname = %s",
        (API_USER,),
    ).fetchone()
    assert found == (None, False, True, True, False)
    taking = "SELECT pg_has_role(%s, 'rds_iam', 'MEMBER')"
    # Whoever takes tokens takes no password: users whose passwords rotate must not.
    for user in (*APP_USERS, *ADMIN_USERS):
        assert owner.execute(taking, (user,)).fetchone() == (False,)


def test_where_the_api_has_a_password_nobody_takes_tokens(
    setup: LedgerSetup, owner: psycopg.Connection[Any]
) -> None:
    replace(setup, master_by_token=None).prepare()
    taking = "SELECT pg_has_role(%s, 'rds_iam', 'MEMBER')"
    assert owner.execute(taking, (API_USER,)).fetchone() == (False,)


def test_who_makes_a_user_that_takes_tokens_is_a_member_of_it_and_may_need_a_token_itself(
    setup: LedgerSetup, owner: psycopg.Connection[Any]
) -> None:
    """PostgreSQL 16 makes a creator a member of what it creates."""
    owner.execute(f"REVOKE rds_iam FROM {MASTER}".encode())
    replace(setup, master_by_token=None).prepare()
    owner.execute(f"GRANT rds_iam TO {API_USER}".encode())
    taking = "SELECT pg_has_role(%s, 'rds_iam', 'MEMBER')"
    assert owner.execute(taking, (MASTER,)).fetchone() == (True,)


def test_a_first_user_whose_password_is_refused_comes_in_by_a_token(setup: LedgerSetup) -> None:
    locked_out = replace(setup, master=replace(setup.master, password="refused"))
    assert locked_out.prepare()
    assert not locked_out.prepare()


def test_with_neither_password_nor_token_it_is_told_to_compare_the_secret(
    setup: LedgerSetup,
) -> None:
    refused = replace(setup.master, password="refused")
    locked_out = replace(setup, master=refused, master_by_token=lambda: refused)
    with pytest.raises(PaymentDrError, match="password authentication failed"):
        locked_out.prepare()
