"""SQL that a move needs on a ledger: look at it, and write its stamp.

One connection per site is kept, for a move should not begin by logging in. Every call ends within
`timeout_s`, connecting aside, also if the server's region is gone.
"""

import math
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Final

import psycopg

from payment_dr.adapters.certificates import tls_parameters
from payment_dr.adapters.postgres import DeadlineConnection, LedgerLogin
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.recovery.ports import LedgerView

_VIEW: Final = """
SELECT s.epoch, s.site, NOT pg_is_in_recovery(), coalesce(w.status = 'streaming', false),
    CASE WHEN w.status = 'streaming'
        THEN greatest(pg_wal_lsn_diff(w.latest_end_lsn, pg_last_wal_replay_lsn()), 0) END
FROM (VALUES (1)) AS one_row
    LEFT JOIN ledger.stamp s ON true
    LEFT JOIN pg_stat_wal_receiver w ON true
"""

# Only forward: a higher epoch, or a site where the epoch had none yet. The update waits for the
# postings in flight, which hold the stamp's lock, so what it commits comes after all of them.
_STAMP: Final = """
UPDATE ledger.stamp SET epoch = %(epoch)s, site = %(site)s::text
WHERE epoch < %(epoch)s OR (epoch = %(epoch)s AND site IS NULL AND %(site)s::text IS NOT NULL)
"""

_CONNECT_S: Final = 2


class PostgresLedgerAdmin:
    """`recovery.ports.LedgerPlane`; safe to share between threads, one call at a time.

    Args:
        logins: how to log in as administrator, by site; asked for each new connection.
        timeout_s: longest time of one statement.
    """

    def __init__(
        self, logins: Mapping[SiteName, Callable[[], LedgerLogin]], *, timeout_s: float
    ) -> None:
        self._logins = logins
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._kept: dict[SiteName, DeadlineConnection] = {}

    def view(self, site: SiteName) -> LedgerView:
        """Stamp, writability and how it receives, in one snapshot."""
        row: Any = self._ask(site, "looking at", _VIEW, {}, writes=False).fetchone()
        epoch, stamped, writable, receiving, lag_bytes = row
        return LedgerView(
            stamp=None if epoch is None else Stamp(epoch=Epoch(epoch), site=stamped),
            writable=writable,
            receiving=receiving,
            lag_bytes=None if lag_bytes is None else int(lag_bytes),
        )

    def stamp(self, site: SiteName, stamp: Stamp) -> None:
        """Write the stamp if it is newer."""
        values = {"epoch": stamp.epoch, "site": stamp.site}
        self._ask(site, "stamping", _STAMP, values, writes=True)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for connection in self._kept.values():
                connection.close()
            self._kept.clear()

    def _ask(
        self, site: SiteName, what: str, sql: Any, values: Mapping[str, object], *, writes: bool
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        with self._lock:
            sent = False
            try:
                connection = self._connection(site)
                connection.deadline = time.monotonic() + self._timeout_s
                sent = True
                cursor = connection.execute(sql, values)
            except psycopg.Error as error:
                self._drop(site)
                raise UnavailableError(
                    f"{what} the ledger of {site}: {error}",
                    definite=not (writes and sent) or _refused(error),
                ) from error
            connection.deadline = math.inf
            return cursor

    def _connection(self, site: SiteName) -> DeadlineConnection:
        kept = self._kept.get(site)
        if kept is None or kept.closed:
            login = self._logins[site]()
            parameters: dict[str, Any] = {
                "host": login.host,
                "port": login.port,
                "user": login.user,
                "password": login.password,
                "dbname": "ledger",
                **tls_parameters(tls=login.tls),
                "application_name": "payment-dr-move",
                "connect_timeout": _CONNECT_S,
                "keepalives_idle": 5,
                "keepalives_interval": 1,
                "keepalives_count": 3,
                "autocommit": True,
                "prepare_threshold": None,
            }
            kept = DeadlineConnection.connect(**parameters)
            self._kept[site] = kept
        return kept

    def _drop(self, site: SiteName) -> None:
        """After an error the next call logs in anew."""
        kept = self._kept.pop(site, None)
        if kept is not None:
            kept.close()


def _refused(error: psycopg.Error) -> bool:
    """The server refused the statement itself; a connection that it or the network cut may not."""
    state = error.sqlstate or ""
    return bool(state) and not state.startswith(("08", "57P"))
