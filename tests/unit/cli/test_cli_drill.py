import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from fakes.evidence import FakeRun
from fakes.synthetic import clean_run
from payment_dr.adapters.evidence_files import read_run, write_run
from payment_dr.cli import drill
from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.drill.design import Design
from payment_dr.lab.drill.run import Order, new_seed


class Lab:
    """Stands in for the lab: writes a run's files instead of running it."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.run = clean_run(seed=1)
        self.broken: FakeRun | None = None

    def __call__(self, order: Order, view: object) -> Path:
        self.orders.append(order)
        directory = order.reports / f"run-{len(self.orders)}"
        rows = self.run
        if order.design is Design.LEDGER_FIRST and self.broken is not None:
            rows = self.broken
        rows.write(directory)
        write_run(
            directory,
            {
                **read_run(directory).document,
                "design": order.design,
                "must_break": order.scenario.must_break,
                "settings": order.settings.model_dump(mode="json"),
            },
        )
        return directory


@pytest.fixture(name="lab")
def fixture_lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    lab = Lab()
    monkeypatch.setattr(drill, "run_drill", lab)
    return lab


def run(tmp_path: Path, *arguments: str) -> Result:
    app = typer.Typer()
    drill.register(app)
    return CliRunner().invoke(app, ["--reports", str(tmp_path), *arguments])


def lossy() -> FakeRun:
    rows = clean_run(seed=1)
    del rows.payments[:5]
    return rows


def test_a_drill_whose_claims_hold_ends_with_0_and_latest_leads_to_it(
    lab: Lab, tmp_path: Path
) -> None:
    result = run(tmp_path)
    assert result.exit_code == 0
    assert lab.orders[0].scenario.name == "region-loss"
    assert lab.orders[0].design is Design.RECORD_FIRST
    assert (tmp_path / "latest" / "report.html").is_file()
    assert "claims hold" in result.stdout


def test_a_drill_with_a_broken_claim_ends_with_1(lab: Lab, tmp_path: Path) -> None:
    lab.run = lossy()
    assert run(tmp_path).exit_code == 1


def test_json_on_standard_output_is_the_report_and_nothing_else(lab: Lab, tmp_path: Path) -> None:
    result = run(tmp_path, "--json", "--seed", "7", "--rate", "30")
    report = json.loads(result.stdout)
    assert report["verdict"] == "pass"
    assert lab.orders[0].seed == 7
    assert lab.orders[0].scenario.load.rate_per_s == 30


def test_a_comparison_runs_both_designs_with_one_seed_and_is_judged_by_ours(
    lab: Lab, tmp_path: Path
) -> None:
    lab.broken = lossy()
    result = run(tmp_path, "--compare", "--json")
    runs = json.loads(result.stdout)["runs"]
    assert [r["design"] for r in runs] == ["record-first", "ledger-first"]
    assert [r["verdict"] for r in runs] == ["pass", "fail"]
    assert lab.orders[0].seed == lab.orders[1].seed
    assert result.exit_code == 0
    page = (tmp_path / "latest" / "report.html").read_text()
    assert "ledger-first" in page


@pytest.mark.usefixtures("lab")
def test_a_comparison_for_people_sets_the_designs_side_by_side(tmp_path: Path) -> None:
    assert "ledger-first" in run(tmp_path, "--compare").stdout


def test_a_negative_control_that_breaks_what_it_must_ends_with_1(lab: Lab, tmp_path: Path) -> None:
    lab.run = lossy()
    assert run(tmp_path, "acknowledge-before-commit").exit_code == 1


@pytest.mark.usefixtures("lab")
def test_a_negative_control_that_is_not_caught_ends_with_3(tmp_path: Path) -> None:
    assert run(tmp_path, "acknowledge-before-commit").exit_code == drill.NOT_CAUGHT


def test_the_scenarios_are_listed_without_running_any(lab: Lab, tmp_path: Path) -> None:
    result = run(tmp_path, "--list")
    assert "region-loss: " in result.stdout
    assert "must fail" in result.stdout
    assert not lab.orders


def test_settings_of_ones_own_are_used(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = "probes"
    file.write_text(text)
    result = run(tmp_path, "--settings", str(file))
    assert isinstance(result.exception, PaymentDrError)
    assert not lab.orders


def test_nobody_chooses_a_new_seed() -> None:
    assert len({new_seed() for _ in range(8)}) == 8
