"""The zone's answer as a function of probes and switch, and the events of each change."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.lab.events import EventLog
from payment_dr.lab.network.failover import Failover

SETTINGS = example("development")
THRESHOLD = SETTINGS.probes.threshold
HOME = SETTINGS.home
OTHER = SETTINGS.peer(HOME).name


class Scene:
    def __init__(self, directory: Path) -> None:
        self.path = directory / "network.jsonl"
        self.events = EventLog(self.path)
        ticks = count()
        self.failover = Failover(SETTINGS, self.events, now_ns=lambda: next(ticks))

    def fail(self, site: str, times: int = THRESHOLD) -> None:
        for _ in range(times):
            self.failover.probed(site, "no answer")

    def succeed(self, site: str, times: int = THRESHOLD) -> None:
        for _ in range(times):
            self.failover.probed(site, None)

    @property
    def written(self) -> list[tuple[str, str]]:
        lines = self.path.read_text(encoding="utf-8").splitlines()
        events = [json.loads(line) for line in lines]
        return [(e["name"], e["site"]) for e in events if e["name"] != "probe-failed"]


@pytest.fixture(name="scene")
def make_scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.events.close()


def test_home_is_answered_while_it_is_healthy(scene: Scene) -> None:
    scene.succeed(HOME)
    scene.fail(OTHER)
    assert scene.failover.answer == HOME
    assert scene.written == [("dns-answer", HOME), ("site-unhealthy", OTHER)]


def test_one_failure_below_the_threshold_changes_nothing(scene: Scene) -> None:
    scene.fail(HOME, THRESHOLD - 1)
    scene.succeed(HOME, 1)
    scene.fail(HOME, THRESHOLD - 1)
    assert scene.failover.answer == HOME
    assert scene.failover.view[HOME]["failures"] == THRESHOLD - 1


def test_the_threshold_th_failure_in_a_row_moves_the_answer(scene: Scene) -> None:
    scene.fail(HOME)
    assert scene.failover.answer == OTHER
    assert not scene.failover.view[HOME]["healthy"]
    assert scene.failover.view[HOME]["since_ns"] > scene.failover.view[OTHER]["since_ns"]
    assert scene.written[1:] == [("site-unhealthy", HOME), ("dns-answer", OTHER)]


def test_as_many_successes_in_a_row_move_it_back(scene: Scene) -> None:
    scene.fail(HOME)
    scene.succeed(HOME, THRESHOLD - 1)
    scene.fail(HOME, 1)
    scene.succeed(HOME, THRESHOLD - 1)
    assert scene.failover.answer == OTHER
    scene.succeed(HOME, 1)
    assert scene.failover.answer == HOME
    assert scene.written[3:] == [("site-healthy", HOME), ("dns-answer", HOME)]


def test_the_raised_switch_moves_the_answer_although_home_is_healthy(scene: Scene) -> None:
    scene.failover.switched(raised=True)
    scene.failover.switched(raised=True)
    assert scene.failover.answer == OTHER
    assert scene.failover.view[HOME]["healthy"]
    scene.failover.switched(raised=False)
    assert scene.failover.answer == HOME
    assert scene.written[1:] == [
        ("switch-raised", OTHER),
        ("dns-answer", OTHER),
        ("switch-lowered", OTHER),
        ("dns-answer", HOME),
    ]


def test_home_is_answered_when_nothing_is_healthy(scene: Scene) -> None:
    scene.fail(HOME)
    scene.fail(OTHER)
    scene.failover.switched(raised=True)
    assert scene.failover.answer == HOME


def test_each_failed_probe_says_why(scene: Scene) -> None:
    scene.fail(HOME, 1)
    last = json.loads(scene.path.read_text(encoding="utf-8").splitlines()[-1])
    assert (last["name"], last["site"]) == ("probe-failed", HOME)
    assert last["detail"] == {"failures": 1, "problem": "no answer"}
