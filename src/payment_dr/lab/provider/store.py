"""What the provider did, in SQLite, so that it survives its own SIGKILL.

WAL with synchronous=NORMAL: a commit is a write into the page cache, which a killed process
leaves behind intact. Only the machine's own crash could lose the last commits, and then the whole
lab is gone; FULL would buy that case with an fsync per charge.
"""

import json
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from payment_dr.checks.evidence import ProviderRow
from payment_dr.lab.provider.answers import Answer, Json

_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS intent (
  id TEXT PRIMARY KEY, payment_id TEXT, operation_id TEXT, body TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS intent_payment ON intent (payment_id);
CREATE INDEX IF NOT EXISTS intent_operation ON intent (operation_id);
CREATE TABLE IF NOT EXISTS refund (
  seq INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, intent TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS refund_intent ON refund (intent);
CREATE TABLE IF NOT EXISTS answer (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS effect (seq INTEGER PRIMARY KEY, row BLOB NOT NULL);
"""
SEARCHABLE: Final = {
    "payment_id": "SELECT body FROM intent WHERE payment_id = ? LIMIT ?",
    "operation_id": "SELECT body FROM intent WHERE operation_id = ? LIMIT ?",
    # Asked for by people only, so it has no index to keep.
    "request_id": (
        "SELECT body FROM intent WHERE json_extract(body, '$.metadata.request_id') = ? LIMIT ?"
    ),
}
"""Metadata by which intents are found."""


class Store:
    """One connection, used by one thread."""

    def __init__(self, path: Path) -> None:
        self._sql = sqlite3.connect(path, isolation_level=None)
        self._sql.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._sql.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing of what is saved inside, also when the process is killed."""
        self._sql.execute("BEGIN IMMEDIATE")
        with self._sql:
            yield

    def answer(self, key: str) -> tuple[str, Answer] | None:
        """The fingerprint and the answer of the first request with an idempotency key."""
        row = self._row("SELECT fingerprint, status, body FROM answer WHERE key = ?", key)
        if row is None:
            return None
        fingerprint, status, body = row
        return fingerprint, Answer(status=status, body=json.loads(body))

    def save_answer(self, key: str, fingerprint: str, answer: Answer) -> None:
        """Keep the answer to a key's first request."""
        self._sql.execute(
            "INSERT INTO answer VALUES (?, ?, ?, ?)",
            (key, fingerprint, answer.status, json.dumps(answer.body)),
        )

    def intent(self, identifier: str) -> Json | None:
        """A payment intent."""
        return self._object("SELECT body FROM intent WHERE id = ?", identifier)

    def intents(self, name: str, value: str, limit: int) -> list[Json]:
        """The payment intents with a value of `SEARCHABLE` metadata."""
        return [json.loads(body) for (body,) in self._sql.execute(SEARCHABLE[name], (value, limit))]

    def save_intent(self, intent: Json) -> None:
        """Insert or replace a payment intent."""
        metadata = intent["metadata"]
        self._sql.execute(
            "INSERT OR REPLACE INTO intent VALUES (?, ?, ?, ?)",
            (
                intent["id"],
                metadata.get("payment_id"),
                metadata.get("operation_id"),
                json.dumps(intent),
            ),
        )

    def refund(self, identifier: str) -> Json | None:
        """A refund."""
        return self._object("SELECT body FROM refund WHERE id = ?", identifier)

    def refunds(self, intent: str) -> list[Json]:
        """All refunds of a payment intent, newest first."""
        query = "SELECT body FROM refund WHERE intent = ? ORDER BY seq DESC"
        return [json.loads(body) for (body,) in self._sql.execute(query, (intent,))]

    def save_refund(self, refund: Json) -> None:
        """Insert a refund."""
        self._sql.execute(
            "INSERT INTO refund (id, intent, body) VALUES (?, ?, ?)",
            (refund["id"], refund["payment_intent"], json.dumps(refund)),
        )

    def save_effect(self, row: ProviderRow) -> None:
        """Add to what really happened."""
        self._sql.execute("INSERT INTO effect (row) VALUES (?)", (msgspec.json.encode(row),))

    def effects(self) -> Iterator[bytes]:
        """Everything that really happened, in order, as JSON of a `ProviderRow`."""
        for (row,) in self._sql.execute("SELECT row FROM effect ORDER BY seq"):
            yield row

    def _object(self, query: str, identifier: str) -> Json | None:
        row = self._row(query, identifier)
        if row is None:
            return None
        found: Json = json.loads(row[0])
        return found

    def _row(self, query: str, value: str) -> Any:
        return self._sql.execute(query, (value,)).fetchone()
