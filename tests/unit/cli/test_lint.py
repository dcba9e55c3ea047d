"""`payment-dr lint`: exit codes, formats, and errors that say what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from fakes.terraform_plan import write
from payment_dr.adapters.plan_files import PlanError
from payment_dr.cli import lint
from payment_dr.lint.rules import RULES

WARNING = {"resource": {"aws_dynamodb_table": {"t": {"name": "t"}}}}
ERROR = {"resource": {"aws_ebs_volume": {"v": {"size": 1}}}}
UNKNOWN = {"resource": {"aws_iam_policy": {"p": {"policy": "${local.p}"}}}}


def run(*arguments: str) -> Any:
    app = typer.Typer()
    lint.register(app)
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(name="plan")
def plan_with_a_warning(tmp_path: Path) -> Path:
    return write_plan(tmp_path / "plan.json", WARNING)


def write_plan(path: Path, configuration: dict[str, Any]) -> Path:
    path.write_bytes(write(configuration))
    return path


def test_warnings_are_shown_and_fail_only_when_strict(plan: Path) -> None:
    result = run(str(plan))
    assert result.exit_code == 0
    assert "warning PDR804 Data that one apply can delete" in result.stdout
    assert "aws_dynamodb_table.t (us-east-1) does not set" in result.stdout
    assert "0 errors, 1 warnings (1 resources" in result.stdout
    assert "PDR103: a plan holds neither lifecycle nor backend" in result.stdout
    assert run(str(plan), "--strict").exit_code == 1


def test_errors_fail(tmp_path: Path) -> None:
    assert run(str(write_plan(tmp_path / "plan.json", ERROR))).exit_code == 1


def test_findings_can_be_ignored(plan: Path) -> None:
    for given in ("PDR804", "no-deletion-protection=aws_dynamodb_table.t"):
        result = run(str(plan), "--strict", "--ignore", given)
        assert result.exit_code == 0
        assert "1 ignored" in result.stdout
    assert run(str(plan), "--strict", "--ignore", "PDR804=aws_dynamodb_table.u").exit_code == 1


def test_json_is_for_programs(tmp_path: Path) -> None:
    first = write_plan(tmp_path / "a.json", WARNING)
    second = write_plan(tmp_path / "b.json", UNKNOWN)
    result = run(str(first), str(second), "--json")
    body = json.loads(result.stdout)
    assert (body["errors"], body["warnings"], body["resources"]) == (0, 1, 2)
    (finding,) = body["findings"]
    assert finding["rule"] == "PDR804"
    assert finding["plan"] == first.as_posix()
    assert finding["page"] == "docs/reference/lint/PDR804.md"
    assert [one["rule"] for one in body["not_judged"]] == ["PDR103", "PDR701", "PDR802"]
    assert body["not_judged"][2]["plan"] == second.as_posix()
    assert run(str(first), str(second), "--format", "json").stdout == result.stdout


def test_several_plans_are_named_in_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # names too short to be wrapped
    write_plan(tmp_path / "a.json", WARNING)
    write_plan(tmp_path / "b.json", UNKNOWN)
    shown = run("a.json", "b.json").stdout
    assert "a.json: aws_dynamodb_table.t" in shown
    assert "b.json: aws_iam_policy.p" in shown


def test_sarif_is_for_code_scanning(plan: Path) -> None:
    body = json.loads(run(str(plan), "--format", "sarif").stdout)
    assert body["version"] == "2.1.0"
    assert len(body["runs"][0]["tool"]["driver"]["rules"]) == len(RULES)


def test_the_configuration_lets_all_rules_run(plan: Path) -> None:
    (plan.parent / "main.tf").write_text('terraform {\n  backend "s3" {}\n}')
    result = run(str(plan), "--config", str(plan.parent))
    assert result.exit_code == 0
    assert "not judged" not in result.stdout
    assert f"{len(RULES)} rules" in result.stdout


def test_the_objective_is_an_option(tmp_path: Path) -> None:
    record = {
        "name": "x",
        "ttl": 60,
        "records": ["x"],
        "health_check_id": "${aws_route53_health_check.h.id}",
    }
    configuration = {
        "resource": {"aws_route53_record": {"r": record}, "aws_route53_health_check": {"h": {}}}
    }
    path = str(write_plan(tmp_path / "plan.json", configuration))
    assert run(path).exit_code == 1
    assert run(path, "--objective-acceptance-s", "150").exit_code == 0


def test_rules_are_listed_and_explained() -> None:
    listed = run("--list-rules")
    assert len(listed.stdout.splitlines()) == len(RULES)
    explained = run("--explain", "pdr101")
    assert explained.exit_code == 0
    assert explained.stdout.startswith("# PDR101: ")
    assert "## Remedy" in explained.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a plan"),
        (["--explain", "PDR999"], "no rule 'PDR999'"),
        (["{plan}", "--ignore", "nothing"], "no rule 'nothing'"),
        (["{plan}", "--config", ".", "--config", "."], "2 --config for 1 plans"),
    ],
)
def test_wrong_use_is_explained(plan: Path, arguments: list[str], message: str) -> None:
    result = run(*(argument.format(plan=plan) for argument in arguments))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


def test_a_file_that_is_no_plan_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    result = run(str(tmp_path / "absent.json"))
    assert isinstance(result.exception, PlanError)
    assert "show -json" in result.exception.remedy
