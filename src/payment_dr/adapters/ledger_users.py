"""What a rotation does to a ledger: set another user's password, and try a login."""

from collections.abc import Mapping
from enum import Enum, auto, unique
from typing import Any, Final

import psycopg
from psycopg import sql

from payment_dr.adapters.ledger_roles import ADMIN_USERS, APP_USERS
from payment_dr.adapters.postgres import LedgerLogin, is_password_refusal
from payment_dr.core.errors import PaymentDrError, UnavailableError

_SET_PASSWORD: Final = "SELECT ledger_logins.set_password(%s, %s)"  # noqa: S105 - a statement
_ALGORITHM: Final = b"scram-sha-256"
_NAME: Final = "payment-dr-rotation"
_CONNECT_S: Final = 3
_STATEMENT_S: Final = 5

_APP_RIGHTS: Final = """
SELECT has_function_privilege('ledger.book(bigint, text, jsonb)', 'EXECUTE')
    AND has_table_privilege('ledger.stamp', 'SELECT')
    AND has_table_privilege('ledger.journal_entry', 'SELECT')
"""
_ADMIN_RIGHTS: Final = """
SELECT has_table_privilege('ledger.stamp', 'UPDATE')
    AND has_function_privilege('ledger_logins.set_password(text, text)', 'EXECUTE')
"""
_RIGHTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(APP_USERS, _APP_RIGHTS),
    **dict.fromkeys(ADMIN_USERS, _ADMIN_RIGHTS),
}


@unique
class Login(Enum):
    """What became of trying a login."""

    WORKS = auto()
    REFUSED = auto()
    NO_ANSWER = auto()


class PostgresLedgerUsers:
    """Each call makes one connection of its own and closes it."""

    def try_login(self, login: LedgerLogin) -> Login:
        """Log in, and look whether the user may do what it is for.

        REFUSED is the password's; a server that cannot be reached or asked gives NO_ANSWER.

        Raises:
            PaymentDrError: the user came in and lacks rights.
        """
        try:
            with connected(login, _NAME) as connection:
                row: Any = connection.execute(_RIGHTS[login.user].encode()).fetchone()
        except psycopg.OperationalError as error:
            return Login.REFUSED if is_password_refusal(error) else Login.NO_ANSWER
        except psycopg.Error as error:
            raise PaymentDrError(
                f"user {login.user} of the ledger cannot look for its rights: {error}",
                remedy="make the roles again: invoke the function `initialise`",
            ) from error
        if row != (True,):
            raise PaymentDrError(
                f"user {login.user} of the ledger lacks rights that its twin has",
                remedy="make the roles again: invoke the function `initialise`",
            )
        return Login.WORKS

    def set_password(self, admin: LedgerLogin, user: str, password: str) -> None:
        """Set another user's password; doing it again with the same one changes nothing.

        Raises:
            UnavailableError: the ledger did not answer.
            PaymentDrError: it is a replica, or refuses.
        """
        what = f"setting the password of {user}"
        try:
            with connected(admin, _NAME) as connection:
                verifier = connection.pgconn.encrypt_password(
                    password.encode(), user.encode(), _ALGORITHM
                ).decode()
                connection.execute(sql.SQL(_SET_PASSWORD), (user, verifier))
        except psycopg.errors.ReadOnlySqlTransaction as error:
            raise PaymentDrError(
                f"{what}: this site's ledger is a replica, which takes no passwords",
                remedy="rotate at the site that is the writer",
            ) from error
        except psycopg.OperationalError as error:
            raise UnavailableError(f"{what}: {error}", definite=False) from error
        except psycopg.Error as error:
            raise PaymentDrError(
                f"{what}: {error}",
                remedy="make the roles again: invoke the function `initialise`",
            ) from error


def connected(
    login: LedgerLogin, name: str, *, statement_s: int = _STATEMENT_S
) -> psycopg.Connection[Any]:
    """A new connection that commits each statement; the caller closes it.

    Args:
        login: where to and as whom.
        name: what the server lists the connection as.
        statement_s: longest time of one statement.
    """
    parameters: dict[str, Any] = {
        **login.parameters(),
        "application_name": name,
        "connect_timeout": _CONNECT_S,
        "tcp_user_timeout": statement_s * 1000,
        "options": f"-c statement_timeout={statement_s * 1000}",
        "autocommit": True,
        "prepare_threshold": None,
    }
    return psycopg.connect(**parameters)
