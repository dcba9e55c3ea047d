"""`payment-dr policy`: the document that IAM takes, and the same for people."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from payment_dr.adapters.settings_file import example_text
from payment_dr.cli import policy


@pytest.fixture(name="settings")
def settings_fixture(tmp_path: Path) -> Path:
    written = tmp_path / "payment-dr.toml"
    written.write_text(example_text("production"))
    return written


def run(*arguments: str) -> str:
    app = typer.Typer()
    policy.register(app)
    end = CliRunner().invoke(app, [*arguments])
    assert end.exit_code == 0, end.output
    return end.stdout


def test_the_document_is_a_policy_as_iam_takes_it(settings: Path) -> None:
    document = json.loads(run("approver", "--json", "--settings", str(settings)))
    assert document["Version"] == "2012-10-17"
    assert {one["Effect"] for one in document["Statement"]} == {"Allow"}
    assert "WriteControlRecord" in {one["Sid"] for one in document["Statement"]}


def test_people_read_which_commands_it_is_for_and_each_statement(settings: Path) -> None:
    text = run("operator", "--settings", str(settings))
    assert text.startswith("operator: failover, switchover")
    assert "  StartMove: states:StartExecution\n" in text
    assert "    on arn:aws:states:us-west-2:" in text
