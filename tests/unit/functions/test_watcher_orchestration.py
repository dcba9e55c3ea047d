"""A watcher whose moves are run by the site's state machine, and one that ticks for a minute."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from fakes.composed import SETTINGS
from fakes.faults import Fault
from fakes.machine_world import Machines, recovery_over
from fakes.recovery_world import EAST, STEADY_AT_EAST, WEST, FakeWorld, to_west
from fakes.recovery_world import SETTINGS as FAILOVER
from fakes.watchers import LENIENT, Scene
from payment_dr.core.errors import SettingsError, UnavailableError
from payment_dr.core.settings import Orchestrator, Promotion
from payment_dr.core.stamp import SiteName
from payment_dr.functions import orchestration, watcher
from payment_dr.functions.orchestration import InTheTick, orchestration_of
from payment_dr.functions.recovery_composition import Recovery
from payment_dr.functions.state_machine_start import AGAIN_S, ByStateMachine, state_machine_arn
from payment_dr.functions.watcher import EVERY_S, WATCH_EVENT, Tick, watcher_of
from payment_dr.recovery.control import MoveKind, Phase
from payment_dr.recovery.execution import MACHINE_INPUT, MachineInput
from payment_dr.recovery.moves import approve, opened

STATE_MACHINE = FAILOVER.model_copy(update={"orchestrator": Orchestrator.STATE_MACHINE})
INTERVAL_S = SETTINGS.probes.interval_s


class FakeStateMachine:
    """Keeps what is to be executed; nothing runs before the test says so."""

    def __init__(self) -> None:
        self.started: dict[str, MachineInput] = {}
        self.fails = False

    def start(self, name: str, asked: MachineInput) -> bool:
        if self.fails:
            raise UnavailableError("no answer")
        is_new = name not in self.started
        self.started.setdefault(name, asked)
        return is_new


@pytest.fixture(name="machine")
def machine_fixture() -> FakeStateMachine:
    return FakeStateMachine()


@pytest.fixture(name="scene")
def scene_fixture(machine: FakeStateMachine) -> Scene:
    any_machine: Any = machine
    return Scene(
        LENIENT, lambda fake: ByStateMachine(machine=any_machine, site=WEST, clock=fake.clock)
    )


def run(scene: Scene, machine: FakeStateMachine, name: str) -> None:
    """Let the execution of that name run to its end."""
    execution = Machines(scene.fake).start(to_west(MoveKind.FAILOVER))
    execution.data = MACHINE_INPUT.dump_python(machine.started[name], mode="json")
    assert execution.run() == ("Succeed", "", "")


def test_a_lost_site_is_given_to_the_state_machine_once_although_each_tick_finds_it_lost(
    scene: Scene, machine: FakeStateMachine
) -> None:
    scene.lose_east()
    tick = scene.ticks(WEST, 3)
    (name,) = machine.started
    assert tick == Tick(
        verdict="OpenMove", detail=f"move {name} is the state machine's, just started"
    )
    again = scene.ticks(WEST, 3)
    assert again == Tick(verdict="OpenMove", detail=f"move {name} is the state machine's")
    asked = machine.started[name]
    assert (asked.move.move_id, asked.move.target, asked.epoch) == (name, WEST, None)
    assert asked.move.by == "watcher/west"
    assert scene.fake.control == STEADY_AT_EAST, "the tick itself moves nothing"
    run(scene, machine, name)
    assert (scene.fake.control.active, scene.fake.control.phase) == (WEST, Phase.STEADY)
    assert scene.ticks(WEST, 3) == Tick(verdict="Calm")


def test_heartbeats_go_on_during_a_move(scene: Scene, machine: FakeStateMachine) -> None:
    scene.lose_east()
    scene.ticks(WEST, 3)
    (name,) = machine.started
    execution = Machines(scene.fake).start(machine.started[name].move)
    execution.run(states_max=8)
    assert scene.fake.control.phase is Phase.MOVING
    beat = scene.heartbeats.kept[WEST].beat
    scene.ticks(WEST, 12)
    assert scene.heartbeats.kept[WEST].beat >= beat + 3


def test_a_move_that_does_not_show_itself_is_given_to_the_state_machine_again_after_a_while(
    scene: Scene, machine: FakeStateMachine
) -> None:
    scene.lose_east()
    scene.ticks(WEST, 3)
    scene.fake.clock.advance(AGAIN_S)
    scene.ticks(WEST, 1)
    assert len(machine.started) == 2


def test_a_state_machine_that_does_not_answer_is_asked_again_with_the_next_tick(
    scene: Scene, machine: FakeStateMachine
) -> None:
    scene.lose_east()
    machine.fails = True
    tick = scene.ticks(WEST, 3)
    assert tick.detail.endswith("has no execution yet: no answer")
    machine.fails = False
    assert "just started" in scene.ticks(WEST, 1).detail


def test_a_silent_runner_is_joined_by_one_more_execution(
    scene: Scene, machine: FakeStateMachine
) -> None:
    moving = opened(STEADY_AT_EAST, to_west(MoveKind.SWITCHOVER), step="open-move", now=0.0)
    scene.fake.control = moving
    tick = scene.ticks(WEST, 22)
    assert tick.verdict == "ResumeMove"
    (name,) = machine.started
    assert name.startswith(f"m1-{moving.version}-")
    assert machine.started[name].epoch == moving.epoch
    run(scene, machine, name)
    assert scene.fake.control.active == WEST


def test_an_approval_is_followed_by_an_execution_at_once(machine: FakeStateMachine) -> None:
    waits = FAILOVER.model_copy(update={"promotion": Promotion.APPROVAL})
    any_machine: Any = machine
    scene = Scene(
        SETTINGS.model_copy(update={"failover": waits}),
        lambda fake: ByStateMachine(machine=any_machine, site=WEST, clock=fake.clock),
    )
    scene.lose_east()
    scene.ticks(WEST, 3)
    (name,) = machine.started
    Machines(scene.fake, settings=waits).start(machine.started[name].move).run(states_max=20)
    assert scene.ticks(WEST, 40) == Tick(verdict="Calm")
    approve(scene.fake.ports().control, name, by="carol", now=0.0)
    assert scene.ticks(WEST, 1).verdict == "ResumeMove"
    assert len(machine.started) == 2


def test_there_is_no_move_to_join_without_one(machine: FakeStateMachine) -> None:
    any_machine: Any = machine
    starter = ByStateMachine(machine=any_machine, site=WEST, clock=FakeWorld().clock)
    with pytest.raises(AssertionError, match="no move to join"):
        starter.join(STEADY_AT_EAST)


def recovery_with(orchestrator: Orchestrator) -> Recovery:
    settings = FAILOVER.model_copy(update={"orchestrator": orchestrator})
    return recovery_over(FakeWorld(), settings)


def test_the_settings_say_who_runs_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orchestration, "aws_client", lambda *_: None)
    found = orchestration_of(recovery_with(Orchestrator.STATE_MACHINE), by="w")
    assert isinstance(found, ByStateMachine)
    found = orchestration_of(recovery_with(Orchestrator.WATCHER), by="w")
    assert isinstance(found, InTheTick)
    ids = {found.new_id(STEADY_AT_EAST) for _ in range(9)}
    assert len(ids) == 9


def test_the_machine_is_known_by_its_name() -> None:
    assert state_machine_arn(SETTINGS, WEST) == (
        "arn:aws:states:us-west-2:000000000000:stateMachine:payments-recovery-west-dev"
    )


def test_a_watcher_that_cannot_ask_the_peer_is_not_made() -> None:
    with pytest.raises(SettingsError, match="PAYMENT_DR_PEER_HEALTH_URL is missing"):
        watcher_of(recovery_with(Orchestrator.WATCHER))


@pytest.fixture(name="minute")
def minute_fixture(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A scene of which west's watcher is the process's."""
    monkeypatch.setattr(watcher, "watcher", lambda: scene.watchers[WEST])
    return scene


def test_an_event_without_a_time_is_one_tick(minute: Scene) -> None:
    assert watcher.handler({"source": "aws.scheduler"}, None) == {"verdict": "Calm", "detail": ""}
    assert minute.fake.clock.monotonic() == 0
    assert minute.fake.names.count("ledgers.view") == 1


def test_an_event_with_a_time_is_ticks_at_their_interval_until_it_is_over(minute: Scene) -> None:
    watcher.handler(WATCH_EVENT, None)
    seconds = minute.fake.clock.monotonic()
    assert WATCH_EVENT["for_s"] - INTERVAL_S <= seconds < WATCH_EVENT["for_s"]
    assert minute.fake.names.count("ledgers.view") == 1 + int(seconds // INTERVAL_S)


def test_each_call_says_once_that_it_watched_however_long_it_did(
    minute: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    assert WEST in minute.watchers
    caplog.set_level(logging.INFO, "payment_dr")
    watcher.handler({}, None)
    watcher.handler(WATCH_EVENT, None)
    told = [vars(line)["fields"] for line in caplog.records if line.message == "metrics"]
    assert [(one["WatcherTicks"], one["TakeoverRaised"]) for one in told] == [(1, 0), (1, 0)]


@pytest.mark.parametrize("site", [EAST, WEST])
def test_a_watch_says_whether_clients_are_led_away_from_home(
    minute: Scene, site: SiteName, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "payment_dr")
    minute.fake.control = replace(STEADY_AT_EAST, active=WEST)
    minute.watchers[site].watch(1)
    (line,) = [line for line in caplog.records if line.message == "metrics"]
    assert vars(line)["fields"]["TakeoverRaised"] == 1


def test_a_watcher_that_was_cut_off_says_that_it_watched_and_nothing_of_the_switch(
    minute: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "payment_dr")
    with minute.fake.disturbed(faults=dict.fromkeys(range(4, 99), Fault.REFUSED)):
        latest = watcher.handler({"for_s": 5 * INTERVAL_S}, None)
    assert latest["verdict"] == "Blind"
    (line,) = [line for line in caplog.records if line.message == "metrics"]
    fields = vars(line)["fields"]
    assert fields["WatcherTicks"] == 1
    assert "TakeoverRaised" not in fields


def test_a_watch_that_ends_before_the_first_pause_is_one_tick(minute: Scene) -> None:
    watcher.handler({"for_s": EVERY_S}, None)
    assert minute.fake.names.count("ledgers.view") == 1
    assert EAST not in minute.heartbeats.kept
