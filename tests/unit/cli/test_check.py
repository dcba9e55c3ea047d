"""`payment-dr check`: exit codes, what is printed where, and errors that say what to do."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fakes.synthetic import clean_run
from payment_dr.adapters.evidence_lines import EvidenceError
from payment_dr.cli import check


def app() -> typer.Typer:
    made = typer.Typer()
    check.register(made)
    return made


def test_a_run_that_holds_exits_zero_with_a_table(tmp_path: Path) -> None:
    clean_run(seed=2, operations=100, rate=50).write(tmp_path)
    result = CliRunner().invoke(app(), [str(tmp_path)])
    assert result.exit_code == 0
    assert "acknowledged-payments-survive" in result.stdout


def test_a_run_that_does_not_hold_exits_one_and_prints_json(tmp_path: Path) -> None:
    run = clean_run(seed=2, operations=100, rate=50)
    run.payments.pop()
    run.write(tmp_path)
    result = CliRunner().invoke(app(), [str(tmp_path), "--json"])
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["verdict"] == "fail"
    assert {"name", "verdict", "witness"} <= document["claims"][0].keys()
    assert document["data_loss"]["payments"] == 1
    assert document["double_charges"] == 0


def test_a_run_that_proves_nothing_exits_one(tmp_path: Path) -> None:
    clean_run(seed=2, operations=100, rate=50).write(tmp_path)
    (tmp_path / "ledger.csv").unlink()
    result = CliRunner().invoke(app(), [str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["verdict"] == "unknown"


def test_a_directory_of_something_else_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    result = CliRunner().invoke(app(), [str(tmp_path)])
    assert isinstance(result.exception, EvidenceError)
    assert "reports/latest" in result.exception.remedy
    with pytest.raises(EvidenceError):
        check.check(tmp_path)
