"""The ledger's schema as numbered SQL files, applied once each, in order, in one transaction.

`migrate` may be run by anyone at any time: a lock lets one run proceed, and what has been applied
is skipped. A file that changed after it was applied is refused, since two ledgers would differ.
"""

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, cast

from psycopg import Connection
from psycopg.rows import scalar_row

from payment_dr.core.errors import PaymentDrError

_FILE: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LOCK: Final = 0x7061_7964_72  # any number, the same for every run


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """One file: `sql` may hold many statements, none of which ends the transaction."""

    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> tuple[Migration, ...]:
    """Every migration of this package, lowest version first."""
    found = ((entry, _FILE.fullmatch(entry.name)) for entry in files(__name__).iterdir())
    parsed = (
        Migration(version=int(match[1]), name=match[2], sql=entry.read_text(encoding="utf-8"))
        for entry, match in found
        if match
    )
    return tuple(sorted(parsed, key=lambda migration: migration.version))


def migrate(
    connection: Connection[Any], wanted: tuple[Migration, ...] | None = None
) -> tuple[str, ...]:
    """Apply what is missing of `wanted` (default: this package's) and name what was applied.

    Needs a role that may create in the database; commits, or leaves nothing behind.

    Raises:
        PaymentDrError: an applied file has changed, or the ledger is newer than this code.
    """
    todo = migrations() if wanted is None else wanted
    with connection.transaction(), connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        cursor.execute("CREATE SCHEMA IF NOT EXISTS ledger")
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS ledger.schema_version ("
            "version integer PRIMARY KEY, name text NOT NULL, digest text NOT NULL, "
            "applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
        cursor.execute(
            "SELECT coalesce(jsonb_object_agg(version, digest), '{}') FROM ledger.schema_version"
        )
        applied = {int(k): v for k, v in cast("dict[str, str]", cursor.fetchone()).items()}
        _require_same(applied, todo)
        missing = [migration for migration in todo if migration.version not in applied]
        for migration in missing:
            cursor.execute(migration.sql.encode())
            cursor.execute(
                "INSERT INTO ledger.schema_version (version, name, digest) VALUES (%s, %s, %s)",
                (migration.version, migration.name, migration.digest),
            )
    return tuple(f"{migration.version:04d}_{migration.name}" for migration in missing)


def _require_same(applied: dict[int, str], wanted: tuple[Migration, ...]) -> None:
    known = {migration.version: migration for migration in wanted}
    for version, digest in sorted(applied.items()):
        if version not in known:
            raise PaymentDrError(
                f"the ledger has migration {version:04d}, which this code does not know",
                remedy="run the newer version of payment-dr that applied it",
            )
        if known[version].digest != digest:
            raise PaymentDrError(
                f"migration {version:04d}_{known[version].name} changed after it was applied",
                remedy="restore the file and put the change into a new migration",
            )
