"""The ports of a move against the lab's cloud: what other sites see, and what an outage leaves."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fakes.aws import EAST, WEST, WITNESS, CloudUnderTest
from fakes.loop_thread import LoopThread
from fakes.operating import DEED
from payment_dr.adapters.audit_log import DynamoAuditLog
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.control_table import TRANSITIONS_MAX, DynamoControlTable
from payment_dr.adapters.dynamodb import DynamoPaymentsTable
from payment_dr.adapters.evidence_store import S3EvidenceStore
from payment_dr.adapters.rds_cluster import RdsGlobalCluster
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.lab.aws.cloud import Outage
from payment_dr.lab.aws.rds import WriterMove
from payment_dr.lab.aws.regions import RegionState
from payment_dr.recovery.audit import record
from payment_dr.recovery.control import ControlRecord, MoveKind
from payment_dr.recovery.moves import MoveRequest, opened, settled
from payment_dr.recovery.ports import Heartbeat, Transition, TransitionEvent

pytestmark = pytest.mark.lab

AT_EAST, AT_WEST = SiteName("east"), SiteName("west")


@pytest.fixture(name="cloud")
def cloud_fixture() -> Iterator[CloudUnderTest]:
    with LoopThread() as loop:
        cloud = CloudUnderTest(loop, majority_delay_ms=1)
        yield cloud
        for region in (EAST, WEST, WITNESS):
            cloud.change(region, RegionState.UP)
        cloud.close()


def control_at(cloud: CloudUnderTest, region: str) -> DynamoControlTable:
    return DynamoControlTable(cloud.client("dynamodb", region, read_timeout=2), cloud.table)


def moved(control: ControlRecord, move_id: str) -> ControlRecord:
    request = MoveRequest(
        move_id=move_id,
        kind=MoveKind.FAILOVER,
        source=AT_EAST,
        target=AT_WEST,
        by="ada",
        reason="a test",
    )
    return opened(control, request, step="open-move", now=time.time())


def line(number: int) -> Transition:
    return Transition(
        move_id="m1",
        step="route",
        event=TransitionEvent.BEGAN,
        detail=f"line {number}",
        by="ada",
        at=float(number),
    )


def test_of_two_sites_that_open_a_move_at_once_one_wins(cloud: CloudUnderTest) -> None:
    east, west = control_at(cloud, EAST), control_at(cloud, WEST)
    control = east.read()
    mine, theirs = moved(control, "m1"), moved(control, "m2")
    assert settled(west, mine, based_on=control.version)
    assert not settled(east, theirs, based_on=control.version)
    assert east.read() == mine


def test_a_site_without_the_majority_can_neither_read_nor_move(cloud: CloudUnderTest) -> None:
    east, west = control_at(cloud, EAST), control_at(cloud, WEST)
    control = east.read()
    cloud.change(EAST, RegionState.ISOLATED)
    with pytest.raises(UnavailableError):
        east.read()
    with pytest.raises(UnavailableError) as caught:
        east.compare_and_set(moved(control, "m1"), based_on=control.version)
    assert not caught.value.definite
    assert settled(west, moved(control, "m2"), based_on=control.version)


def test_the_run_log_keeps_its_order_and_its_bound(cloud: CloudUnderTest) -> None:
    control = control_at(cloud, WEST)
    control.log((line(0), line(1)))
    control.log((line(2),))
    assert control_at(cloud, EAST).run_log("m1") == (line(0), line(1), line(2))
    control.log(tuple(line(number) for number in range(3, TRANSITIONS_MAX)))
    control.log((line(TRANSITIONS_MAX),))
    assert len(control.run_log("m1")) == TRANSITIONS_MAX


def test_a_heartbeat_is_read_at_the_other_site(cloud: CloudUnderTest) -> None:
    east, west = control_at(cloud, EAST), control_at(cloud, WEST)
    assert west.heartbeat(AT_EAST) is None
    beat = Heartbeat(site=AT_EAST, beat=1, ledger_failures=0, at=time.time())
    east.beat(beat)
    east.beat(replace(beat, beat=2, ledger_failures=3))
    assert west.heartbeat(AT_EAST) == replace(beat, beat=2, ledger_failures=3)


def cluster_at(cloud: CloudUnderTest, region: str) -> RdsGlobalCluster:
    settings = cloud.settings
    return RdsGlobalCluster(
        cloud.client("rds", region),
        settings.resource("global"),
        {site.region: site.name for site in settings.sites},
    )


def test_a_failover_needs_nothing_of_the_lost_region(cloud: CloudUnderTest) -> None:
    cloud.change(EAST, RegionState.DOWN)
    west = cluster_at(cloud, WEST)
    before = west.describe()
    assert (before.writer, before.available) == (AT_EAST, frozenset({AT_EAST, AT_WEST}))
    west.failover(AT_WEST)
    assert west.describe().writer == AT_WEST
    assert cloud.databases.moves == [(WriterMove.FAILOVER, "west")]


def test_a_switchover_is_refused_without_the_other_region(cloud: CloudUnderTest) -> None:
    west = cluster_at(cloud, WEST)
    cloud.change(EAST, RegionState.DOWN)
    with pytest.raises(UnavailableError) as caught:
        west.switchover(AT_WEST)
    assert caught.value.definite
    cloud.change(EAST, RegionState.UP)
    west.switchover(AT_WEST)
    assert cloud.databases.moves == [(WriterMove.SWITCHOVER, "west")]


def test_evidence_is_stored_found_and_listed(cloud: CloudUnderTest) -> None:
    bucket = cloud.settings.resource("evidence", "west")
    store = S3EvidenceStore(cloud.client("s3", WEST), bucket)
    assert not store.has("m1", "move.json")
    store.put("m1", "move.json", '{"old": 1}')
    store.put("m1", "move.json", '{"new": 1}')
    store.put("m0", "reconciliation-1.json", "{}")
    assert store.has("m1", "move.json")
    assert list(store.documents()) == [
        ("m0", "reconciliation-1.json", "{}"),
        ("m1", "move.json", '{"new": 1}'),
    ]
    assert store.documents_of("m1") == {"move.json": '{"new": 1}'}


def test_reports_and_copies_of_the_audit_log_are_written_once(cloud: CloudUnderTest) -> None:
    bucket = cloud.settings.resource("evidence", "east")
    store = S3EvidenceStore(cloud.client("s3", EAST), bucket)
    assert store.last_report() is None
    assert store.file_report(1, '{"first": 1}')
    assert not store.file_report(1, '{"second": 1}')
    assert store.file_report(2, '{"next": 1}')
    assert store.last_report() == (2, '{"next": 1}')
    assert store.copy_of_audit(1, "{}")
    assert not store.copy_of_audit(1, '{"other": 1}')
    assert [(key, body) for key, body in store.everything() if not key.startswith("moves/")] == [
        ("reports/00000001.json", '{"first": 1}'),
        ("reports/00000002.json", '{"next": 1}'),
        ("audit/00000001.json", "{}"),
    ]


def test_the_audit_log_is_seen_in_both_regions_and_by_no_reader_of_payments(
    cloud: CloudUnderTest,
) -> None:
    east = DynamoAuditLog(cloud.client("dynamodb", EAST), cloud.table)
    west = DynamoAuditLog(cloud.client("dynamodb", WEST), cloud.table)
    assert east.last() == (0, None)
    first = record(east, replace(DEED, entry="a"))
    second = record(west, replace(DEED, entry="b", command="approve"))
    assert second.number == 2
    assert east.entries() == west.entries() == {1: first, 2: second}
    assert not west.append(first)
    table = DynamoPaymentsTable(
        cloud.client("dynamodb", WEST), cloud.table, clock=SystemClock(), deadline_s=1
    )
    assert not list(table.records())


def test_no_call_of_a_move_hangs_on_a_region_that_swallows_everything(
    cloud: CloudUnderTest,
) -> None:
    east = DynamoControlTable(cloud.client("dynamodb", EAST, read_timeout=0.2), cloud.table)
    cloud.change(EAST, RegionState.DOWN, Outage.BLACKHOLE)
    began = time.monotonic()
    with pytest.raises(UnavailableError):
        east.read()
    assert time.monotonic() - began < 2
