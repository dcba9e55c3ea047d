"""Reading a ledger as a whole: a restored one, every row of it, and the live one beside it."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import Connection

from payment_dr.adapters.postgres import is_refusal
from payment_dr.checks.backup_source import (
    AppliedMigration,
    Leg,
    RestoredEntry,
    UnreadableBackupError,
)
from payment_dr.core.errors import UnavailableError

_MIGRATIONS: Final = """
SELECT version, digest, extract(epoch FROM applied_at)::float8
FROM ledger.schema_version ORDER BY version
"""

# A full join: a posting whose entry is gone is an entry without a payment. Grouping reads both
# tables whole, page by page.
_ENTRIES: Final = """
SELECT entry_id::text, coalesce(e.payment_id::text, ''), coalesce(e.kind, ''),
    coalesce(e.currency, ''), coalesce(extract(epoch FROM e.occurred_at), 0)::float8,
    coalesce(extract(epoch FROM e.posted_at), 0)::float8,
    coalesce(array_agg(p.account ORDER BY p.leg) FILTER (WHERE p.leg IS NOT NULL), '{}'),
    coalesce(array_agg(p.minor_units ORDER BY p.leg) FILTER (WHERE p.leg IS NOT NULL), '{}'),
    coalesce(array_agg(p.currency ORDER BY p.leg) FILTER (WHERE p.leg IS NOT NULL), '{}')
FROM ledger.journal_entry e FULL JOIN ledger.posting p USING (entry_id)
GROUP BY entry_id, e.payment_id, e.kind, e.currency, e.occurred_at, e.posted_at
"""

# What no claim is about must be readable too.
_REST: Final = """
SELECT (SELECT count(hashtext(body::text)) FROM ledger.event), (SELECT count(*) FROM ledger.stamp),
    (SELECT sum(hashtext(p::text)) FROM ledger.payment p),
    (SELECT sum(hashtext(b::text)) FROM ledger.balance b)
"""
_ROWS: Final = 5_000


class PostgresRestoredLedger:
    """`checks.backup_source.RestoredLedger`."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def migrations(self) -> tuple[AppliedMigration, ...]:
        """Its schema, oldest first."""
        with _readable():
            return _migrations(self._connection)

    def entries(self) -> Iterator[RestoredEntry]:
        """Every entry once, in any order; at the end, everything else is read as well."""
        with _readable():
            with (
                self._connection.transaction(),
                self._connection.cursor(name="restored_entries") as cursor,
            ):
                cursor.itersize = _ROWS
                cursor.execute(_ENTRIES)
                yield from (_entry(row) for row in cursor)
            self._connection.execute(_REST)


class PostgresLiveLedger:
    """`checks.backup_source.LiveLedger`."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def migrations(self) -> tuple[AppliedMigration, ...]:
        """Its schema, oldest first."""
        with _live():
            return _migrations(self._connection)

    def posted_until(self, at: float) -> int:
        """Entries posted until then."""
        with _live():
            row: Any = self._connection.execute(
                "SELECT count(*) FROM ledger.journal_entry WHERE posted_at <= to_timestamp(%s)",
                (at,),
            ).fetchone()
        return int(row[0])

    def posted_at(self, entry_ids: Sequence[str]) -> Mapping[str, float]:
        """When each was posted; those that are not there are left out."""
        with _live():
            rows = self._connection.execute(
                "SELECT entry_id::text, extract(epoch FROM posted_at)::float8 "
                "FROM ledger.journal_entry WHERE entry_id = ANY (%s::uuid[])",
                (list(entry_ids),),
            ).fetchall()
        return dict(rows)


def _migrations(connection: Connection[Any]) -> tuple[AppliedMigration, ...]:
    rows = connection.execute(_MIGRATIONS).fetchall()
    return tuple(
        AppliedMigration(version=version, digest=digest, at=at) for version, digest, at in rows
    )


def _entry(row: Any) -> RestoredEntry:
    entry_id, payment_id, kind, currency, occurred_at, posted_at, *legs = row
    return RestoredEntry(
        entry_id=entry_id,
        payment_id=payment_id,
        kind=kind,
        currency=currency,
        occurred_at=occurred_at,
        posted_at=posted_at,
        legs=tuple(Leg(*leg) for leg in zip(*legs, strict=True)),
    )


@contextmanager
def _readable() -> Generator[None]:
    """Tell a backup that is at fault from a server that does not answer."""
    try:
        yield
    except psycopg.Error as error:
        if not is_refusal(error):
            raise UnavailableError(f"reading the restored ledger: {error}") from error
        raise UnreadableBackupError(
            f"the restored ledger cannot be read, SQLSTATE {error.sqlstate}: {error}",
            remedy="restore another backup at once, and see whether the live ledger reads well",
        ) from error


@contextmanager
def _live() -> Generator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise UnavailableError(f"reading the live ledger: {error}") from error
