"""Verifying backups in passes: killed anywhere, each is verified once more or less and deleted."""

import logging
from typing import Any

import pytest

from fakes.backups import NOW
from fakes.restoring import DAY_S, RestoringWorld
from fakes.scene import AUTHORISE, Scene
from payment_dr.checks.backup_source import (
    BackupKind,
    Restoration,
    RestorePoint,
    RestoreStage,
    UnreadableBackupError,
)
from payment_dr.checks.verdict import Verdict
from payment_dr.core.errors import UnavailableError
from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.functions.backup_pass import LIMIT_S, SETTLING_S, expected_entries
from payment_dr.payments.record import Operation, OperationKind, OperationState, Record

CALLS_OF_A_DAY = 14


def verdicts(world: RestoringWorld) -> dict[BackupKind, Verdict]:
    return {one.point.kind: one.verdict for one in world.filed}


def reason(world: RestoringWorld) -> str:
    first = world.filed[0].claims[0].first
    assert first is not None
    return first.detail


def test_a_day_verifies_the_snapshot_and_then_a_point_in_time_and_leaves_nothing() -> None:
    world = RestoringWorld()
    world.day()
    assert verdicts(world) == dict.fromkeys(BackupKind, Verdict.PASS)
    assert [one.point.kind for one in world.filed] == list(BackupKind)
    assert not world.existing
    assert world.calls == CALLS_OF_A_DAY
    assert world.one_pass() == ("all of 2023-11-14 is verified",)


def test_the_time_of_the_restore_and_the_age_of_the_newest_entry_are_measured() -> None:
    world = RestoringWorld(passes=3)
    world.day()
    snapshot = world.filed[0]
    assert snapshot.restore_s == 4 * 300
    assert snapshot.newest_age_s == world.filed[0].point.at - (NOW - 7_199)
    assert snapshot.entries == 40


@pytest.mark.parametrize("call", range(CALLS_OF_A_DAY))
def test_killed_before_any_call_a_day_comes_to_the_same_end(call: int) -> None:
    world = RestoringWorld(dies_before=call)
    world.day()
    assert verdicts(world) == dict.fromkeys(BackupKind, Verdict.PASS)
    assert len(world.filed) == 2
    assert not world.existing


def test_the_point_in_time_lies_in_the_window_and_after_the_schema_was_made() -> None:
    world = RestoringWorld()
    world.day()
    (point,) = (one.point for one in world.begun if one.point.kind is BackupKind.POINT_IN_TIME)
    began = next(one.started_at for one in world.begun if one.point is point)
    first = began - 35 * DAY_S + SETTLING_S
    assert point.at == pytest.approx((first + began - 300) / 2)


def test_without_a_snapshot_the_verdict_is_a_failure() -> None:
    world = RestoringWorld()
    world.snapshot = None
    world.day()
    assert verdicts(world) == {
        BackupKind.SNAPSHOT: Verdict.FAIL,
        BackupKind.POINT_IN_TIME: Verdict.PASS,
    }
    assert reason(world) == "there is no snapshot to restore"


def test_a_restore_that_fails_is_a_failure_with_the_platforms_word_and_is_deleted() -> None:
    world = RestoringWorld()
    world.fate = RestoreStage.FAILED
    world.day()
    assert verdicts(world) == dict.fromkeys(BackupKind, Verdict.FAIL)
    assert "broken disk" in reason(world)
    assert not world.existing


def test_a_restore_without_a_verdict_in_time_is_a_failure_and_is_deleted() -> None:
    world = RestoringWorld(passes=1000)
    world.one_pass()
    world.clock.advance(LIMIT_S)
    world.one_pass()
    assert "no verdict within" in reason(world)
    world.one_pass()
    assert not world.existing


def test_a_backup_that_cannot_be_read_is_a_failure() -> None:
    world = RestoringWorld()
    world.broken = UnreadableBackupError("invalid page in block 3")
    world.day()
    assert verdicts(world) == dict.fromkeys(BackupKind, Verdict.FAIL)
    assert reason(world) == "invalid page in block 3"
    assert world.filed[0].restore_s is None


def test_a_planted_fault_is_a_failure_and_everything_is_deleted_all_the_same() -> None:
    world = RestoringWorld()
    del world.books.restored[7]
    world.day()
    assert verdicts(world)[BackupKind.SNAPSHOT] is Verdict.FAIL
    assert not world.existing


def test_what_does_not_answer_is_no_verdict_and_asked_again() -> None:
    world = RestoringWorld(passes=1)
    world.one_pass()
    world.one_pass()
    world.broken = UnavailableError("down")
    with pytest.raises(UnavailableError):
        world.one_pass()
    assert not world.filed
    world.broken = None
    world.day()
    assert verdicts(world) == dict.fromkeys(BackupKind, Verdict.PASS)


def leftover(world: RestoringWorld, run: str, stage: RestoreStage) -> None:
    world.existing["leftover"] = Restoration(
        name="leftover",
        run=run,
        point=RestorePoint(kind=BackupKind.SNAPSHOT, at=0.0),
        started_at=0.0,
        stage=stage,
    )


@pytest.mark.parametrize("stage", list(RestoreStage))
def test_a_leftover_that_belongs_to_no_run_is_deleted_whatever_it_is(stage: RestoreStage) -> None:
    world = RestoringWorld()
    leftover(world, "", stage)
    world.day()
    assert not world.existing
    assert len(world.filed) == 2


def test_a_leftover_of_an_earlier_day_is_a_failure_of_that_day_and_deleted() -> None:
    world = RestoringWorld()
    leftover(world, "2023-11-01", RestoreStage.UNDER_WAY)
    world.day()
    assert world.filed[0].run == "2023-11-01"
    assert world.filed[0].verdict is Verdict.FAIL
    assert not world.existing


def test_what_somebody_deletes_meanwhile_is_restored_again() -> None:
    world = RestoringWorld()
    leftover(world, "2023-11-14", RestoreStage.LEAVING)
    assert world.one_pass() == ("leftover, restored for 2023-11-14: is being deleted",)
    world.day()
    assert verdicts(world) == dict.fromkeys(BackupKind, Verdict.PASS)


def test_each_verdict_is_published_with_what_was_measured(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "payment_dr")
    world = RestoringWorld()
    world.day()
    fields: dict[str, Any] = vars(caplog.records[0])["fields"]
    assert fields["BackupVerified"] == 1
    assert fields["BackupRestoreSeconds"] == 900
    assert fields["BackupNewestEntryAgeSeconds"] > 0
    units = {one["Name"]: one["Unit"] for one in fields["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert units == {
        "BackupVerified": "Count",
        "BackupRestoreSeconds": "Seconds",
        "BackupNewestEntryAgeSeconds": "Seconds",
    }
    world.snapshot = None
    world.clock.advance(DAY_S)
    caplog.clear()
    world.one_pass()
    failed: dict[str, Any] = vars(caplog.records[0])["fields"]
    assert failed["BackupVerified"] == 0
    assert "BackupRestoreSeconds" not in failed


def operation(kind: OperationKind, amount: int) -> Operation:
    return Operation(
        operation_id=f"operation-{kind}",
        kind=kind,
        idempotency_key=kind.value,
        fingerprint="f",
        amount_minor=amount,
        capture=True,
        payment_method=None,
        state=OperationState.SUCCEEDED,
        provider_reference="r",
        decline_code=None,
        response=None,
        started_at=10.0,
        decided_at=11.0,
    )


def test_a_record_implies_an_entry_for_each_movement_of_money() -> None:
    record = Record(
        payment_id="p",
        merchant="shop",
        money=Money(minor_units=500, currency="EUR"),
        operations=(operation(OperationKind.CHARGE, 500), operation(OperationKind.REFUND, 200)),
        version=1,
        lease=None,
        unconfirmed=None,
        epoch=Epoch(1),
        site=SiteName("east"),
        created_at=10.0,
        updated_at=11.0,
    )
    assert [(one.kind, one.amount, one.occurred_at) for one in expected_entries([record])] == [
        ("charge", 500, 11.0),
        ("refund", -200, 11.0),
    ]


def test_a_payment_that_moved_no_money_is_expected_nowhere() -> None:
    assert not list(expected_entries([Scene().paid(AUTHORISE)]))
