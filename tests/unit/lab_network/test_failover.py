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

    def switch(self, problem: str | None, times: int = THRESHOLD) -> None:
        for _ in range(times):
            self.failover.takeover_probed(problem)

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
    scene.switch(None)
    assert scene.failover.answer == OTHER
    assert scene.failover.view[HOME]["healthy"]
    scene.switch("status 404")
    assert scene.failover.answer == HOME
    assert scene.written[1:] == [
        ("switch-raised", OTHER),
        ("dns-answer", OTHER),
        ("switch-lowered", OTHER),
        ("dns-answer", HOME),
    ]


def test_the_switch_turns_at_the_threshold_as_any_check(scene: Scene) -> None:
    scene.switch(None, THRESHOLD - 1)
    scene.switch("status 404", 1)
    scene.switch(None, THRESHOLD - 1)
    assert scene.failover.answer == HOME
    scene.switch(None, 1)
    scene.switch("status 503", THRESHOLD - 1)
    scene.switch(None, 1)
    assert scene.failover.answer == OTHER


def test_a_switch_that_cannot_be_asked_is_not_raised(scene: Scene) -> None:
    """The other site is gone, or cut off from the control record: home stays, if it is healthy."""
    scene.switch("no answer")
    assert scene.failover.answer == HOME
    scene.switch(None)
    scene.switch("no answer")
    assert scene.failover.answer == HOME
    assert "probe-failed" not in scene.path.read_text("utf-8"), "not raised is no fault"


def test_a_home_that_comes_back_is_not_answered_while_the_switch_is_raised(scene: Scene) -> None:
    scene.fail(HOME)
    scene.switch(None)
    scene.succeed(HOME)
    assert scene.failover.view[HOME]["healthy"]
    assert scene.failover.answer == OTHER


def test_the_loss_of_the_other_site_lowers_its_switch_and_leads_clients_home(scene: Scene) -> None:
    scene.switch(None)
    scene.fail(OTHER)
    assert scene.failover.answer == HOME, "with both unhealthy it is home, as Route 53 has it"
    scene.switch("no answer")
    scene.succeed(OTHER)
    assert scene.failover.answer == HOME


def test_home_is_answered_when_nothing_is_healthy(scene: Scene) -> None:
    scene.fail(HOME)
    scene.fail(OTHER)
    scene.switch(None)
    assert scene.failover.answer == HOME


def test_each_failed_probe_says_why(scene: Scene) -> None:
    scene.fail(HOME, 1)
    last = json.loads(scene.path.read_text(encoding="utf-8").splitlines()[-1])
    assert (last["name"], last["site"]) == ("probe-failed", HOME)
    assert last["detail"] == {"failures": 1, "problem": "no answer"}
