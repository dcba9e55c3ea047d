"""The usual design's payments in a real PostgreSQL: claims, decisions with entries, replicas."""

import secrets
import uuid
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import psycopg
import pytest

from payment_dr.adapters.migrations import migrate as migrate_ledger
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.core.errors import UnavailableError
from payment_dr.core.money import Money
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.lab.addresses import LOOPBACK, claim_addresses
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.ledger_first import payments
from payment_dr.lab.ledger_first.payments import PostgresPayments
from payment_dr.lab.ledgers import Ledgers
from payment_dr.lab.postgres import APP, LedgerPasswords, PostgresHost
from payment_dr.lab.postgres_binaries import find_postgres
from payment_dr.lab.processes import Launcher
from payment_dr.payments.ports import Succeeded
from payment_dr.payments.record import OperationKind, Record, shard_of
from payment_dr.payments.requests import OperationRequest, PayRequest
from payment_dr.payments.transitions import Author, claim, decided, with_operation

pytestmark = pytest.mark.lab

SETTINGS = Settings.model_validate(
    {
        "home": "east",
        "witness_region": "us-east-2",
        "sites": [
            {"name": "east", "region": "us-east-1", "cidr": "10.0.0.0/16"},
            {"name": "west", "region": "us-west-2", "cidr": "10.1.0.0/16"},
        ],
    }
)
AUTHOR = Author(owner="test/1", site=SiteName("east"), epoch=Epoch(1), now=1000.0, lease_s=15.0)


@pytest.fixture(scope="module", name="servers")
def running_servers() -> Iterator[tuple[Ledgers, dict[str, int]]]:
    directory = LabDirectory.create()
    launcher = Launcher(directory)
    claimed = claim_addresses(SETTINGS, Random())
    try:
        host = PostgresHost(
            binaries=find_postgres(directory.postgres),
            launcher=launcher,
            passwords=LedgerPasswords(owner="o", admin="a", app="p"),
        )
        host.binaries.give(directory.postgres)
        ledgers = Ledgers(SETTINGS, claimed.addresses, place=directory.postgres, host=host)
        ledgers.create_writer()
        with ledgers.connect("east") as admin:
            migrate_ledger(admin)
            payments.migrate(admin)
        yield ledgers, dict(claimed.addresses.postgres_port)
    finally:
        launcher.close()
        claimed.release()
        directory.remove()


@pytest.fixture(name="admin")
def open_ledger(servers: tuple[Ledgers, dict[str, int]]) -> Iterator[psycopg.Connection[Any]]:
    with servers[0].connect("east") as connection:
        connection.execute("UPDATE ledger.stamp SET epoch = 1, site = 'east' WHERE site IS NULL")
        connection.commit()
        yield connection


@pytest.fixture(name="table")
def open_table(
    servers: tuple[Ledgers, dict[str, int]], admin: psycopg.Connection[Any]
) -> Iterator[PostgresPayments]:
    del admin
    opened = connect(servers[1]["east"])
    yield opened
    opened.close()


def connect(port: int) -> PostgresPayments:
    return PostgresPayments(
        lambda: LedgerLogin(host=LOOPBACK, port=port, user=APP, password="p", tls=False),
        timeout_s=2.0,
        connections=4,
    )


def pending(key: str | None = None) -> Record:
    return claim(
        PayRequest(
            merchant="shop",
            idempotency_key=key or secrets.token_hex(8),
            money=Money(minor_units=1250, currency="EUR"),
            capture=True,
            payment_method="pm_card_visa",
        ),
        AUTHOR,
    )


def captured(table: PostgresPayments) -> Record:
    record = pending()
    assert table.put_if_absent(record) is None
    final = decided(record, Succeeded(reference="pi_1"), 1001.0)
    assert table.replace(final, based_on=1)
    return replace(final, unconfirmed=None)


def entries(admin: psycopg.Connection[Any], record: Record) -> list[tuple[str, int]]:
    return admin.execute(
        "SELECT kind, minor_units::int FROM ledger.journal_entry JOIN ledger.posting "
        "USING (entry_id) WHERE payment_id = %s ORDER BY posted_at, leg",
        (record.payment_id,),
    ).fetchall()


def test_a_claimed_key_is_read_back_as_it_was_written(table: PostgresPayments) -> None:
    record = pending()
    assert table.put_if_absent(record) is None
    assert table.get(record.payment_id) == record


def test_a_second_claim_of_a_key_gets_the_first_one(table: PostgresPayments) -> None:
    first, second = pending("key"), replace(pending("key"), created_at=2000.0)
    assert table.put_if_absent(first) is None
    assert table.put_if_absent(second) == first


def test_a_decision_and_its_balanced_entry_are_written_together(
    table: PostgresPayments, admin: psycopg.Connection[Any]
) -> None:
    final = captured(table)
    assert table.get(final.payment_id) == final
    assert entries(admin, final) == [("charge", 1250), ("charge", -1250)]


def test_a_refund_is_posted_with_its_decision_and_the_charge_not_again(
    table: PostgresPayments, admin: psycopg.Connection[Any]
) -> None:
    paid = captured(table)
    refund = OperationRequest(
        merchant="shop",
        payment_id=paid.payment_id,
        idempotency_key="refund",
        kind=OperationKind.REFUND,
        amount_minor=250,
    )
    claimed = with_operation(paid, refund, AUTHOR)
    assert table.replace(claimed, based_on=2)
    assert len(entries(admin, paid)) == 2
    assert table.replace(decided(claimed, Succeeded(reference="re_1"), 1002.0), based_on=3)
    assert entries(admin, paid)[2:] == [("refund", 250), ("refund", -250)]


def test_a_decision_based_on_another_version_changes_nothing(
    table: PostgresPayments, admin: psycopg.Connection[Any]
) -> None:
    record = pending()
    table.put_if_absent(record)
    final = decided(record, Succeeded(reference="pi_1"), 1001.0)
    assert not table.replace(final, based_on=7)
    assert table.get(record.payment_id) == record
    assert entries(admin, record) == []


def test_a_decision_without_a_ledger_to_post_to_is_refused_as_a_whole(
    table: PostgresPayments, admin: psycopg.Connection[Any]
) -> None:
    record = pending()
    table.put_if_absent(record)
    admin.execute("UPDATE ledger.stamp SET site = NULL")
    admin.commit()
    with pytest.raises(UnavailableError) as caught:
        table.replace(decided(record, Succeeded(reference="pi_1"), 1001.0), based_on=1)
    assert caught.value.definite
    assert table.get(record.payment_id) == record


def test_open_operations_are_paged_by_shard_and_end_with_the_decision(
    table: PostgresPayments,
) -> None:
    waiting = [pending() for _ in range(12)]
    for record in waiting:
        table.put_if_absent(record)
    captured(table)
    found: list[str] = []
    for shard in range(4):
        cursor = None
        for _ in range(40):
            page = table.open_operations(shard, cursor=cursor, limit=2)
            assert all(shard_of(payment_id) == shard for payment_id in page.payment_ids)
            found += page.payment_ids
            cursor = page.cursor
            if cursor is None:
                break
    assert {record.payment_id for record in waiting} <= set(found)
    assert len(set(found)) == len(found)
    assert all(record.pending for record in table.get_many(found))


def test_nothing_is_ever_unconfirmed(table: PostgresPayments) -> None:
    final = captured(table)
    stored = table.get(final.payment_id)
    assert stored is not None
    assert stored.unconfirmed is None
    page = table.unconfirmed(shard_of(final.payment_id), cursor=None, limit=10)
    assert (page.payment_ids, page.cursor) == ((), None)


def test_an_unknown_payment_is_none(table: PostgresPayments) -> None:
    assert table.get(str(uuid.uuid4())) is None


def test_evidence_lists_every_payment_once_in_the_order_of_ids(
    table: PostgresPayments, admin: psycopg.Connection[Any]
) -> None:
    made = {final.payment_id: final for final in (captured(table) for _ in range(3))}
    listed = [record.payment_id for record in payments.records(admin)]
    assert listed == sorted(set(listed))
    assert made.items() <= {r.payment_id: r for r in payments.records(admin)}.items()


def test_a_replica_reads_what_has_arrived_and_refuses_claims_for_certain(
    servers: tuple[Ledgers, dict[str, int]], table: PostgresPayments
) -> None:
    ledgers, ports = servers
    final = captured(table)
    ledgers.create_standby()
    replica = connect(ports["west"])
    try:
        assert replica.get(final.payment_id) == final
        with pytest.raises(UnavailableError) as caught:
            replica.put_if_absent(pending())
        assert caught.value.definite
    finally:
        replica.close()
