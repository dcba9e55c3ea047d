"""A runner may die at any effect, lose any answer, and be followed by anyone: same end state."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fakes.faults import Crash, Fault
from fakes.recovery_world import SETTINGS, EndState, FakeWorld, to_west, world_for
from payment_dr.core.errors import PaymentDrError
from payment_dr.recovery import run, steps
from payment_dr.recovery.control import ControlRecord, MoveKind, Phase, StepName
from payment_dr.recovery.moves import with_move
from payment_dr.recovery.plan import Plan, Step, plan_for
from payment_dr.recovery.ports import ControlTable, TransitionEvent
from payment_dr.recovery.runner import Completed, MoveOutcome, Stopped, resume, start

KINDS = pytest.mark.parametrize("kind", list(MoveKind))


def take_over(fake: FakeWorld, kind: MoveKind) -> MoveOutcome:
    """What another operator does: join the move if there is one unfinished, else start it."""
    if fake.control.move is None:
        return start(fake.ports(), to_west(kind, "m2", by="bob"), SETTINGS)
    move_id = fake.control.move.move_id
    if (move_id, "move.json") in fake.documents:
        with pytest.raises(PaymentDrError, match=f"move {move_id} is finished"):
            resume(fake.ports(), fake.control, SETTINGS, by="bob")
        return Completed(move_id=move_id, epoch=fake.control.epoch)
    return resume(fake.ports(), fake.control, SETTINGS, by="bob")


def undisturbed(kind: MoveKind) -> tuple[EndState, int]:
    """The end state of a run without trouble, and how many effects it takes."""
    fake = world_for(kind)
    outcome = start(fake.ports(), to_west(kind), SETTINGS)
    assert isinstance(outcome, Completed)
    return fake.end_state(), fake.calls


def end_states_after(
    kind: MoveKind, fault: Fault, follow: Callable[[FakeWorld, MoveKind], MoveOutcome]
) -> list[tuple[int, EndState, MoveOutcome]]:
    """For each effect of the plan: let it suffer the fault, then let somebody else follow."""
    _, effects = undisturbed(kind)
    found: list[tuple[int, EndState, MoveOutcome]] = []
    for number in range(1, effects + 1):
        fake = world_for(kind)
        with fake.disturbed(faults={number: fault}), pytest.raises(Crash):
            start(fake.ports(), to_west(kind), SETTINGS)
        outcome = follow(fake, kind)
        found.append((number, fake.end_state(), outcome))
    return found


@KINDS
@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
def test_killed_at_any_effect_and_taken_over_by_another_operator_the_end_state_is_the_same(
    kind: MoveKind, fault: Fault
) -> None:
    expected, _ = undisturbed(kind)
    for number, state, outcome in end_states_after(kind, fault, take_over):
        assert isinstance(outcome, Completed), (number, outcome)
        assert state == expected, number


@KINDS
@pytest.mark.parametrize(
    "fault", [Fault.REFUSED, Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.REPEATED]
)
def test_a_failed_lost_or_repeated_effect_anywhere_changes_nothing_about_the_end(
    kind: MoveKind, fault: Fault
) -> None:
    expected, effects = undisturbed(kind)
    for number in range(1, effects + 1):
        fake = world_for(kind)
        with fake.disturbed(faults={number: fault}):
            outcome = start(fake.ports(), to_west(kind), SETTINGS)
        assert isinstance(outcome, Completed), (number, fake.names[number - 1])
        assert fake.end_state() == expected, (number, fake.names[number - 1])


@KINDS
def test_killed_again_and_again_it_still_ends_the_same(kind: MoveKind) -> None:
    expected, _ = undisturbed(kind)
    fake = world_for(kind)
    for number in range(1, 60):
        with fake.disturbed(faults={number: Fault.CRASH_AFTER}):
            try:
                take_over(fake, kind)
            except Crash:
                continue
        break
    assert fake.end_state() == expected


@KINDS
def test_a_finished_move_is_not_resumed_and_the_refusal_says_where_it_ended(
    kind: MoveKind,
) -> None:
    fake = world_for(kind)
    start(fake.ports(), to_west(kind), SETTINGS)
    before, control, documents = fake.end_state(), fake.control, dict(fake.documents)
    with pytest.raises(PaymentDrError, match="m1 is finished: west is active in epoch 2"):
        resume(fake.ports(), fake.control, SETTINGS, by="bob")
    assert (fake.end_state(), fake.control, fake.documents) == (before, control, documents)


def test_an_open_ledger_without_evidence_of_the_move_can_be_resumed() -> None:
    fake = world_for(MoveKind.FAILOVER)
    start(fake.ports(), to_west(MoveKind.FAILOVER), SETTINGS)
    del fake.documents["m1", "move.json"]
    assert isinstance(resume(fake.ports(), fake.control, SETTINGS, by="bob"), Completed)
    assert ("m1", "move.json") in fake.documents
    with fake.disturbed(faults={1: Fault.REFUSED}):
        again = resume(fake.ports(), fake.control, SETTINGS, by="bob")
    assert isinstance(again, Completed), "evidence that does not answer may be missing"


def trusting_the_log(name: StepName, event: TransitionEvent) -> Callable[[MoveKind], Plan]:
    """A plan in which one step believes the run log instead of asking the world."""

    def believes(step: Step) -> Step:
        return replace(
            step,
            is_done=lambda ctx: any(
                line.step == name and line.event is event
                for line in ctx.world.control.run_log(ctx.request.move_id)
            ),
        )

    def plan(kind: MoveKind, *_: object) -> Plan:
        real = plan_for(kind)
        return replace(real, steps=tuple(believes(s) if s.name is name else s for s in real.steps))

    return plan


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (MoveKind.FAILOVER, StepName.PROMOTE),
        (MoveKind.FAILOVER, StepName.OPEN_LEDGER),
        (MoveKind.SWITCHOVER, StepName.PAUSE_POSTING),
    ],
)
def test_a_step_that_trusts_the_log_is_caught_by_killing_the_runner(
    kind: MoveKind, name: StepName, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = undisturbed(kind)
    monkeypatch.setattr(run, "plan_for", trusting_the_log(name, TransitionEvent.BEGAN))
    wrong = [
        number
        for number, state, outcome in end_states_after(kind, Fault.CRASH_AFTER, take_over)
        if state != expected or isinstance(outcome, Stopped)
    ]
    assert wrong


def promoted_anew_just_before_the_ledger_opens(*, calls_before_write: int = 0) -> FakeWorld:
    """Another runner's counted promote call lands between reconciliation and open-ledger."""
    rehearsal = world_for(MoveKind.FAILOVER)
    start(rehearsal.ports(), to_west(MoveKind.FAILOVER), SETTINGS)
    last_write = max(n for n, name in enumerate(rehearsal.names) if name == "control.write") + 1
    fake = world_for(MoveKind.FAILOVER)

    def promote_again() -> None:
        control = fake.control
        assert control.move is not None
        fake.control = with_move(control, replace(control.move, attempts=9))
        fake.ledgers[fake.writer].entries = {"p0"}

    with fake.disturbed(before={last_write - calls_before_write: promote_again}):
        start(fake.ports(), to_west(MoveKind.FAILOVER), SETTINGS)
    assert fake.control.phase is Phase.STEADY
    return fake


@pytest.mark.parametrize("calls", [0, 1])
def test_the_ledger_opens_only_on_what_was_reconciled_since_the_last_promote_call(
    calls: int,
) -> None:
    fake = promoted_anew_just_before_the_ledger_opens(calls_before_write=calls)
    assert fake.end_state().entries == frozenset(fake.records)


def test_opening_the_ledger_on_any_later_version_loses_postings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The planted fault: compare-and-set on what was read just now, not before reconciling."""

    def on_any_version(table: ControlTable, record: ControlRecord, *, based_on: int) -> bool:
        del based_on
        version = table.read().version
        return table.compare_and_set(replace(record, version=version + 1), based_on=version)

    monkeypatch.setattr(steps, "settled", on_any_version)
    fake = promoted_anew_just_before_the_ledger_opens(calls_before_write=1)
    assert fake.end_state().entries != frozenset(fake.records)
