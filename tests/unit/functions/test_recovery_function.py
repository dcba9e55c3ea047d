"""The state machine executed with its real function, over fakes: the runner's own end states."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from fakes.faults import Crash, Fault
from fakes.machine_world import Machines, recovery_over
from fakes.recovery_world import (
    EAST,
    SETTINGS,
    WEST,
    WITH_APPROVAL,
    EndState,
    FakeWorld,
    to_east,
    to_west,
    world_for,
)
from fakes.states_language import Execution
from payment_dr.core.errors import PaymentDrError
from payment_dr.functions import recovery
from payment_dr.functions.recovery import respond
from payment_dr.recovery.control import MoveKind, Phase
from payment_dr.recovery.execution import APPROVAL_S_MAX
from payment_dr.recovery.moves import approve, with_move
from payment_dr.recovery.ports import TransitionEvent
from payment_dr.recovery.runner import Completed, start

KINDS = pytest.mark.parametrize("kind", list(MoveKind))
COMPLETE = ("Succeed", "", "")


def expected(kind: MoveKind) -> EndState:
    """The end state of the runner's own undisturbed run."""
    fake = world_for(kind)
    assert isinstance(start(fake.ports(), to_west(kind), SETTINGS), Completed)
    return fake.end_state()


def undisturbed(kind: MoveKind) -> tuple[Execution, FakeWorld]:
    fake = world_for(kind)
    execution = Machines(fake).start(to_west(kind))
    assert execution.run() == COMPLETE
    return execution, fake


def take_over(machines: Machines, kind: MoveKind) -> Execution:
    """What comes after an execution that ended anywhere: join the move, or open it."""
    if machines.fake.control.move is None:
        return machines.start(to_west(kind))
    return machines.resume()


@KINDS
def test_an_execution_ends_where_the_runner_does(kind: MoveKind) -> None:
    execution, fake = undisturbed(kind)
    assert fake.end_state() == expected(kind)
    assert execution.ended == COMPLETE
    by = {line.by for line in fake.logs["m1"]}
    assert by == {"state-machine/west"}
    assert not [line for line in fake.logs["m1"] if line.event is TransitionEvent.WAITS]


@KINDS
def test_killed_at_any_state_and_started_again_the_end_state_is_the_same(kind: MoveKind) -> None:
    whole, _ = undisturbed(kind)
    for count in range(len(whole.visited)):
        machines = Machines(world_for(kind))
        machines.start(to_west(kind)).run(states_max=count)
        assert take_over(machines, kind).run() == COMPLETE, count
        assert machines.fake.end_state() == expected(kind), count


@KINDS
@pytest.mark.parametrize("fault", [f for f in Fault if f not in {Fault.NONE, Fault.LATE}])
def test_a_function_that_dies_or_fails_at_any_effect_is_called_again_to_the_same_end(
    kind: MoveKind, fault: Fault
) -> None:
    _, whole = undisturbed(kind)
    for number in range(1, whole.calls + 1):
        fake = world_for(kind)
        with fake.disturbed(faults={number: fault}):
            assert Machines(fake).start(to_west(kind)).run() == COMPLETE, number
        assert fake.end_state() == expected(kind), number


@KINDS
def test_an_execution_for_a_finished_move_changes_nothing(kind: MoveKind) -> None:
    _, fake = undisturbed(kind)
    before, control = fake.end_state(), fake.control
    assert Machines(fake).resume().run() == COMPLETE
    assert Machines(fake).start(to_west(kind)).run() == COMPLETE, "the same move, opened again"
    assert (fake.end_state(), fake.control) == (before, control)


def test_the_reconciliation_of_one_call_counts_for_the_next() -> None:
    _, fake = undisturbed(MoveKind.FAILOVER)
    assert fake.names.count("reconciler.reconcile") == 1


def knowing_the_epoch_only(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of what is carried from call to call, nothing else gets through."""
    carried = event.get("carried", {})
    return {**event, "carried": {"epoch": carried.get("epoch")}}


def test_open_ledger_that_is_told_of_no_reconciliation_reconciles_by_itself() -> None:
    fake = world_for(MoveKind.FAILOVER)
    machines = Machines(fake, heard=knowing_the_epoch_only)
    assert machines.start(to_west(MoveKind.FAILOVER)).run() == COMPLETE
    assert fake.names.count("reconciler.reconcile") == 2
    assert fake.end_state() == expected(MoveKind.FAILOVER)


def test_what_was_promoted_anew_since_the_reconciliation_is_reconciled_again() -> None:
    fake = world_for(MoveKind.FAILOVER)

    def promote_again(event: Mapping[str, Any]) -> None:
        move = fake.control.move
        if event["step"] == "open-ledger" and move is not None and move.attempts == 1:
            fake.control = with_move(fake.control, replace(move, attempts=2))
            fake.ledgers[WEST].entries = {"p0"}

    machines = Machines(fake, before_call=promote_again)
    assert machines.start(to_west(MoveKind.FAILOVER)).run() == COMPLETE
    assert fake.end_state() == expected(MoveKind.FAILOVER)


def test_a_refused_move_fails_by_that_name_and_is_not_asked_for_again() -> None:
    strict = SETTINGS.model_copy(update={"moves_per_hour_max": 1})
    fake = FakeWorld()
    fake.control = replace(fake.control, opened=(fake.clock.now(),))
    machines = Machines(fake, settings=strict)
    execution = machines.start(to_west(MoveKind.SWITCHOVER))
    assert execution.run() is not None
    assert execution.ended is not None
    kind, error, cause = execution.ended
    assert (kind, error) == ("Fail", "Refused")
    assert cause.startswith("move m1 is refused: moves-per-hour")
    assert "--override moves-per-hour" in cause
    assert [event["step"] for event in machines.calls] == ["begin", "ready", "record-failure"]
    assert not fake.logs, "a move that never opened has no run log"


def take_back(fake: FakeWorld) -> None:
    """Supersede the unfinished move, by its name, by a failover to the active site."""
    control = fake.control
    if control.phase is Phase.MOVING and control.move is not None:
        request = to_east(MoveKind.FAILOVER, by="bob", supersedes=control.move.move_id)
        assert isinstance(start(fake.ports(), request, SETTINGS), Completed)


def test_a_move_superseded_between_any_two_states_ends_and_names_the_winner() -> None:
    whole, _ = undisturbed(MoveKind.SWITCHOVER)
    superseded = 0
    for count in range(len(whole.visited)):
        fake = FakeWorld()
        execution = Machines(fake).start(to_west(MoveKind.SWITCHOVER))
        execution.run(states_max=count)
        take_back(fake)
        ended = execution.run()
        assert ended is not None
        if fake.control.epoch == 2:
            continue
        superseded += 1
        assert ended[:2] == ("Fail", "Superseded")
        assert "bob started failover m2 to east" in ended[2]
        assert (fake.control.active, fake.control.phase) == (EAST, Phase.STEADY)
    assert superseded > 10


def opened_by_a_call_that_died(fake: FakeWorld, machines: Machines) -> Execution:
    """The move was opened by a call that died at once, superseded, and that is over too."""
    execution = machines.start(to_west(MoveKind.FAILOVER))
    opening = ["control.read"] * 2 + ["control.read", "control.write"]
    crashed: list[None] = []

    def supersede(event: Mapping[str, Any]) -> None:
        if event["step"] == "open-move" and fake.control.move is not None and not crashed:
            crashed.append(None)
            take_back(fake)

    machines.before_call = supersede
    with fake.disturbed(faults={len(opening): Fault.CRASH_AFTER}):
        execution.run()
    assert fake.names[: len(opening)] == opening
    assert crashed
    return execution


def test_a_move_that_was_opened_superseded_and_over_is_not_opened_again() -> None:
    fake = FakeWorld()
    execution = opened_by_a_call_that_died(fake, Machines(fake))
    assert execution.ended is not None
    assert execution.ended[:2] == ("Fail", "Superseded")
    assert fake.control.active == EAST


def test_a_call_that_does_not_know_when_the_move_was_asked_for_opens_it_again() -> None:
    """The planted fault: the epoch in which it was asked for is not carried to that call."""
    fake = FakeWorld()
    execution = opened_by_a_call_that_died(fake, Machines(fake, heard=knowing_the_epoch_only))
    assert execution.ended == COMPLETE
    assert fake.control.active == WEST


def test_promotion_waits_for_the_approval_and_goes_on_when_it_is_there() -> None:
    fake = world_for(MoveKind.FAILOVER)
    machines = Machines(fake, settings=WITH_APPROVAL)
    execution = machines.start(to_west(MoveKind.FAILOVER))
    assert execution.run(states_max=60) is None
    assert not fake.promote_calls
    said = [line.event for line in fake.logs["m1"]]
    assert said.count(TransitionEvent.AWAITS_APPROVAL) == 1, "asked often, said once"
    assert said[-1] is TransitionEvent.AWAITS_APPROVAL
    approve(fake.ports().control, "m1", by="carol", now=1.0)
    assert execution.run() == COMPLETE
    assert fake.end_state() == expected(MoveKind.FAILOVER)


def test_an_approval_that_does_not_come_ends_the_execution_and_says_what_to_run() -> None:
    fake = world_for(MoveKind.FAILOVER)
    execution = Machines(fake, settings=WITH_APPROVAL).start(to_west(MoveKind.FAILOVER))
    ended = execution.run()
    assert ended is not None
    assert ended[:2] == ("Fail", "NotApproved")
    assert ended[2].endswith("payment-dr approve m1, then payment-dr resume m1")
    assert fake.clock.monotonic() >= APPROVAL_S_MAX
    approve(fake.ports().control, "m1", by="carol", now=1.0)
    assert Machines(fake, settings=WITH_APPROVAL).resume().run() == COMPLETE


def promoting_for(fake: FakeWorld, seconds: float) -> None:
    """A promotion that takes its time."""
    replicate = fake.replicate

    def later() -> None:
        replicate()
        if fake.promote_calls and fake.clock.monotonic() > seconds:
            fake.promote_now(WEST)

    fake.promoting = lambda _: None
    fake.clock.on_sleep = later


def test_a_step_of_many_slices_goes_on_where_the_slice_before_ended() -> None:
    fake = world_for(MoveKind.FAILOVER)
    promoting_for(fake, 200)
    machines = Machines(fake)
    assert machines.start(to_west(MoveKind.FAILOVER)).run() == COMPLETE
    used = [event["used"] for event in machines.calls if event["step"] == "promote"]
    assert used == [0, 1, 2, 3]
    promote = [line.event for line in fake.logs["m1"] if line.step == "promote"]
    assert promote.count(TransitionEvent.BEGAN) == 1
    assert promote[-1] is TransitionEvent.DONE


def test_a_step_out_of_its_budget_fails_with_the_command_that_resumes_the_move() -> None:
    fake = world_for(MoveKind.FAILOVER)
    promoting_for(fake, 10_000)
    machines = Machines(fake)
    ended = machines.start(to_west(MoveKind.FAILOVER)).run()
    assert ended is not None
    assert ended[:2] == ("Fail", "StepError")
    assert ended[2].startswith("step promote of move m1 is not done within 300 s")
    assert "payment-dr resume m1" in ended[2]
    assert 300 <= fake.clock.monotonic() < 330
    failed = [line for line in fake.logs["m1"] if line.event is TransitionEvent.FAILED]
    assert len(failed) == 1, "by the step itself; it is not said twice"
    fake.promote_now(WEST)
    assert machines.resume().run() == COMPLETE


def dying_at(*steps: str) -> Callable[[Mapping[str, Any]], None]:
    def die(event: Mapping[str, Any]) -> None:
        if event["step"] in steps:
            raise Crash

    return die


def test_a_function_that_never_works_is_recorded_with_the_command_that_resumes_the_move() -> None:
    fake = world_for(MoveKind.FAILOVER)
    machines = Machines(fake, before_call=dying_at("route"))
    ended = machines.start(to_west(MoveKind.FAILOVER)).run()
    assert ended == (
        "Fail",
        "Runtime.ExitError",
        "move m1 is unfinished: the process died\n  next: payment-dr resume m1",
    )
    tries = [event["step"] for event in machines.calls].count("route")
    assert tries == 1 + 5, "within the 60 s that routing may take"
    latest = fake.logs["m1"][-1]
    assert latest.event is TransitionEvent.FAILED
    assert latest.detail == ended[2]
    assert Machines(fake).resume().run() == COMPLETE


def test_what_cannot_even_be_recorded_still_says_which_move_to_resume() -> None:
    fake = world_for(MoveKind.FAILOVER)
    machines = Machines(fake, before_call=dying_at("route", "record-failure"))
    ended = machines.start(to_west(MoveKind.FAILOVER)).run()
    assert ended is not None
    assert ended[:2] == ("Fail", "NotRecorded")
    assert ended[2].startswith("move m1 is unfinished")
    assert ended[2].endswith("payment-dr resume m1")


def test_an_answer_beyond_the_machines_own_bound_ends_it() -> None:
    fake = world_for(MoveKind.FAILOVER)
    execution = Machines(fake).start(to_west(MoveKind.FAILOVER))
    execution.call = lambda event: (
        respond(event, recovery_over(fake))
        if event["step"] == "record-failure"
        else {"state": "waits", "carried": {}}
    )
    ended = execution.run()
    assert ended is not None
    assert ended[1:] == (
        "StepError",
        "move m1 has used up the budget of a step\n  next: payment-dr resume m1",
    )


def test_a_kind_of_move_that_is_not_known_changes_nothing() -> None:
    fake = FakeWorld()
    execution = Machines(fake).start(to_west(MoveKind.FAILOVER))
    execution.call = lambda _: {"state": "done", "carried": {}}
    execution.data["move"]["kind"] = "teleport"
    ended = execution.run()
    assert ended is not None
    assert ended[1] == "UnknownKind"
    assert "failover, switchover, failback" in ended[2]


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"step": "begin", "input": {}}, "the event of a begin cannot be used"),
        ({"step": "record-failure"}, "the event of a record-failure cannot be used"),
        ({"step": "dance"}, "the event of a step cannot be used"),
        ({}, "the event of a step cannot be used"),
    ],
)
def test_an_event_of_somebody_else_is_refused(event: dict[str, Any], says: str) -> None:
    with pytest.raises(PaymentDrError, match=says):
        respond(event, recovery_over(FakeWorld()))


def test_a_move_that_leads_elsewhere_is_refused_here() -> None:
    execution = Machines(FakeWorld()).start(to_east(MoveKind.FAILOVER))
    ended = execution.run()
    assert ended is not None
    assert ended[:2] == ("Fail", "PaymentDrError")
    assert "leads to east, and this is west" in ended[2]


def test_a_step_that_this_kind_of_move_has_not_is_refused() -> None:
    fake = world_for(MoveKind.FAILOVER)
    execution = Machines(fake).start(to_west(MoveKind.FAILOVER))
    event = {
        "step": "drain",
        "move": execution.data["move"],
        "carried": {},
        "used": 0,
    }
    with pytest.raises(PaymentDrError, match="a failover has no step drain"):
        respond(event, recovery_over(fake))


def test_a_cause_that_is_no_functions_is_told_as_it_is() -> None:
    fake = world_for(MoveKind.FAILOVER)
    execution = Machines(fake).start(to_west(MoveKind.FAILOVER))
    stopped = {**execution.data, "failure": {"Error": "States.Timeout"}}
    told = respond({"step": "record-failure", "input": stopped}, recovery_over(fake))
    assert told == {
        "error": "States.Timeout",
        "cause": "move m1 is unfinished: States.Timeout\n  next: payment-dr resume m1",
    }


def test_the_handler_uses_the_processes_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeWorld()
    built: list[None] = []

    def compose(_environment: object) -> object:
        built.append(None)
        return recovery_over(fake)

    monkeypatch.setattr(recovery, "configure_logs", lambda: None)
    monkeypatch.setattr(recovery, "environment_from", lambda _variables: None)
    monkeypatch.setattr(recovery, "compose_recovery", compose)
    monkeypatch.setattr(recovery, "_built", cache(vars(vars(recovery)["_built"])["__wrapped__"]))
    asked = Machines(fake).start(to_west(MoveKind.FAILOVER)).data
    answers = [recovery.handler({"step": "begin", "input": asked}, None) for _ in range(2)]
    carried = {"open_from": 1, "epoch": None, "reconciled_on": None}
    assert answers == [{"state": "done", "carried": carried}] * 2
    assert len(built) == 1
