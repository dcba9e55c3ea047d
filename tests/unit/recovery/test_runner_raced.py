"""Two runners, superseded moves, approvals, and promotions that land too late."""

from dataclasses import replace
from functools import partial

import pytest

from fakes.faults import Fault
from fakes.recovery_world import (
    EAST,
    SETTINGS,
    STEADY_AT_EAST,
    WEST,
    WITH_APPROVAL,
    FakeWorld,
    to_east,
    to_west,
    world_for,
)
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.settings import FailoverSettings, StepBudgets
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.recovery.control import MoveKind, Phase
from payment_dr.recovery.documents import MOVE_EVIDENCE, RECONCILIATION_EVIDENCE
from payment_dr.recovery.moves import MoveRequest, Superseded, approve, opened, with_move
from payment_dr.recovery.ports import GlobalClusterView, TransitionEvent
from payment_dr.recovery.readiness import Gate, Refused
from payment_dr.recovery.run import StepError
from payment_dr.recovery.runner import (
    AwaitsApproval,
    Completed,
    MoveOutcome,
    Stopped,
    resume,
    start,
)
from payment_dr.recovery.survey import repair_needed, survey

KINDS = pytest.mark.parametrize("kind", list(MoveKind))


def effects(kind: MoveKind) -> int:
    fake = world_for(kind)
    start(fake.ports(), to_west(kind), SETTINGS)
    return fake.calls


def start_into(ends: dict[str, MoveOutcome], fake: FakeWorld, request: MoveRequest) -> None:
    ends[request.move_id] = start(fake.ports(), request, SETTINGS)


@KINDS
def test_of_two_moves_started_at_once_one_wins_and_the_other_says_who(kind: MoveKind) -> None:
    for number in range(1, effects(kind) + 1):
        fake = world_for(kind)
        ends: dict[str, MoveOutcome] = {}
        rival = to_west(kind, "m2", by="bob")
        with fake.disturbed(before={number: partial(start_into, ends, fake, rival)}):
            start_into(ends, fake, to_west(kind))
        winners = [name for name, end in ends.items() if isinstance(end, Completed)]
        assert len(winners) == 1, (number, ends)
        (loser,) = (end for end in ends.values() if isinstance(end, Stopped))
        assert isinstance(loser.error, Refused | Superseded)
        assert fake.control.move is not None
        assert fake.control.move.move_id == winners[0]
        assert fake.control.epoch == 2
        assert fake.ledgers[WEST].entries == set(fake.records)


@KINDS
def test_two_runners_of_one_move_both_end_well_with_one_end_state(kind: MoveKind) -> None:
    alone = world_for(kind)
    start(alone.ports(), to_west(kind), SETTINGS)
    for number in range(1, effects(kind) + 1):
        fake = world_for(kind)

        def join(fake: FakeWorld = fake) -> None:
            unfinished = ("m1", "move.json") not in fake.documents
            if fake.control.move is not None and unfinished:
                end = resume(fake.ports(), fake.control, SETTINGS, by="bob")
                assert isinstance(end, Completed)

        with fake.disturbed(before={number: join}):
            assert isinstance(start(fake.ports(), to_west(kind), SETTINGS), Completed), number
        assert fake.end_state() == alone.end_state(), number


def take_back(fake: FakeWorld) -> None:
    """Supersede the unfinished move, by its name, by a failover to the active site."""
    control = fake.control
    if control.phase is Phase.MOVING and control.move is not None:
        request = to_east(MoveKind.FAILOVER, by="bob", supersedes=control.move.move_id)
        assert isinstance(start(fake.ports(), request, SETTINGS), Completed)


def test_a_superseded_switchover_ends_wherever_it_was_and_names_the_winner() -> None:
    superseded = 0
    for number in range(1, effects(MoveKind.SWITCHOVER) + 1):
        fake = FakeWorld()
        with fake.disturbed(before={number: partial(take_back, fake)}):
            end = start(fake.ports(), to_west(MoveKind.SWITCHOVER), SETTINGS)
        if fake.control.epoch == 2:
            continue
        superseded += 1
        assert isinstance(end, Stopped)
        assert isinstance(end.error, Superseded)
        assert "bob started failover m2 to east" in end.error.what
        assert (fake.control.active, fake.control.phase) == (EAST, Phase.STEADY)
        platform_is_east = fake.writer == EAST
        stamped = fake.ledgers[EAST].stamp == Stamp(epoch=Epoch(3), site=EAST)
        if not (platform_is_east and stamped):
            assert survey(fake.ports(), EAST, (EAST, WEST)).repair is not None, number
    assert superseded > 10


def index_of(name: str) -> int:
    fake = world_for(MoveKind.FAILOVER)
    start(fake.ports(), to_west(MoveKind.FAILOVER), SETTINGS)
    return fake.names.index(name) + 1


def hasty(**budgets: float) -> FailoverSettings:
    return SETTINGS.model_copy(update={"budgets": StepBudgets(**budgets)})


def test_a_promotion_that_lands_after_its_move_was_superseded_is_seen_and_mended() -> None:
    fake = world_for(MoveKind.FAILOVER)
    with fake.disturbed(faults={index_of("clusters.promote"): Fault.LATE}):
        end = start(fake.ports(), to_west(MoveKind.FAILOVER), hasty(promote_s=0.1))
    assert isinstance(end, Stopped)
    assert isinstance(end.error, StepError)
    assert not end.error.definite
    fake.east_healthy = fake.linked = fake.ledgers[EAST].alive = True
    take_back(fake)
    assert survey(fake.ports(), EAST, (EAST, WEST)).repair is None

    assert len(fake.late) == 1
    fake.late[0]()
    found = survey(fake.ports(), EAST, (EAST, WEST)).repair
    assert found == "the platform's writer is west, the control record says east"
    repair = to_west(MoveKind.FAILOVER, "m3")
    assert isinstance(start(fake.ports(), repair, SETTINGS), Completed)
    assert survey(fake.ports(), WEST, (EAST, WEST)).repair is None
    assert fake.ledgers[WEST].entries == set(fake.records)


def test_a_stamp_that_differs_at_the_writer_is_repair_needed_too() -> None:
    fake = FakeWorld()
    fake.ledgers[EAST].stamp = Stamp(epoch=Epoch(7), site=EAST)
    assert "carries" in str(survey(fake.ports(), EAST, (EAST, WEST)).repair)


def test_a_survey_shows_what_answers_and_nothing_of_the_rest() -> None:
    fake = world_for(MoveKind.FAILOVER)
    found = survey(fake.ports(), WEST, (EAST, WEST))
    assert found.ledgers[EAST] is None
    assert found.ledgers[WEST] is not None
    assert (found.answer, found.healthy, found.run_log) == (WEST, True, ())
    start(fake.ports(), to_west(MoveKind.FAILOVER), SETTINGS)
    assert survey(fake.ports(), WEST, (EAST, WEST)).run_log[-1].event is TransitionEvent.DONE


def test_nothing_needs_repair_during_a_move_or_without_a_writer() -> None:
    fake = FakeWorld()
    moving = opened(fake.control, to_west(MoveKind.FAILOVER), step="open-move", now=0.0)
    both = GlobalClusterView(writer=WEST, available=frozenset({EAST, WEST}))
    assert repair_needed(moving, both, {}) is None
    nobody = GlobalClusterView(writer=None, available=frozenset())
    assert repair_needed(fake.control, nobody, {}) is None
    assert repair_needed(fake.control, None, {}) is None


def test_promotion_waits_for_an_approval_that_names_the_move() -> None:
    fake = world_for(MoveKind.FAILOVER)
    end = start(fake.ports(), to_west(MoveKind.FAILOVER), WITH_APPROVAL)
    assert end == AwaitsApproval(move_id="m1")
    assert not fake.promote_calls
    assert fake.answer() == WEST, "accepting at the standby is always safe, so routing went ahead"
    assert fake.logs["m1"][-1].event is TransitionEvent.AWAITS_APPROVAL

    with pytest.raises(PaymentDrError, match="does not approve m1"):
        approve(fake.ports().control, "m0", by="carol", now=1.0)
    assert isinstance(resume(fake.ports(), fake.control, WITH_APPROVAL, by="bob"), AwaitsApproval)

    approve(fake.ports().control, "m1", by="carol", now=1.0)
    assert isinstance(resume(fake.ports(), fake.control, WITH_APPROVAL, by="bob"), Completed)
    assert fake.control.move is not None
    assert [a.by for a in fake.control.move.approvals] == ["carol"]
    with pytest.raises(PaymentDrError, match="no move is in progress"):
        approve(fake.ports().control, "m1", by="carol", now=1.0)


def test_an_approval_of_a_superseded_move_does_not_approve_its_successor() -> None:
    fake = world_for(MoveKind.FAILOVER)
    start(fake.ports(), to_west(MoveKind.FAILOVER), WITH_APPROVAL)
    approve(fake.ports().control, "m1", by="carol", now=1.0)
    again = to_west(MoveKind.FAILOVER, "m2", supersedes="m1")
    assert start(fake.ports(), again, WITH_APPROVAL) == AwaitsApproval(move_id="m2")


def test_a_planned_move_needs_no_approval() -> None:
    fake = FakeWorld()
    assert isinstance(start(fake.ports(), to_west(MoveKind.SWITCHOVER), WITH_APPROVAL), Completed)


def test_an_approval_is_written_although_the_record_changes_underneath() -> None:
    fake = world_for(MoveKind.FAILOVER)
    start(fake.ports(), to_west(MoveKind.FAILOVER), WITH_APPROVAL)

    def someone_marks() -> None:
        move = fake.control.move
        assert move is not None
        fake.control = with_move(fake.control, replace(move, step="promote"))

    with fake.disturbed(before={2: someone_marks}):
        approve(fake.ports().control, "m1", by="carol", now=1.0)
    assert fake.control.move is not None
    assert len(fake.control.move.approvals) == 1

    always = {2 + 3 * n: someone_marks for n in range(5)}
    with (
        fake.disturbed(before=always),
        pytest.raises(UnavailableError, match="kept changing"),
    ):
        approve(fake.ports().control, "m1", by="dan", now=2.0)


def test_a_refused_promotion_is_tried_again_soon_and_each_try_is_counted() -> None:
    fake = world_for(MoveKind.FAILOVER)
    refusals = iter([True, True, False])

    def refuse_twice(target: SiteName) -> None:
        if next(refusals):
            raise UnavailableError("InvalidGlobalClusterStateFault: being moved already")
        fake.promote_now(target)

    fake.promoting = refuse_twice
    assert isinstance(start(fake.ports(), to_west(MoveKind.FAILOVER), SETTINGS), Completed)
    assert fake.control.move is not None
    assert fake.control.move.attempts == 3
    assert fake.clock.monotonic() < 5


def test_a_promotion_that_takes_its_time_is_called_once_and_its_runner_shows_life() -> None:
    fake = world_for(MoveKind.FAILOVER)
    fake.promoting = lambda target: None
    replicate = fake.replicate

    def finish_after_ten_seconds() -> None:
        replicate()
        if fake.clock.monotonic() > 10:
            fake.promote_now(WEST)

    fake.replicate = finish_after_ten_seconds  # type: ignore[method-assign]  # time passes
    fake.clock.on_sleep = finish_after_ten_seconds
    assert isinstance(start(fake.ports(), to_west(MoveKind.FAILOVER), SETTINGS), Completed)
    assert len(fake.promote_calls) == 1
    waits = [t for t in fake.logs["m1"] if t.event is TransitionEvent.WAITS]
    assert 3 <= len(waits) <= 4, "a runner that waits says so, or it would be taken over"


def test_an_old_writer_that_came_back_unrebuilt_is_not_taken_for_promoted() -> None:
    fake = world_for(MoveKind.FAILOVER)
    fake.ledgers[WEST].writable = True
    fake.promoting = lambda target: None
    end = start(fake.ports(), to_west(MoveKind.FAILOVER), hasty(promote_s=1))
    assert isinstance(end, Stopped)
    assert "promote" in str(end.error)
    assert fake.ledgers[WEST].stamp.epoch == 1


def test_a_step_out_of_its_budget_names_its_trouble_and_can_be_resumed() -> None:
    fake = FakeWorld()
    fake.linked = False
    request = to_west(MoveKind.SWITCHOVER, overrides=(Gate.STANDBY_AVAILABLE, Gate.REPLICATION_LAG))
    end = start(fake.ports(), request, hasty(reconcile_s=5))
    assert isinstance(end, Stopped)
    assert isinstance(end.error, StepError)
    assert end.error.step == "drain"
    assert "payment-dr resume m1" in end.error.remedy
    assert fake.ledgers[EAST].stamp == Stamp(epoch=Epoch(2), site=None), "posting stays paused"
    fake.linked = True
    assert isinstance(resume(fake.ports(), fake.control, SETTINGS, by="bob"), Completed)


def test_evidence_that_cannot_be_stored_does_not_hold_the_ledger_back() -> None:
    fake = world_for(MoveKind.FAILOVER)
    with fake.disturbed(faults={index_of("evidence.put"): Fault.REFUSED}):
        assert isinstance(start(fake.ports(), to_west(MoveKind.FAILOVER), SETTINGS), Completed)
    assert [name for _, name in fake.documents] == ["move.json"]


def test_what_was_reconciled_is_kept_as_evidence_and_said_in_the_run_log() -> None:
    fake = world_for(MoveKind.FAILOVER)
    start(fake.ports(), to_west(MoveKind.FAILOVER), SETTINGS)
    (name,) = (name for _, name in fake.documents if name != "move.json")
    kept = RECONCILIATION_EVIDENCE.validate_json(fake.documents["m1", name])
    assert kept.found.posted == ("p2", "p3", "p4", "p5")
    assert kept.found.money == {"EUR": 102 + 103 + 104 + 105}
    assert "saw 6 unconfirmed, posted 4 (414 EUR)" in [t.detail for t in fake.logs["m1"]]
    move = MOVE_EVIDENCE.validate_json(fake.documents["m1", "move.json"])
    assert move.stamp == Stamp(epoch=Epoch(2), site=WEST)
    assert move.run_log[0].step == "open-move"


def test_there_is_nothing_to_resume_before_the_first_move() -> None:
    fake = FakeWorld()
    with pytest.raises(PaymentDrError, match="no move to resume"):
        resume(fake.ports(), fake.control, SETTINGS, by="bob")


def test_a_move_whose_opening_is_in_doubt_is_not_opened_over_another_one() -> None:
    """The write was lost, and meanwhile somebody else's move came and went."""
    fake = world_for(MoveKind.FAILOVER)

    def another_comes_and_goes() -> None:
        start(fake.ports(), to_west(MoveKind.FAILOVER, "m2", by="bob"), SETTINGS)

    with fake.disturbed(
        faults={3: Fault.LOST_REQUEST, 4: Fault.REFUSED}, before={5: another_comes_and_goes}
    ):
        end = start(fake.ports(), to_west(MoveKind.FAILOVER), SETTINGS)
    assert fake.names[2] == "control.write"
    assert isinstance(end, Stopped)
    assert isinstance(end.error, Superseded)
    assert fake.control.epoch == 2


def test_a_control_record_without_a_move_supersedes_whatever_was_under_way() -> None:
    """Nobody writes such a record but a restore of the table."""
    fake = world_for(MoveKind.FAILOVER)

    def restore() -> None:
        fake.control = replace(STEADY_AT_EAST, epoch=Epoch(9), version=99)

    with fake.disturbed(before={fake_read_after_opening(): restore}):
        end = start(fake.ports(), to_west(MoveKind.FAILOVER), SETTINGS)
    assert isinstance(end, Stopped)
    assert "no move in epoch 9" in str(end.error)


def fake_read_after_opening() -> int:
    fake = world_for(MoveKind.FAILOVER)
    start(fake.ports(), to_west(MoveKind.FAILOVER), SETTINGS)
    opening = fake.names.index("control.write")
    return fake.names.index("control.read", opening + 2) + 1
