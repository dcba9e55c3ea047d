"""Idempotency keys that outlive the process: kept before a request is sent, until it is settled."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from msgspec import Struct

from payment_dr.core.errors import PaymentDrError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS unresolved (
    key TEXT PRIMARY KEY, path TEXT NOT NULL, body BLOB NOT NULL, since REAL NOT NULL)
"""


class Unresolved(Struct, frozen=True, kw_only=True):
    """A request whose outcome is not known yet: what to send again, unchanged.

    `since` is in Unix seconds. A key is worth something for a day: providers forget them then.
    """

    key: str
    path: str
    body: bytes
    since: float


class KeyJournal:
    """A file of requests that are under way; safe to share between threads.

    It holds amounts and the provider's tokens, no card data and no API key.

    Raises:
        PaymentDrError: the file cannot be used.
    """

    def __init__(self, path: str | Path) -> None:
        self._lock = Lock()
        try:
            self._database = sqlite3.connect(
                path, check_same_thread=False, isolation_level=None, timeout=5
            )
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise PaymentDrError(
                f"the key journal {path} cannot be used: {error}",
                remedy="give a path where this process may write",
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def begin(self, request: Unresolved) -> None:
        """Keep a request, durably, before it is sent. The same one may begin again.

        Raises:
            PaymentDrError: another request has that key already.
        """
        with self._using() as database:
            database.execute(
                "INSERT OR IGNORE INTO unresolved VALUES (?, ?, ?, ?)",
                (request.key, request.path, request.body, request.since),
            )
            row = database.execute(
                "SELECT path, body FROM unresolved WHERE key = ?", (request.key,)
            ).fetchone()
        if tuple(row) != (request.path, request.body):
            raise PaymentDrError(
                f"key {request.key!r} belongs to another request that is not settled yet",
                remedy="take a new key for a new operation",
            )

    def settle(self, key: str) -> None:
        """Forget a request: its outcome is known."""
        with self._using() as database:
            database.execute("DELETE FROM unresolved WHERE key = ?", (key,))

    def unresolved(self) -> tuple[Unresolved, ...]:
        """Requests whose outcome is not known, oldest first."""
        with self._using() as database:
            rows = database.execute(
                "SELECT key, path, body, since FROM unresolved ORDER BY since, key"
            ).fetchall()
        return tuple(Unresolved(key=k, path=p, body=b, since=s) for k, p, b, s in rows)

    @contextmanager
    def _using(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._database
            except sqlite3.Error as error:
                raise PaymentDrError(
                    f"the key journal cannot be used: {error}",
                    remedy="nothing was sent; mend the file or its disk, then call again",
                ) from error
