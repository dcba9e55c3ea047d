"""The payments table's adapter against the lab's strongly consistent table."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from fakes.aws import EAST, WEST, WITNESS, CloudUnderTest
from fakes.loop_thread import LoopThread
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.dynamodb import DynamoPaymentsTable
from payment_dr.core.errors import UnavailableError
from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.lab.aws.regions import RegionState
from payment_dr.payments.ports import Succeeded
from payment_dr.payments.record import Record, shard_of
from payment_dr.payments.requests import PayRequest
from payment_dr.payments.transitions import Author, claim, confirmed, decided, taken_over

pytestmark = pytest.mark.lab

AUTHOR = Author(owner="east/1", site=SiteName("east"), epoch=Epoch(1), now=1000.125, lease_s=15)


@pytest.fixture(name="cloud", scope="module")
def cloud_fixture() -> Iterator[CloudUnderTest]:
    with LoopThread() as loop:
        cloud = CloudUnderTest(loop, majority_delay_ms=1)
        yield cloud
        cloud.close()


@pytest.fixture(name="table")
def table_fixture(cloud: CloudUnderTest) -> Iterator[DynamoPaymentsTable]:
    yield table_at(cloud, EAST)
    for region in (EAST, WEST, WITNESS):
        cloud.change(region, RegionState.UP)


def table_at(cloud: CloudUnderTest, region: str) -> DynamoPaymentsTable:
    client = cloud.client("dynamodb", region, read_timeout=2)
    return DynamoPaymentsTable(client, cloud.table, clock=SystemClock(), deadline_s=2)


def pending() -> Record:
    request = PayRequest(
        merchant="shop",
        idempotency_key=str(uuid.uuid4()),
        money=Money(minor_units=1250, currency="EUR"),
        capture=True,
        payment_method="pm_card_visa",
    )
    return claim(request, AUTHOR)


def captured(table: DynamoPaymentsTable) -> Record:
    record = pending()
    assert table.put_if_absent(record) is None
    final = decided(record, Succeeded(reference="pi_1"), 1001.5)
    assert table.replace(final, based_on=1)
    return final


def test_a_claim_is_read_back_as_it_was_written_in_both_regions(
    cloud: CloudUnderTest, table: DynamoPaymentsTable
) -> None:
    record = pending()
    assert table.put_if_absent(record) is None
    assert table.get(record.payment_id) == record
    assert table_at(cloud, WEST).get(record.payment_id) == record


def test_a_second_claim_gets_the_record_of_the_first(table: DynamoPaymentsTable) -> None:
    record = pending()
    table.put_if_absent(record)
    assert table.put_if_absent(replace(record, site=SiteName("west"))) == record


def test_an_unknown_payment_is_none(table: DynamoPaymentsTable) -> None:
    assert table.get(str(uuid.uuid4())) is None


def test_a_write_based_on_a_stale_version_changes_nothing(table: DynamoPaymentsTable) -> None:
    final = captured(table)
    assert not table.replace(taken_over(pending(), AUTHOR), based_on=1)
    assert not table.replace(replace(final, version=3), based_on=1)
    assert table.get(final.payment_id) == final


def test_of_many_writers_in_both_regions_one_wins_each_version(cloud: CloudUnderTest) -> None:
    east, west = table_at(cloud, EAST), table_at(cloud, WEST)
    record = pending()
    east.put_if_absent(record)
    takers = [replace(taken_over(record, AUTHOR), merchant=f"shop-{i}") for i in range(8)]
    with ThreadPoolExecutor(8) as threads:
        writes = [
            threads.submit((east if i % 2 else west).replace, taker, based_on=1)
            for i, taker in enumerate(takers)
        ]
        won = [taker for taker, write in zip(takers, writes, strict=True) if write.result(20)]
    assert len(won) == 1
    assert east.get(record.payment_id) == won[0]


def test_many_records_are_read_at_once_and_missing_ones_left_out(
    table: DynamoPaymentsTable,
) -> None:
    made = [pending() for _ in range(120)]
    with ThreadPoolExecutor(8) as threads:
        assert not any(threads.map(table.put_if_absent, made))
    ids = [record.payment_id for record in made]
    found = table.get_many([*ids, str(uuid.uuid4())])
    assert sorted(record.payment_id for record in found) == sorted(ids)


def test_open_operations_leave_their_index_when_they_are_decided(
    table: DynamoPaymentsTable,
) -> None:
    record = pending()
    shard = shard_of(record.payment_id)
    table.put_if_absent(record)
    assert record.payment_id in open_ids(table, shard)
    table.replace(decided(record, Succeeded(reference="pi_1"), 1001.5), based_on=1)
    assert record.payment_id not in open_ids(table, shard)


def open_ids(table: DynamoPaymentsTable, shard: int) -> tuple[str, ...]:
    return table.open_operations(shard, cursor=None, limit=1000).payment_ids


def test_unconfirmed_records_are_paged_once_each_until_they_are_confirmed(
    table: DynamoPaymentsTable,
) -> None:
    made = {final.payment_id: final for final in (captured(table) for _ in range(12))}
    found = [payment for shard in range(4) for payment in paged(table, shard)]
    assert made.keys() <= set(found)
    assert len(set(found)) == len(found)
    final = made.popitem()[1]
    assert table.replace(confirmed(final, 1002.0), based_on=final.version)
    assert final.payment_id not in paged(table, shard_of(final.payment_id))


def paged(table: DynamoPaymentsTable, shard: int) -> list[str]:
    found: list[str] = []
    cursor = None
    for _ in range(200):
        page = table.unconfirmed(shard, cursor=cursor, limit=2)
        found += page.payment_ids
        cursor = page.cursor
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


def test_a_scan_gives_every_payment_and_nothing_else(table: DynamoPaymentsTable) -> None:
    final = captured(table)
    records = list(table.records())
    assert final in records
    assert all(record.operations for record in records)


def test_an_isolated_region_refuses_reads_and_leaves_doubt_about_writes(
    cloud: CloudUnderTest, table: DynamoPaymentsTable
) -> None:
    record = pending()
    table.put_if_absent(record)
    cloud.change(EAST, RegionState.ISOLATED)
    with pytest.raises(UnavailableError) as caught:
        table.get(record.payment_id)
    assert caught.value.definite
    with pytest.raises(UnavailableError) as caught:
        table.put_if_absent(pending())
    assert not caught.value.definite
    assert table_at(cloud, WEST).get(record.payment_id) == record


def test_a_region_that_refuses_connections_certainly_did_nothing(
    cloud: CloudUnderTest,
) -> None:
    cloud.change(EAST, RegionState.DOWN)
    with pytest.raises(UnavailableError) as caught:
        table_at(cloud, EAST).put_if_absent(pending())
    cloud.change(EAST, RegionState.UP)
    assert caught.value.definite
