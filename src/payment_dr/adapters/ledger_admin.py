"""SQL that a move needs on a ledger: look at it, and write its stamp.

One connection per site is kept, for a move should not begin by logging in. Every call ends within
`timeout_s`, connecting aside, also if the server's region is gone.

How a replica receives is asked of Aurora where the server is one, and else of PostgreSQL: Aurora
replicates below the database, and there `pg_stat_wal_receiver` is empty.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, TypeVar

import psycopg

from payment_dr.adapters.postgres import DeadlineConnection, LedgerLogin, is_refusal, log_in
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.recovery.ports import LedgerView

_T = TypeVar("_T")

_VIEW: Final = """
SELECT s.epoch, s.site, NOT pg_is_in_recovery(), coalesce(w.status = 'streaming', false),
    CASE WHEN w.status = 'streaming'
        THEN greatest(pg_wal_lsn_diff(w.latest_end_lsn, pg_last_wal_replay_lsn()), 0) END
FROM (VALUES (1)) AS one_row
    LEFT JOIN ledger.stamp s ON true
    LEFT JOIN pg_stat_wal_receiver w ON true
"""

# Source: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora_global_db_status.html
# One row a cluster; the writer's has no lag, and 1970 as the time of its calculation. A replica
# that hears nothing of the writer has no newer calculation either.
_AURORA_VIEW: Final = """
SELECT s.epoch, s.site, NOT pg_is_in_recovery(), g.fresh, CASE WHEN g.fresh THEN g.lag END
FROM (
    SELECT pg_is_in_recovery() AND coalesce(
            max(last_lag_calculation_time) > clock_timestamp() - %(fresh_s)s * interval '1 s',
            false) AS fresh,
        max(highest_lsn_written) - min(highest_lsn_written) AS lag
    FROM aurora_global_db_status()) g
    LEFT JOIN ledger.stamp s ON true
"""
_IS_AURORA: Final = "SELECT to_regproc('aurora_global_db_status') IS NOT NULL"

FRESH_S: Final = 20
"""Age of Aurora's latest calculation of a lag, in seconds, up to which the replica receives."""

REPLICA_KEPT_S: Final = 10.0
"""How long a connection to a replica is kept: promoted, a cluster may write in another instance,
and this one would stay a replica's."""

# Only forward: a higher epoch, or a site where the epoch had none yet. The update waits for the
# postings in flight, which hold the stamp's lock, so what it commits comes after all of them.
_STAMP: Final = """
UPDATE ledger.stamp SET epoch = %(epoch)s, site = %(site)s::text
WHERE epoch < %(epoch)s OR (epoch = %(epoch)s AND site IS NULL AND %(site)s::text IS NOT NULL)
"""

_CONNECT_S: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    """A connection, how to look through it, and since when it is there (monotonic seconds)."""

    connection: DeadlineConnection
    view: str
    since: float


class PostgresLedgerAdmin:
    """`recovery.ports.LedgerPlane`; safe to share between threads, one call at a time.

    Args:
        logins: how to log in as administrator, by site; asked for each new connection.
        timeout_s: longest time of one statement.
        doubt: called when the password was refused, before the login is asked once more.
    """

    def __init__(
        self,
        logins: Mapping[SiteName, Callable[[], LedgerLogin]],
        *,
        timeout_s: float,
        doubt: Callable[[], None] = lambda: None,
    ) -> None:
        self._logins = logins
        self._doubt = doubt
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._kept: dict[SiteName, _Kept] = {}

    def view(self, site: SiteName) -> LedgerView:
        """Stamp, writability and how it receives, in one snapshot."""

        def look(kept: _Kept) -> Any:
            cursor = kept.connection.execute(kept.view.encode(), {"fresh_s": FRESH_S})
            return cursor.fetchone()

        row, since = self._ask(site, "looking at", look, writes=False)
        epoch, stamped, writable, receiving, lag_bytes = row
        if not writable and time.monotonic() - since >= REPLICA_KEPT_S:
            with self._lock:
                self._drop(site)
        return LedgerView(
            stamp=None if epoch is None else Stamp(epoch=Epoch(epoch), site=stamped),
            writable=writable,
            receiving=receiving,
            lag_bytes=None if lag_bytes is None else int(lag_bytes),
        )

    def stamp(self, site: SiteName, stamp: Stamp) -> None:
        """Write the stamp if it is newer."""
        values = {"epoch": stamp.epoch, "site": stamp.site}
        self._ask(
            site, "stamping", lambda kept: kept.connection.execute(_STAMP, values), writes=True
        )

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for kept in self._kept.values():
                kept.connection.close()
            self._kept.clear()

    def _ask(
        self, site: SiteName, what: str, ask: Callable[[_Kept], _T], *, writes: bool
    ) -> tuple[_T, float]:
        """The answer, and since when its connection is there."""
        with self._lock:
            sent = False
            try:
                kept = self._connection(site)
                kept.connection.deadline = time.monotonic() + self._timeout_s
                sent = True
                answer = ask(kept)
            except psycopg.Error as error:
                self._drop(site)
                raise UnavailableError(
                    f"{what} the ledger of {site}: {error}",
                    definite=not (writes and sent) or is_refusal(error),
                ) from error
            kept.connection.deadline = math.inf
            return answer, kept.since

    def _connection(self, site: SiteName) -> _Kept:
        kept = self._kept.get(site)
        if kept is None or kept.connection.closed:
            kept = self._kept[site] = log_in(_connected, self._logins[site], self._doubt)
        return kept

    def _drop(self, site: SiteName) -> None:
        """After an error the next call logs in anew."""
        kept = self._kept.pop(site, None)
        if kept is not None:
            kept.connection.close()


def _connected(login: LedgerLogin) -> _Kept:
    parameters: dict[str, Any] = {
        **login.parameters(),
        "application_name": "payment-dr-move",
        "connect_timeout": _CONNECT_S,
        "keepalives_idle": 5,
        "keepalives_interval": 1,
        "keepalives_count": 3,
        "autocommit": True,
        "prepare_threshold": None,
    }
    connection = DeadlineConnection.connect(**parameters)
    now = time.monotonic()
    connection.deadline = now + _CONNECT_S
    try:
        is_aurora = connection.execute(_IS_AURORA).fetchone() == (True,)
    except psycopg.Error:
        connection.close()
        raise
    return _Kept(connection=connection, view=_AURORA_VIEW if is_aurora else _VIEW, since=now)
