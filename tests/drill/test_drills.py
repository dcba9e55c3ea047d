"""Whole drills with real parts, one after another: each needs both cores for itself.

They are shorter and gentler than `make drill`. No time is asserted, only what is true at any speed.
"""

import json
from pathlib import Path

import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.provider_kind import ProviderKind
from payment_dr.lab import scenario
from payment_dr.lab.drill.design import Design
from payment_dr.lab.drill.run import Order, run_drill
from payment_dr.lab.drill.verdict import judge
from payment_dr.lab.scenario import Action, LoadShape, Scenario, Step
from payment_dr.report.live import Snapshot
from payment_dr.report.model import Report

pytestmark = [pytest.mark.drill, pytest.mark.timeout(170)]

RATE = 40


class SilentView:
    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self.events: list[str] = []

    def update(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)

    def event(self, text: str) -> None:
        self.events.append(text)


def gentle(name: str) -> Scenario:
    """A scenario that comes with payment-dr, with a lower rate and shorter waits."""
    one = scenario.load(name)
    steps = tuple(
        s.model_copy(update={"wait_s": min(s.wait_s, 3), "within_s": 60}) for s in one.steps
    )
    return one.model_copy(update={"load": LoadShape(rate_per_s=RATE), "steps": steps})


def drilled(
    one: Scenario,
    reports: Path,
    *,
    design: Design = Design.RECORD_FIRST,
    seed: int = 1,
    provider: ProviderKind = ProviderKind.STRIPE,
) -> tuple[Report, Path, SilentView]:
    view = SilentView()
    settings = example("development")
    limits = settings.payments.model_copy(update={"provider": provider})
    settings = settings.model_copy(update={"payments": limits})
    order = Order(scenario=one, design=design, seed=seed, settings=settings, reports=reports)
    directory = run_drill(order, view)
    return judge(directory), directory, view


def broken(report: Report) -> list[str]:
    return [
        f"{c.name}: {c.verdict} {c.witness} {c.reason}"
        for c in report.claims
        if c.verdict != "pass"
    ]


def test_a_grey_failure_loses_nothing_and_moves_nothing(tmp_path: Path) -> None:
    report, directory, _ = drilled(gentle("grey-failure"), tmp_path)
    assert broken(report) == []
    assert report.payments.acknowledged > 3 * RATE
    assert (directory / "moves.jsonl").read_text() == ""
    events = (directory / "events.jsonl").read_text().splitlines()
    names = [json.loads(line)["name"] for line in events]
    assert "move-opened" not in names
    assert "site-unhealthy" in names, "the probers did see the partial failure"


@pytest.mark.parametrize("name", ["region-loss", "database-loss", "isolated-site"])
def test_no_loss_of_a_site_or_its_parts_loses_or_doubles_a_payment(
    name: str, tmp_path: Path
) -> None:
    report, directory, view = drilled(gentle(name), tmp_path)
    assert broken(report) == []
    assert report.payments.acknowledged > 3 * RATE
    assert report.data_loss.payments == 0
    assert report.double_charges == 0
    assert report.moves[0].site == "west"
    assert report.recovery_time_s.acceptance is not None
    assert report.recovery_time_s.ledger is not None
    assert view.snapshots[-1].acknowledged > 0
    assert any("fault" in event for event in view.events)
    assert (directory / "logs" / "api-west.log").stat().st_size > 0


def test_a_provider_of_another_kind_changes_nothing(tmp_path: Path) -> None:
    report, _, _ = drilled(gentle("region-loss"), tmp_path, provider=ProviderKind.ACQUIRER)
    assert broken(report) == []
    assert report.payments.acknowledged > 3 * RATE
    assert report.double_charges == 0


def test_a_planned_move_there_and_back_loses_no_entry(tmp_path: Path) -> None:
    there = gentle("switchover")
    back = (
        Step(action=Action.FAILBACK, wait_s=9, within_s=60),
        Step(action=Action.AWAIT_CONFIRMED),
    )
    both = there.model_copy(update={"steps": (*there.steps, *back)})
    report, _, _ = drilled(both, tmp_path)
    assert broken(report) == []
    assert [(m.kind, m.site, m.only_in_old_writer) for m in report.moves] == [
        ("switchover", "west", 0),
        ("failback", "east", 0),
    ]


@pytest.mark.parametrize("name", [n for n in scenario.names() if scenario.load(n).negative_control])
def test_a_negative_control_is_caught(name: str, tmp_path: Path) -> None:
    report, _, _ = drilled(gentle(name), tmp_path)
    assert report.negative_control is not None
    assert report.negative_control.caught, broken(report)
    assert report.verdict == "fail"


def test_the_usual_design_is_driven_by_the_same_load_and_judged_by_the_same_checker(
    tmp_path: Path,
) -> None:
    report, directory, _ = drilled(gentle("region-loss"), tmp_path, design=Design.LEDGER_FIRST)
    assert report.design == "ledger-first"
    assert report.payments.acknowledged > 3 * RATE
    # Whether this run loses payments is luck, as its lag is short; that it is judged is not.
    assert report.data_loss.payments is not None
    assert json.loads((directory / "run.json").read_text())["design"] == "ledger-first"


def test_a_lab_that_does_not_start_says_why_and_leaves_no_run(tmp_path: Path) -> None:
    one = gentle("region-loss").model_copy(update={"api_handler": "payment_dr.lab.nothing:handler"})
    with pytest.raises(PaymentDrError, match=r"No module named 'payment_dr\.lab\.nothing'"):
        drilled(one, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_move_that_is_refused_ends_the_drill_with_what_was_said(tmp_path: Path) -> None:
    steps = (Step(action=Action.FAILBACK, wait_s=1, within_s=30),)
    one = gentle("region-loss").model_copy(update={"steps": steps})
    with pytest.raises(PaymentDrError, match="failback to east ended with status") as caught:
        drilled(one, tmp_path)
    (run,) = tmp_path.iterdir()
    assert str(run / "logs") in caught.value.remedy
    assert list((run / "logs").glob("api-*.log"))


def test_a_directory_that_cannot_hold_reports_is_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PaymentDrError, match="cannot hold reports"):
        drilled(gentle("region-loss"), tmp_path / "file")
