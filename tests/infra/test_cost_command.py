"""`payment-dr cost` on the production example, with real stacks."""

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from payment_dr.adapters.settings_file import example_text
from payment_dr.cli import cost as command
from payment_dr.cli.main import build
from payment_dr.infra.cost.choices import choices


@pytest.fixture(name="settings_file")
def fixture_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two choices are enough: each is a synthesis of its own."""
    monkeypatch.setattr(command, "choices", lambda *given: choices(*given)[:2])
    path = tmp_path / "payment-dr.toml"
    path.write_text(example_text("production"))
    return path


def test_the_bill_is_counted_from_the_synthesized_stacks(settings_file: Path) -> None:
    arguments = ["cost", "--settings", str(settings_file), "--payments", "2000000", "--json"]
    result = CliRunner().invoke(build("cost"), arguments)
    assert result.exit_code == 0, result.output
    report = msgspec.json.decode(result.stdout)
    assert report["month_usd"] == pytest.approx(sum(report["scopes"].values()), abs=0.1)
    assert list(report["scopes"]) == ["foundation", "east", "west", "links", "payments"]
    items = {(line["scope"], line["item"]): line["quantity"] for line in report["lines"]}
    assert items["east", "database instances"] == items["west", "database instances"] == 1460
    assert items["east", "NAT gateways"] == 3 * 730
    assert items["payments", "HTTP requests"] == 2
    one_nat, one_instance = report["choices"]
    assert one_nat["difference_usd"] < 0
    assert one_instance["difference_usd"] < one_nat["difference_usd"]


def test_the_bill_is_a_table_with_the_date_of_its_prices(settings_file: Path) -> None:
    result = CliRunner().invoke(build("cost"), ["cost", "--settings", str(settings_file)])
    assert result.exit_code == 0, result.output
    assert "USD a month" in result.stdout
    assert "one NAT gateway in each site" in result.stdout
    assert "list prices of 2026-06-01 in us-east-1" in result.stdout
