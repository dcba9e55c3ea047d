"""The ledger over PostgreSQL: one round trip to post, one to look, and never longer than allowed.

What must hold is kept by the database (migrations/0001_ledger.sql); this module calls it and says
whether a failed post may have taken effect.
"""

import logging
import math
import select
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Self, TypeVar

import psycopg
from psycopg import Connection
from psycopg.abc import PQGen
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests
from pydantic import TypeAdapter

from payment_dr.adapters.certificates import tls_parameters
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.payments.journal import Booking
from payment_dr.payments.ports import Posted, ReplicaView

_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")

BOOKINGS: Final = TypeAdapter(tuple[Booking, ...])
"""Its JSON is what `ledger.book` reads: the fields' names are the contract."""

_POST: Final = "SELECT ledger.book(%s, %s, %s)"

_VIEW: Final = """
SELECT s.epoch, s.site, pg_is_in_recovery(), ARRAY(
    SELECT event_id::text FROM ledger.event WHERE event_id = ANY (%s::uuid[]))
FROM (VALUES (1)) AS one_row LEFT JOIN ledger.stamp s ON true
"""
# One statement reads one snapshot at any isolation level, without the round trips of a
# transaction. The recovery state is asked after the snapshot was taken, so "in recovery" was true
# of it as well: a cluster never goes back into recovery.

_ENDED_BY_SERVER: Final = ("08", "57P")
_UNSURPRISING: Final = ("25", "40", "53", "55", "57", "58")
"""SQLSTATE classes of a server that is busy, full, starting, stopping or a replica."""

_WAITING_MAX: Final = 100

_REFUSED: Final = ("password authentication failed", "PAM authentication failed")
"""What a server says to a wrong password, and Aurora to a token that it does not take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerLogin:
    """Where a ledger is and how to log in; read anew for each new connection."""

    host: str
    port: int
    user: str
    password: str
    tls: bool

    def __repr__(self) -> str:
        return f"LedgerLogin({self.user}@{self.host}:{self.port})"

    def parameters(self, database: str = "ledger") -> dict[str, Any]:
        """Where to, as whom, and how it is known to be the right server: for psycopg."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "dbname": database,
            **tls_parameters(tls=self.tls),
        }


class DeadlineConnection(Connection[tuple[Any, ...]]):
    """A connection of which no wait outlasts `deadline` (`time.monotonic` seconds).

    The server's own limits do not help against a server that is frozen, or a network that
    swallows the answer.
    """

    deadline: float = math.inf

    def wait(self, gen: PQGen[_T], interval: float = 0.1, timeout: float | None = None) -> _T:
        """Drive one exchange with the server; psycopg calls this for every one of them."""
        left = max(self.deadline - time.monotonic(), 0.0)
        return super().wait(gen, interval, left if timeout is None else min(left, timeout))


def is_refusal(error: psycopg.Error) -> bool:
    """Whether the server refused the statement itself; a connection that was cut leaves doubt."""
    state = error.sqlstate or ""
    return bool(state) and not state.startswith(_ENDED_BY_SERVER)


def is_password_refusal(error: psycopg.OperationalError) -> bool:
    """Whether the server refused the password, or the token, of a login.

    libpq tells no SQLSTATE of a login that failed, only the server's words.
    """
    return any(words in str(error) for words in _REFUSED)


def log_in(
    connect: Callable[[LedgerLogin], _T],
    login: Callable[[], LedgerLogin],
    doubt: Callable[[], None],
) -> _T:
    """Connect; a password that is refused is doubted and read anew, once.

    Raises:
        psycopg.OperationalError: it failed, or was refused twice.
    """
    try:
        return connect(login())
    except psycopg.OperationalError as error:
        if not is_password_refusal(error):
            raise
    doubt()
    return connect(login())


class PostgresLedger:
    """`payments.ports.Ledger`; safe to share between threads.

    Args:
        login: where to; asked for each new connection, so a rotated password is picked up.
        timeout_s: longest time of one call, waiting for a connection included.
        connections: upper bound of the pool; one is kept open.
        doubt: called when the password was refused, before `login` is asked once more: it has
            whatever keeps the password forget it.
    """

    def __init__(
        self,
        login: Callable[[], LedgerLogin],
        *,
        timeout_s: float,
        connections: int,
        doubt: Callable[[], None] = lambda: None,
    ) -> None:
        self._timeout_s = timeout_s
        self._pool = ConnectionPool(
            connection_class=_logging_in(login, doubt, timeout_s),
            min_size=1,
            max_size=connections,
            max_waiting=_WAITING_MAX,
            # A failed connection is not tried again behind the scenes, where the pool would wait
            # longer each time, but by the next call that needs it.
            reconnect_timeout=0,
            num_workers=1,
            open=True,
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def post(self, bookings: Sequence[Booking], stamp: Stamp) -> Posted:
        """Insert the absent bookings in one transaction.

        FENCED, and nothing is written, when the stamp is another or the database is a replica.
        """
        arguments = (stamp.epoch, stamp.site, BOOKINGS.dump_json(tuple(bookings)).decode())
        with self._connection("posting to the ledger", writes=True) as connection:
            try:
                row = connection.execute(_POST, arguments).fetchone()
            except psycopg.errors.ReadOnlySqlTransaction:
                return Posted.FENCED
        return Posted.DONE if row == (True,) else Posted.FENCED

    def view(self, operation_ids: Sequence[str]) -> ReplicaView:
        """Bookings, stamp and recovery state read in one snapshot."""
        with self._connection("reading the ledger", writes=False) as connection:
            row: Any = connection.execute(_VIEW, (list(operation_ids),)).fetchone()
        epoch, site, in_recovery, present = row
        return ReplicaView(
            present=frozenset(present),
            stamp=None
            if epoch is None
            else Stamp(epoch=Epoch(epoch), site=None if site is None else SiteName(site)),
            in_recovery=in_recovery,
        )

    @contextmanager
    def _connection(self, what: str, *, writes: bool) -> Generator[DeadlineConnection]:
        """A live connection with a deadline; psycopg's errors become UnavailableError."""
        deadline = time.monotonic() + self._timeout_s
        try:
            connection = self._checked_out(deadline)
        except (PoolTimeout, PoolClosed, TooManyRequests) as error:
            raise UnavailableError(f"{what}: no connection, {error}") from error
        try:
            yield connection
        except psycopg.Error as error:
            _raise(what, error, writes=writes)
        finally:
            if connection.pgconn.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                connection.close()
            connection.deadline = math.inf
            self._pool.putconn(connection)

    def _checked_out(self, deadline: float) -> DeadlineConnection:
        """Take a connection, passing over those that the server has closed meanwhile.

        It ends: each turn drops a connection, and none is added for us after the deadline.
        """
        while True:
            connection = self._pool.getconn(max(deadline - time.monotonic(), 0.0))
            if _alive(connection):
                connection.deadline = deadline
                return connection
            connection.close()
            self._pool.putconn(connection)


def _logging_in(
    login: Callable[[], LedgerLogin], doubt: Callable[[], None], timeout_s: float
) -> type[DeadlineConnection]:
    """What a pool makes its connections by."""

    class LoggedIn(DeadlineConnection):
        @classmethod
        def connect(cls, conninfo: str = "", **_options: Any) -> Self:
            connect = super().connect
            return log_in(
                lambda place: connect(conninfo, **_parameters(place, timeout_s)), login, doubt
            )

    return LoggedIn


def _parameters(login: LedgerLogin, timeout_s: float) -> dict[str, Any]:
    # The server gives up first: then it is known that nothing took effect.
    limit_ms = max(int(timeout_s * 800), 1)
    return {
        **login.parameters(),
        "application_name": "payment-dr",
        "connect_timeout": 2,
        "tcp_user_timeout": limit_ms,
        "keepalives_idle": 5,
        "keepalives_interval": 1,
        "keepalives_count": 3,
        "options": f"-c statement_timeout={limit_ms}",
        "autocommit": True,
        # The plans worth keeping are those inside the function, which the server keeps itself.
        "prepare_threshold": None,
    }


def _alive(connection: DeadlineConnection) -> bool:
    """Whether the server has kept quiet on an idle connection: it speaks unasked only to end it."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


def _raise(what: str, error: psycopg.Error, *, writes: bool) -> NoReturn:
    """Definite when the server refused the statement itself; a cut connection leaves doubt."""
    refused = is_refusal(error)
    if refused and not (error.sqlstate or "").startswith(_UNSURPRISING):
        _LOG.error("%s: refused with SQLSTATE %s: %s", what, error.sqlstate, error)
    raise UnavailableError(f"{what}: {error}", definite=refused or not writes) from error
