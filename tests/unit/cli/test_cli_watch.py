"""`payment-dr watch` and `readiness`: what they follow, show, and exit with."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from fakes.command_line import LENIENT, WITH_APPROVAL, Desk
from fakes.faults import Fault
from fakes.operating import item
from fakes.recovery_world import STEADY_AT_EAST, FakeWorld, to_east, to_west
from payment_dr.adapters.state_machine import Execution, ExecutionStatus
from payment_dr.cli import readiness, watch
from payment_dr.cli.move_view import Progress
from payment_dr.cli.watching import WatchEnd, Watcher
from payment_dr.core.settings import StepBudgets
from payment_dr.recovery.control import MoveKind
from payment_dr.recovery.moves import opened
from payment_dr.recovery.plan import plan_for
from payment_dr.recovery.ports import Transition, TransitionEvent
from payment_dr.recovery.readiness_judges import ItemState
from payment_dr.recovery.runner import resume, start

PLAN = plan_for(MoveKind.FAILOVER)
LONGEST_S = 600.0


@pytest.fixture(name="desk")
def desk_fixture(monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(watch.register, readiness.register)
    for module in (watch, readiness):
        monkeypatch.setattr(module, "target_of", lambda where: desk.target)
    return desk


def underway() -> FakeWorld:
    """A failover that is open, and nobody works on it."""
    fake = FakeWorld()
    fake.lose_east()
    fake.control = opened(
        STEADY_AT_EAST, to_west(MoveKind.FAILOVER), step="open-move", now=fake.clock.now()
    )
    return fake


def each_look(fake: FakeWorld, *acts: Callable[[], object]) -> None:
    """What others do between two looks, one at a time."""
    left = list(acts)
    replicate = fake.clock.on_sleep

    def on_sleep() -> None:
        replicate()
        if left:
            fake.clock.on_sleep = replicate
            left.pop(0)()
            fake.clock.on_sleep = on_sleep

    fake.clock.on_sleep = on_sleep


def watcher(fake: FakeWorld, **options: object) -> Watcher:
    made = Watcher(world=fake.ports(), move_id="m1", progress=Progress(PLAN))
    return replace(made, **options)  # type: ignore[arg-type]  # the watcher's own options


def line(event: TransitionEvent, detail: str = "") -> Transition:
    return Transition(
        move_id="m1", step="promote", event=event, detail=detail, by="bob", at=1_700_000_001.0
    )


def test_a_move_that_somebody_else_runs_is_followed_to_its_end(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = underway()
    each_look(fake, lambda: resume(fake.ports(), fake.control, LENIENT, by="bob"))
    found = watcher(fake).follow(LONGEST_S)
    assert found.end is WatchEnd.COMPLETED
    said = capsys.readouterr().err
    assert "3/7   promote        done" in said
    assert "of 300 s" in said

    desk.fake = fake
    end = desk.run("watch", "--json")
    assert end.exit_code == 0
    assert json.loads(end.stdout) == {
        "outcome": "completed",
        "move_id": "m1",
        "says": "every step is done",
    }
    assert desk.opened[-1] == "west"


def test_there_must_be_such_a_move_to_be_watched(desk: Desk) -> None:
    assert "there is none" in desk.refused("watch").what
    desk.fake = underway()
    assert "the latest is m1" in desk.refused("watch", "m9").what


def test_a_failed_move_is_unfinished_and_says_how_to_go_on(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.fake = underway()
    desk.fake.promoting = lambda target: None
    short = LENIENT.model_copy(update={"budgets": StepBudgets(promote_s=1)})
    resume(desk.fake.ports(), desk.fake.control, short, by="bob")
    end = desk.run("watch", "m1")
    assert end.exit_code == 1
    assert "payment-dr resume m1" in end.stderr
    assert not capsys.readouterr().out


def test_a_move_whose_place_another_one_takes_is_superseded() -> None:
    fake = underway()
    fake.east_healthy = fake.linked = fake.ledgers["east"].alive = True  # type: ignore[index]
    other = to_east(MoveKind.FAILOVER, "m2", supersedes="m1")
    each_look(fake, lambda: start(fake.ports(), other, LENIENT))
    found = watcher(fake).follow(LONGEST_S)
    assert (found.end, found.says) == (
        WatchEnd.SUPERSEDED,
        "m2 has taken its place; payment-dr status",
    )
    fake.control = STEADY_AT_EAST
    fake.logs["m1"] = [line(TransitionEvent.BEGAN)]
    assert "none has taken its place" in watcher(fake).follow(LONGEST_S).says


def test_a_move_that_waits_for_an_approval_is_watched_on_unless_told_otherwise() -> None:
    fake = underway()
    resume(fake.ports(), fake.control, WITH_APPROVAL, by="bob")
    assert watcher(fake, stop_at_approval=True).follow(LONGEST_S).end is WatchEnd.AWAITS_APPROVAL
    each_look(fake, lambda: None, lambda: resume(fake.ports(), fake.control, LENIENT, by="eve"))
    assert watcher(fake).follow(LONGEST_S).end is WatchEnd.COMPLETED


def test_silence_of_a_runner_is_told_once_and_the_watch_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake = underway()
    fake.logs["m1"] = [line(TransitionEvent.WAITS)]
    found = watcher(fake).follow(60.0)
    assert found.end is WatchEnd.UNFINISHED
    assert "not ended within 1 min 00 s" in found.says
    said = capsys.readouterr().err
    assert said.count("nothing was heard of it for") == 1


def test_a_region_that_does_not_answer_for_a_while_is_asked_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake = underway()
    resume(fake.ports(), fake.control, LENIENT, by="bob")
    with fake.disturbed(faults={1: Fault.REFUSED}):
        assert watcher(fake).follow(LONGEST_S).end is WatchEnd.COMPLETED
    assert "no answer: control.read refused; looking again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "cause", "says"),
    [
        (ExecutionStatus.FAILED, "the cause", "the cause"),
        (ExecutionStatus.TIMED_OUT, "", "its execution has TIMED_OUT"),
    ],
)
def test_an_execution_that_failed_ends_the_watch(
    status: ExecutionStatus, cause: str, says: str
) -> None:
    fake = underway()
    execution = Execution(status=status, cause=cause)
    found = watcher(fake, execution=lambda: execution).follow(LONGEST_S)
    assert (found.end, found.says) == (WatchEnd.UNFINISHED, says)


def test_an_execution_has_time_to_open_its_move() -> None:
    fake = FakeWorld()
    fake.lose_east()
    each_look(fake, lambda: None, lambda: start(fake.ports(), to_west(MoveKind.FAILOVER), LENIENT))
    running = Execution(status=ExecutionStatus.RUNNING)
    found = watcher(fake, execution=lambda: running).follow(LONGEST_S)
    assert found.end is WatchEnd.COMPLETED


def test_readiness_is_asked_at_the_standby_and_blocks_with_1(desk: Desk) -> None:
    ready = desk.run("readiness")
    assert ready.exit_code == 0
    assert ready.stdout.splitlines() == [
        "ok       blocking  keys                 evidence of keys",
        "ok       warning   plan-drift           evidence of plan-drift",
        "readiness: 2 ok, 0 failed, 0 unknown; blocking: nothing",
    ]
    assert desk.opened == ["east", "west"]
    assert desk.office.asked == ["both-regions"]
    desk.office.items = (item("keys", ItemState.FAILED), item("quotas", ItemState.UNKNOWN))
    blocked = desk.run("readiness", "--at", "east", "--local")
    assert blocked.exit_code == 1
    assert "next: mend keys" in blocked.stdout
    assert "blocking: keys" in blocked.stdout
    assert desk.office.asked == ["both-regions", "this-region"]
    document = json.loads(desk.run("readiness", "--json").stdout)
    assert document["site"] == "west"
    assert document["blocking"] == ["keys"]
    assert [one["state"] for one in document["items"]] == ["failed", "unknown"]


def test_readiness_is_asked_where_it_can_be(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = desk.target
    alone = {site: env for site, env in whole.environments.items() if site == "east"}
    only = replace(whole, environments=alone)
    monkeypatch.setattr(readiness, "target_of", lambda where: only)
    assert desk.run("readiness").exit_code == 0
    assert desk.peers == [None]
