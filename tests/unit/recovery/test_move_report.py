"""What a move's report says, of moves that ran over the world in memory."""

from dataclasses import replace

import pytest

from fakes.faults import Crash, Fault
from fakes.operating import item
from fakes.recovery_world import (
    EAST,
    SETTINGS,
    WEST,
    WITH_APPROVAL,
    FakeWorld,
    to_east,
    to_west,
    world_for,
)
from payment_dr.core.settings import FailoverSettings, StepBudgets
from payment_dr.core.stamp import SiteName
from payment_dr.recovery.control import Approval, MoveKind
from payment_dr.recovery.documents import (
    MOVE_EVIDENCE,
    READINESS_EVIDENCE,
    READINESS_NAME,
    ReadinessEvidence,
)
from payment_dr.recovery.evidence_chain import Kept, Problem, report_name, verify
from payment_dr.recovery.filing import run_evidence
from payment_dr.recovery.move_report import (
    MOVE_REPORT,
    ChainPlace,
    CheckVerdict,
    MoveEnd,
    MoveReport,
)
from payment_dr.recovery.ports import Transition, TransitionEvent
from payment_dr.recovery.readiness_judges import ItemState
from payment_dr.recovery.reporting import Findings, Outline, build_report
from payment_dr.recovery.runner import Completed, resume, start


def reports(fake: FakeWorld) -> list[MoveReport]:
    return [MOVE_REPORT.validate_json(body) for _, body in sorted(fake.reports.items())]


def kept(fake: FakeWorld) -> Kept:
    return Kept(
        reports={report_name(number): body for number, body in fake.reports.items()},
        documents=fake.documents,
    )


def problems(fake: FakeWorld) -> tuple[Problem, ...]:
    return verify(kept(fake))[1]


def ran(kind: MoveKind, settings: FailoverSettings = SETTINGS) -> tuple[FakeWorld, MoveReport]:
    fake = world_for(kind)
    assert isinstance(start(fake.ports(), to_west(kind), settings), Completed)
    (report,) = reports(fake)
    return fake, report


def deficiencies(report: MoveReport) -> dict[str, str]:
    return {one.name: one.says for one in report.deficiencies}


def test_a_failovers_report_names_payments_money_and_every_check_with_its_witness() -> None:
    fake, report = ran(MoveKind.FAILOVER)
    assert report.end is MoveEnd.COMPLETED
    assert (report.scope.source, report.scope.target, report.scope.ran_at) == (EAST, WEST, WEST)
    assert report.data.lost_payments == 0
    assert report.data.unconfirmed == ("p0", "p1", "p2", "p3", "p4", "p5")
    assert report.data.posted == ("p2", "p3", "p4", "p5")
    assert report.data.money == {"EUR": 414}
    assert [check.name for check in report.checks] == [
        "open-move",
        "route",
        "promote",
        "reconcile",
        "open-ledger",
        "verify",
        "within-budgets",
    ]
    assert {check.verdict for check in report.checks} == {CheckVerdict.PASS}
    assert "saw 6 unconfirmed" in report.checks[3].witness
    assert [one.met for one in report.objectives] == [True, True, True]
    assert list(deficiencies(report)) == ["readiness"]
    assert [name.split("-")[0] for name in report.attachments] == ["reconciliation"]
    assert report.steps[-1].seconds is None, "the report is written before its step is done"
    assert not problems(fake)


def test_the_run_log_names_the_reports_sha256_so_that_the_table_bears_witness() -> None:
    fake, _ = ran(MoveKind.FAILOVER)
    sealed = MOVE_EVIDENCE.validate_json(fake.documents["m1", "move.json"]).report
    assert sealed is not None
    assert (sealed.site, sealed.number) == (WEST, 1)
    assert fake.logs["m1"][-1].detail == f"report 1 of west, SHA-256 {sealed.sha256}"


def test_a_planned_move_is_timed_from_the_pause_of_posting() -> None:
    _, report = ran(MoveKind.SWITCHOVER)
    assert report.objectives[1].says == "from the pause of posting"
    assert report.objectives[1].measured is not None
    assert report.data.posted == ()


def test_readiness_overrides_and_approvals_are_in_the_report() -> None:
    fake = world_for(MoveKind.FAILOVER)
    items = (item("keys"), item("quotas", ItemState.UNKNOWN), item("secrets", ItemState.FAILED))
    evidence = ReadinessEvidence(
        move_id="m1", by="ada", at=1.0, items=items, overrides=("secrets",)
    )
    body = READINESS_EVIDENCE.dump_json(evidence).decode()
    fake.documents["m1", READINESS_NAME] = body
    start(fake.ports(), to_west(MoveKind.FAILOVER, overrides=("secrets",)), WITH_APPROVAL)
    move = fake.control.move
    assert move is not None
    approved = replace(move, approvals=(Approval(by="eve", at=7.0),))
    fake.control = replace(fake.control, move=approved)
    assert isinstance(resume(fake.ports(), fake.control, WITH_APPROVAL, by="bob"), Completed)
    (report,) = reports(fake)
    found = deficiencies(report)
    assert set(found) == {"secrets", "quotas"}
    assert [one.says for one in report.deficiencies if one.name == "secrets"] == [
        "overridden by ada: a test",
        "readiness failed: evidence of secrets",
    ]
    assert found["quotas"] == "readiness unknown: evidence of quotas"
    assert report.checks[-1].witness == "eve at 7"
    assert READINESS_NAME in report.attachments


def findings(*lines: tuple[str, TransitionEvent, float]) -> Findings:
    """A failover of which the run log tells no more than that."""
    fake, report = ran(MoveKind.FAILOVER)
    began = report.move.started_at
    return Findings(
        about=fake.ports().about(),
        settings=WITH_APPROVAL,
        move=report.move,
        stamp=report.stamp,
        replaced_by=None,
        run_log=tuple(
            Transition(
                move_id="m1", step=step, event=event, detail="", by="ada", at=began + seconds
            )
            for step, event, seconds in lines
        ),
        documents={},
        outline=(
            Outline(name="route", reads_back="the answer", budget_s=10),
            Outline(name="open-ledger", reads_back="the control record", budget_s=10),
            Outline(name="evidence", reads_back="the document", budget_s=10),
        ),
    )


PLACE = ChainPlace(site=WEST, number=1, previous_sha256=None)


def test_what_the_run_log_does_not_tell_is_unknown_and_a_deficiency() -> None:
    report = build_report(findings(), PLACE, by="ada", now=1.0)
    verdicts = {check.name: check.verdict for check in report.checks}
    assert verdicts == {
        "route": CheckVerdict.UNKNOWN,
        "open-ledger": CheckVerdict.UNKNOWN,
        "within-budgets": CheckVerdict.PASS,
        "approved": CheckVerdict.UNKNOWN,
    }
    assert report.data.lost_payments is None
    found = deficiencies(report)
    assert found["acknowledged payments lost"] == "not measured, promised 0"
    assert found["reconciliation"].startswith("no document")
    assert found["approved"].startswith("unknown")


def test_a_step_over_its_budget_and_a_missed_objective_are_told() -> None:
    done = TransitionEvent.DONE
    slow = findings(
        ("route", TransitionEvent.BEGAN, 0.0),
        ("route", TransitionEvent.FAILED, 10.0),
        ("route", done, 61.0),
        ("open-ledger", done, 62.0),
    )
    report = build_report(slow, PLACE, by="ada", now=1.0)
    within = next(check for check in report.checks if check.name == "within-budgets")
    assert (within.verdict, within.witness) == (CheckVerdict.FAIL, "route 61.0 s of 10 s")
    found = deficiencies(report)
    assert found["clients are sent to the target"] == "61.00 s, promised 60"
    assert found["route"].startswith("failed once")


def test_a_superseded_and_an_aborted_move_leave_a_document_and_a_report_too() -> None:
    fake = FakeWorld()
    first = to_west(MoveKind.SWITCHOVER, "m1")
    promote = SETTINGS.model_copy(update={"budgets": StepBudgets(promote_s=1)})
    fake.promoting = never
    start(fake.ports(), first, promote)
    fake.promoting = fake.promote_now
    second = to_east(MoveKind.FAILOVER, "m2", by="bob", reason="abort of m1", supersedes="m1")
    fake.ledgers[EAST].writable = True
    assert isinstance(start(fake.ports(), second, SETTINGS), Completed)

    left, own = reports(fake)
    assert (left.end, left.move.move_id, left.chain.number) == (MoveEnd.SUPERSEDED, "m1", 1)
    assert left.replaced_by == "m2 by bob: abort of m1"
    assert left.data.lost_payments is None
    assert left.stamp.epoch + 1 == own.stamp.epoch
    assert "superseded" in deficiencies(left)
    assert any("failed once" in one.says for one in left.deficiencies)
    sealed = MOVE_EVIDENCE.validate_json(fake.documents["m1", "superseded.json"])
    assert sealed.move.kind is MoveKind.SWITCHOVER
    assert own.move.replaced == left.move
    assert not problems(fake)


def never(_: SiteName) -> None:
    """A promotion that the platform never carries out."""


def twice_replaced() -> FakeWorld:
    """Two failovers that could not promote, one in the place of the other."""
    fake = world_for(MoveKind.FAILOVER)
    fake.promoting = never
    short = SETTINGS.model_copy(update={"budgets": StepBudgets(promote_s=1)})
    start(fake.ports(), to_west(MoveKind.FAILOVER, "m1"), short)
    start(fake.ports(), to_west(MoveKind.FAILOVER, "m2", supersedes="m1"), short)
    fake.promoting = fake.promote_now
    return fake


def test_each_move_that_was_replaced_in_turn_is_reported_once_oldest_first() -> None:
    third = to_west(MoveKind.FAILOVER, "m3", supersedes="m2")
    twin = twice_replaced()
    before = len(twin.names)
    start(twin.ports(), third, SETTINGS)
    puts = [n for n, name in enumerate(twin.names[before:], 1) if name == "evidence.put"]
    assert len(puts) == 4, "a reconciliation, two that were replaced, and the move itself"
    # The runner dies between the documents of the two, and is started again.
    fake = twice_replaced()
    with pytest.raises(Crash), fake.disturbed(faults={puts[2]: Fault.CRASH_BEFORE}):
        start(fake.ports(), third, SETTINGS)
    assert ("m1", "superseded.json") in fake.documents
    assert ("m2", "superseded.json") not in fake.documents
    assert isinstance(resume(fake.ports(), fake.control, SETTINGS, by="bob"), Completed)
    assert [report.move.move_id for report in reports(fake)] == ["m1", "m2", "m3"]
    assert not problems(fake)


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_REQUEST])
def test_a_report_whose_filing_is_in_doubt_is_filed_once(fault: Fault) -> None:
    twin = world_for(MoveKind.FAILOVER)
    start(twin.ports(), to_west(MoveKind.FAILOVER), SETTINGS)
    fake = world_for(MoveKind.FAILOVER)
    number = twin.names.index("evidence.file_report") + 1
    with fake.disturbed(faults={number: fault}):
        assert isinstance(start(fake.ports(), to_west(MoveKind.FAILOVER), SETTINGS), Completed)
    assert len(fake.reports) == 1
    assert not problems(fake)


def test_the_plan_files_the_evidence_with_this_very_step() -> None:
    assert run_evidence.__module__ == "payment_dr.recovery.filing"
