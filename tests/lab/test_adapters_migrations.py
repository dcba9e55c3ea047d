"""Migrations against a real PostgreSQL: repeatable, alone, whole or not at all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from fakes.postgres_pair import PostgresPair, postgres_pair
from payment_dr.adapters.migrations import Migration, migrate, migrations
from payment_dr.core.errors import PaymentDrError

pytestmark = pytest.mark.lab

BROKEN = "CREATE TABLE ledger.half (a int); SELECT no_such_function()"
EXTRA = Migration(version=9000, name="extra", sql="CREATE TABLE ledger.extra (a int)")


@pytest.fixture(name="servers", scope="module")
def servers_fixture() -> Iterator[PostgresPair]:
    with postgres_pair() as pair:
        with pair.ledgers.connect("east") as admin:
            migrate(admin)
        yield pair


@pytest.fixture(name="admin")
def admin_fixture(servers: PostgresPair) -> Iterator[psycopg.Connection[Any]]:
    """The ledger as this code's own migrations leave it."""
    with servers.ledgers.connect("east") as connection:
        connection.execute("DROP TABLE IF EXISTS ledger.extra")
        connection.execute("DELETE FROM ledger.schema_version WHERE version > 8999")
        connection.commit()
        yield connection


def has(connection: psycopg.Connection[Any], table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone()
    return row == (True,)


def test_migrations_are_numbered_without_gaps_from_one() -> None:
    versions = [migration.version for migration in migrations()]
    assert versions == list(range(1, len(versions) + 1))


def test_a_migrated_ledger_is_left_as_it_is(admin: psycopg.Connection[Any]) -> None:
    assert not migrate(admin)
    assert has(admin, "ledger.journal_entry")


def test_only_what_is_missing_is_applied_and_named(admin: psycopg.Connection[Any]) -> None:
    assert migrate(admin, (*migrations(), EXTRA)) == ("9000_extra",)
    assert has(admin, "ledger.extra")
    assert not migrate(admin, (*migrations(), EXTRA))


def test_two_runs_at_once_apply_each_migration_once(
    servers: PostgresPair, admin: psycopg.Connection[Any]
) -> None:
    def run() -> tuple[str, ...]:
        with servers.ledgers.connect("east") as connection:
            return migrate(connection, (*migrations(), EXTRA))

    with ThreadPoolExecutor(4) as threads:
        applied = [threads.submit(run) for _ in range(4)]
        assert sorted(len(run.result(20)) for run in applied) == [0, 0, 0, 1]
    assert has(admin, "ledger.extra")


def test_a_migration_that_fails_leaves_nothing_behind(admin: psycopg.Connection[Any]) -> None:
    broken = replace(EXTRA, version=9001, sql=BROKEN)
    with pytest.raises(psycopg.errors.UndefinedFunction):
        migrate(admin, (*migrations(), EXTRA, broken))
    assert not has(admin, "ledger.half")
    assert not has(admin, "ledger.extra")


def test_a_migration_that_changed_after_it_was_applied_is_refused(
    admin: psycopg.Connection[Any],
) -> None:
    first, *rest = migrations()
    changed = replace(first, sql=first.sql + "-- harmless")
    with pytest.raises(PaymentDrError, match="0001_ledger changed after it was applied"):
        migrate(admin, (changed, *rest))


def test_a_ledger_newer_than_the_code_is_refused(admin: psycopg.Connection[Any]) -> None:
    migrate(admin, (*migrations(), EXTRA))
    with pytest.raises(PaymentDrError, match="9000, which this code does not know"):
        migrate(admin)
