"""A site's watcher over fakes: what it says each tick, and when it moves."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from fakes.composed import SETTINGS
from fakes.faults import Fault
from fakes.recovery_world import EAST, STEADY_AT_EAST, WEST, to_west, world_for
from fakes.watchers import Scene
from payment_dr.core.settings import FailoverSettings, Promotion
from payment_dr.core.stamp import Epoch
from payment_dr.functions import watcher
from payment_dr.functions.peer_probe import PeerProbe
from payment_dr.functions.watcher import Tick
from payment_dr.recovery.control import MoveKind, Phase
from payment_dr.recovery.moves import approve, opened
from payment_dr.recovery.runner import start


@pytest.fixture(name="scene")
def scene_fixture() -> Scene:
    return Scene()


def test_a_quiet_tick_moves_nothing_and_says_that_it_lives(scene: Scene) -> None:
    assert scene.ticks(WEST, 9) == Tick(verdict="Calm")
    assert scene.fake.control == STEADY_AT_EAST
    assert scene.heartbeats.kept[WEST].beat == 3, "once a second"


def test_a_lost_site_is_taken_over_within_the_tick_that_is_sure_of_it(scene: Scene) -> None:
    scene.ticks(WEST, 2)
    scene.lose_east()
    assert scene.ticks(WEST, 2) == Tick(verdict="Calm")
    tick = scene.ticks(WEST, 1)
    assert tick == Tick(verdict="OpenMove", detail="move failover-1 is complete in epoch 2")
    assert (scene.fake.control.active, scene.fake.control.phase) == (WEST, Phase.STEADY)
    assert scene.fake.control.move is not None
    assert scene.fake.control.move.started_by == "watcher/west"
    assert scene.fake.ledgers[WEST].entries == set(scene.fake.records)
    assert scene.ticks(WEST, 20) == Tick(verdict="Calm")


def test_a_site_that_is_not_healthy_itself_takes_nothing_over(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that is down makes both sites unhealthy, and no move mends that."""
    scene.lose_east()
    monkeypatch.setattr(scene.fake, "east_healthy", False)
    monkeypatch.setattr(scene.fake, "west_healthy", False)
    tick = scene.ticks(WEST, 5)
    assert tick.detail.startswith("this site is not healthy itself")
    assert scene.fake.control == STEADY_AT_EAST
    monkeypatch.setattr(scene.fake, "west_healthy", True)
    assert scene.ticks(WEST, 1).detail.endswith("is complete in epoch 2")


def test_a_watcher_that_cannot_read_the_control_record_does_nothing(
    scene: Scene,
) -> None:
    scene.fake.control = replace(STEADY_AT_EAST, active=WEST)
    with scene.fake.disturbed(faults=dict.fromkeys(range(1, 9), Fault.REFUSED)):
        tick = scene.ticks(WEST, 8)
        assert scene.fake.calls == 8, "the control record is all that is asked"
    assert tick == Tick(verdict="Blind", detail="control.read refused")
    assert not scene.heartbeats.kept


def test_a_lost_ledger_is_said_at_once_and_moved_to_the_site_whose_replica_hears_nothing(
    scene: Scene,
) -> None:
    scene.ticks(EAST, 1)
    scene.fake.ledgers[EAST].alive = False
    scene.fake.linked = False
    scene.ticks(EAST, 3)
    assert scene.heartbeats.kept[EAST].ledger_failures == 3
    tick = scene.ticks(WEST, 3)
    assert tick.verdict == "OpenMove"
    assert scene.fake.control.active == WEST


def test_no_single_port_that_is_down_keeps_a_watcher_from_its_ticks(scene: Scene) -> None:
    scene.heartbeats.fails = True
    scene.fake.ledgers[WEST].alive = False
    assert scene.ticks(WEST, 20) == Tick(verdict="Calm")


def test_a_platform_that_does_not_answer_gives_no_verdict(scene: Scene) -> None:
    scene.fake.ledgers[WEST].writable = True
    scene.fake.writer = WEST
    with scene.fake.disturbed(faults={4: Fault.REFUSED}):
        assert scene.ticks(WEST, 1) == Tick(verdict="Calm")
    assert "clusters.describe" in scene.fake.names
    assert scene.ticks(WEST, 3).verdict == "OpenMove"


def test_a_silent_runner_is_joined(scene: Scene) -> None:
    scene.fake.control = opened(
        STEADY_AT_EAST, to_west(MoveKind.SWITCHOVER), step="open-move", now=0.0
    )
    assert scene.ticks(WEST, 20) == Tick(verdict="Calm")
    tick = scene.ticks(WEST, 1)
    assert tick == Tick(verdict="ResumeMove", detail="move m1 is complete in epoch 2")


def test_a_run_log_that_cannot_be_read_does_not_keep_a_move_from_being_joined(
    scene: Scene,
) -> None:
    scene.fake.control = opened(
        STEADY_AT_EAST, to_west(MoveKind.SWITCHOVER), step="open-move", now=0.0
    )
    scene.ticks(WEST, 20)
    with scene.fake.disturbed(faults={4: Fault.REFUSED}):
        assert scene.ticks(WEST, 1).verdict == "ResumeMove"
    assert scene.fake.names.count("control.run_log") == 21 + 1, "one of them for the evidence"


def test_a_move_that_needs_an_approval_waits_and_goes_on_once_it_has_one() -> None:
    approval = FailoverSettings(min_stay_s=0, promotion=Promotion.APPROVAL)
    scene = Scene(SETTINGS.model_copy(update={"failover": approval}))
    scene.lose_east()
    tick = scene.ticks(WEST, 3)
    assert tick == Tick(verdict="OpenMove", detail="move failover-1 waits for an approval")
    assert scene.ticks(WEST, 40) == Tick(verdict="Calm")
    approve(scene.fake.ports().control, "failover-1", by="carol", now=0.0)
    assert scene.ticks(WEST, 1).verdict == "ResumeMove"
    assert scene.fake.control.active == WEST


def test_a_move_that_is_refused_is_told_and_tried_again_with_the_next_tick() -> None:
    strict = FailoverSettings(min_stay_s=600)
    scene = Scene(SETTINGS.model_copy(update={"failover": strict}))
    moved = world_for(MoveKind.FAILOVER)
    start(moved.ports(), to_west(MoveKind.FAILOVER), strict)
    assert moved.control.move is not None
    scene.fake.control = replace(
        moved.control, active=EAST, epoch=Epoch(1), changed_at=scene.fake.clock.now()
    )
    scene.lose_east()
    tick = scene.ticks(WEST, 3)
    assert tick.verdict == "OpenMove"
    assert "refused: cool-down" in tick.detail
    scene.fake.clock.advance(600)
    assert "is complete" in scene.ticks(WEST, 1).detail


def test_where_moves_are_left_to_people_the_tick_says_why_one_is_needed() -> None:
    by_hand = FailoverSettings(automatic=False)
    scene = Scene(SETTINGS.model_copy(update={"failover": by_hand}))
    scene.lose_east()
    tick = scene.ticks(WEST, 3)
    assert tick.verdict == "AskOperator"
    assert tick.detail.startswith("site lost")
    assert scene.fake.control == STEADY_AT_EAST


def test_a_request_to_the_peer_never_holds_a_tick_up() -> None:
    hangs = threading.Event()
    outcomes = iter([True, False])

    def healthy() -> bool:
        hangs.wait(10)
        return next(outcomes)

    probe = PeerProbe(healthy)
    assert probe.outcome() is None
    assert probe.outcome() is None
    hangs.set()
    assert first_of(probe) is True
    assert first_of(probe) is False


def first_of(probe: PeerProbe) -> bool:
    for _ in range(1000):
        outcome = probe.outcome()
        if outcome is not None:
            return outcome
        threading.Event().wait(0.01)
    raise AssertionError("no outcome")


@pytest.fixture(name="built")
def built_fixture(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(watcher, "watcher", lambda: scene.watchers[WEST])
    return scene


def test_the_handler_answers_with_the_tick_and_logs_what_is_new(
    built: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="payment_dr")
    assert watcher.handler({}, None) == {"verdict": "Calm", "detail": ""}
    assert not [record for record in caplog.records if record.message == "watcher"]
    with built.fake.disturbed(faults={1: Fault.REFUSED, 2: Fault.REFUSED}):
        blind = {"verdict": "Blind", "detail": "control.read refused"}
        assert watcher.handler({}, None) == blind
        assert watcher.handler({}, None) == blind
    said: list[Any] = [
        vars(record)["fields"] for record in caplog.records if record.message == "watcher"
    ]
    assert said == [blind], "once, and not with each tick"


def test_the_transitions_of_a_move_are_logged(
    built: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="payment_dr")
    built.lose_east()
    built.ticks(WEST, 3)
    steps = [vars(record)["fields"]["step"] for record in caplog.records]
    assert steps[0] == "open-move"
    assert steps[-1] == "evidence"
