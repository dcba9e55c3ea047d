from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from fakes.drill_truth import STEADY, FakeTruth
from payment_dr.adapters.settings_file import example
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.stamp import SiteName
from payment_dr.lab import scenario
from payment_dr.lab.drill.script import Script
from payment_dr.lab.events import EventLog
from payment_dr.lab.scenario import Action, Step
from payment_dr.recovery.control import Phase

WEST = SiteName("west")


@dataclass
class FakeSites:
    done: list[str] = field(default_factory=list)

    def isolate(self, site: str, *, isolated: bool) -> None:
        self.done.append(f"isolate {site} {isolated}")

    def set_link(
        self, name: str, *, mode: str | None = None, delay_ms: float | None = None
    ) -> None:
        self.done.append(f"link {name} {mode or delay_ms}")

    def kill_site(self, site: str) -> None:
        self.done.append(f"kill {site}")

    def start_site(self, site: str) -> None:
        self.done.append(f"start {site}")

    def kill_database(self, site: str) -> None:
        self.done.append(f"kill database {site}")

    def rebuild_database(self, site: str) -> None:
        self.done.append(f"rebuild {site}")


@dataclass
class Stage:
    directory: Path
    truth: FakeTruth = field(default_factory=FakeTruth)
    sites: FakeSites = field(default_factory=FakeSites)
    waits: list[float] = field(default_factory=list)
    moves: list[tuple[str, str, float]] = field(default_factory=list)

    def play(self, *steps: Step) -> None:
        with EventLog(self.directory / "drill.jsonl") as events:
            Script(
                settings=example("development"),
                sites=self.sites,
                truth=self.truth,
                events=events,
                move=lambda kind, site, within_s: self.moves.append((kind, site, within_s)),
                wait=self.waits.append,
            ).play(steps)

    def events(self) -> str:
        return (self.directory / "drill.jsonl").read_text()


@pytest.fixture(name="stage")
def fixture_stage(tmp_path: Path) -> Stage:
    return Stage(directory=tmp_path)


def test_the_loss_of_a_region_severs_before_it_kills(stage: Stage) -> None:
    stage.play(*scenario.load("region-loss").steps[:2])
    assert stage.sites.done == ["isolate east True", "kill east"]
    assert stage.waits == [8, 0.2]
    assert stage.events().count('"name":"fault"') == 1


def test_an_isolated_site_stays_within_reach_of_clients_so_that_its_refusals_are_seen(
    stage: Stage,
) -> None:
    stage.play(Step(action=Action.ISOLATE), Step(action=Action.HEAL))
    assert stage.sites.done == [
        "isolate east True",
        "link client->east pass",
        "isolate east False",
    ]


def test_a_grey_failure_breaks_one_signal_at_a_time(stage: Stage) -> None:
    stage.play(*scenario.load("grey-failure").steps[:5])
    assert stage.sites.done == [
        "link west->east blackhole",
        "isolate east False",
        "link prober->east blackhole",
        "isolate east False",
        "link pg:west->east 400",
    ]
    assert not stage.moves


def test_databases_and_sites_are_killed_and_brought_back_by_name(stage: Stage) -> None:
    stage.play(
        Step(action=Action.KILL_DATABASE),
        Step(action=Action.REBUILD_DATABASE),
        Step(action=Action.START_SITE, site="other"),
    )
    assert stage.sites.done == ["kill database east", "rebuild east", "start west"]


def test_planned_moves_are_made_by_the_operator_with_their_limit(stage: Stage) -> None:
    stage.play(
        Step(action=Action.SWITCHOVER, site="other", within_s=9),
        Step(action=Action.FAILBACK, within_s=8),
    )
    assert stage.moves == [("switchover", "west", 9), ("failback", "east", 8)]


def test_a_move_is_awaited_until_another_site_is_steadily_active(stage: Stage) -> None:
    moving = replace(STEADY, phase=Phase.MOVING)
    moved = replace(STEADY, active=WEST)
    stage.truth.controls = iter([STEADY, replace(STEADY, version=0), moving, moved])
    stage.play(Step(action=Action.AWAIT_MOVE))
    assert next(stage.truth.controls, None) is None
    assert "truth-unavailable" in stage.events()


def test_confirmation_is_awaited_for_what_was_unconfirmed_at_the_start_not_for_newcomers(
    stage: Stage,
) -> None:
    stage.truth.waiting = iter([frozenset({"a"}), frozenset({"a", "b"}), frozenset({"b", "c"})])
    stage.play(Step(action=Action.AWAIT_CONFIRMED))
    assert next(stage.truth.waiting, None) is None


def test_a_step_that_does_not_come_about_fails_and_is_named(stage: Stage) -> None:
    stage.truth.controls = iter([STEADY] * 100_000)
    with pytest.raises(PaymentDrError, match=r"await-move did not come about within 0\.01 s"):
        stage.play(Step(action=Action.AWAIT_MOVE, within_s=0.01))
