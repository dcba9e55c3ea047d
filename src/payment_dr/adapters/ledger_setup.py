"""From an empty cluster to a ledger: database, roles, rights, passwords, schema, first stamp.

Each part may be repeated by anyone at any time: what is there stays, what is missing is made. It
needs no superuser, since Aurora has none: only a first user that may make roles and databases
and hand on `pg_monitor`, as Aurora's `rds_superuser` may.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import Connection, sql

from payment_dr.adapters.ledger_roles import ADMIN_USERS, APP_USERS, make_roles
from payment_dr.adapters.migrations import migrate
from payment_dr.adapters.postgres import LedgerLogin, is_password_refusal
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.stamp import Stamp

DATABASE: Final = "ledger"
_FIRST_DATABASE: Final = "postgres"
_LOCK: Final = 0x7061_7964_73  # any number that nothing else locks
_CONNECT_S: Final = 5
_STATEMENT_S: Final = 120

# The application only ever comes in by functions of the ledger; the administrator migrates.
_RIGHTS: Final = """
REVOKE ALL ON DATABASE ledger FROM PUBLIC;
GRANT CONNECT ON DATABASE ledger TO payment_app;
GRANT CONNECT, CREATE ON DATABASE ledger TO payment_admin;
GRANT pg_monitor TO payment_admin;
"""
_FIRST_STAMP: Final = "UPDATE ledger.stamp SET epoch = %s, site = %s WHERE epoch = 0"
"""Of a ledger that has none: migrations leave (0, NULL)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerUser:
    """A user and the password that it is to have."""

    name: str
    password: str = field(repr=False)


Connect = Callable[[str], Connection[Any]]
"""A new connection of the cluster's first user to the database of that name, in autocommit."""


def prepare_database(
    connect: Connect, users: Iterable[LedgerUser], *, tokens: bool = False
) -> bool:
    """The empty database, its roles and their rights; and the passwords of some of the users.

    Args:
        connect: as the first user.
        users: whose passwords are set.
        tokens: as in `ledger_roles.make_roles`.

    Returns:
        Whether the database is new.

    Raises:
        PaymentDrError: the cluster is a replica, or a user is none of the ledger's.
        psycopg.Error: the server refused something, or did not answer.
    """
    with connect(_FIRST_DATABASE) as connection:
        _require_writer(connection)
        # Until the connection ends; creating a database allows no transaction around it.
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
        is_new = found.fetchone() is None
        if is_new:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        with connect(DATABASE) as ledger:
            make_roles(ledger, tokens=tokens)
            ledger.execute(_RIGHTS.encode())
            for user in users:
                _set_password(ledger, user)
    return is_new


def stamp_first(connection: Connection[Any], stamp: Stamp) -> bool:
    """Stamp a ledger that never had a stamp; whether that was so."""
    return connection.execute(_FIRST_STAMP, (stamp.epoch, stamp.site)).rowcount == 1


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerSetup:
    """A set-up of the cluster that these logins reach.

    Attributes:
        master: the cluster's first user.
        admin: who migrates; it is given this password.
        app: of the handlers; it is given this password.
        master_by_token: the first user with a token instead of a password, where the payment API
            logs in by one; else None. Who makes a user is a member of it since PostgreSQL 16, so
            the first user may be one of `rds_iam` once `payment_api` is, and then Aurora takes no
            password from it.
    """

    master: LedgerLogin
    admin: LedgerLogin
    app: LedgerUser
    master_by_token: Callable[[], LedgerLogin] | None = None

    def prepare(self) -> bool:
        """Database, roles and passwords; whether the database is new.

        Raises:
            PaymentDrError: a password is refused, the cluster is a replica or refuses something.
            UnavailableError: it did not answer.
        """
        admin = LedgerUser(name=self.admin.user, password=self.admin.password)
        with _errors("preparing the ledger"):
            return prepare_database(
                self._as_master, (self.app, admin), tokens=self.master_by_token is not None
            )

    def migrate(self) -> tuple[str, ...]:
        """The schema, as the administrator; names of the migrations applied.

        Raises:
            PaymentDrError: as `prepare`, or a migration has changed.
            UnavailableError: it did not answer.
        """
        with _errors("migrating the ledger"), _connected(self.admin, DATABASE) as connection:
            return migrate(connection)

    def stamp(self, stamp: Stamp) -> bool:
        """The first stamp; False if there is one.

        Raises:
            PaymentDrError: as `prepare`.
            UnavailableError: it did not answer.
        """
        with _errors("stamping the ledger"), _connected(self.admin, DATABASE) as connection:
            return stamp_first(connection, stamp)

    def _as_master(self, database: str) -> Connection[Any]:
        """By the password; where that is refused and there are tokens, by one of these."""
        try:
            return _connected(self.master, database)
        except psycopg.OperationalError as error:
            if self.master_by_token is None or not is_password_refusal(error):
                raise
        return _connected(self.master_by_token(), database)


def _require_writer(connection: Connection[Any]) -> None:
    if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
        raise PaymentDrError(
            "this site's ledger is a replica, and takes nothing but what its writer has",
            remedy="set the ledger up at the site that is the writer; it replicates from there",
        )


def _set_password(connection: Connection[Any], user: LedgerUser) -> None:
    """By its verifier, so that no password can get into the server's logs."""
    if user.name not in (*APP_USERS, *ADMIN_USERS):
        raise PaymentDrError(
            f"user {user.name} is none of the ledger's, {', '.join((*APP_USERS, *ADMIN_USERS))}",
            remedy="correct the username in the secret",
        )
    verifier = connection.pgconn.encrypt_password(
        user.password.encode(), user.name.encode(), b"scram-sha-256"
    ).decode()
    change = sql.SQL("ALTER ROLE {} PASSWORD {}")
    connection.execute(change.format(sql.Identifier(user.name), sql.Literal(verifier)))


def _connected(login: LedgerLogin, database: str) -> Connection[Any]:
    parameters: dict[str, Any] = {
        **login.parameters(database),
        "application_name": "payment-dr-initialise",
        "connect_timeout": _CONNECT_S,
        "options": f"-c statement_timeout={_STATEMENT_S * 1000}",
        "autocommit": True,
        "prepare_threshold": None,
    }
    return psycopg.connect(**parameters)


@contextmanager
def _errors(what: str) -> Generator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        if is_password_refusal(error):
            raise PaymentDrError(
                f"{what}: {error}",
                remedy="compare the secret with the password that the cluster was made with",
            ) from error
        raise UnavailableError(f"{what}: {error}", definite=False) from error
    except psycopg.Error as error:
        raise PaymentDrError(f"{what}: {error}", remedy="see the server's log") from error
