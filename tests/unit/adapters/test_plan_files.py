"""Plan files: every wrong file is refused with what it is and what to run."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from fakes.terraform_plan import plan_json, write
from payment_dr.adapters import plan_files
from payment_dr.adapters.plan_files import PlanError, example, read_plan
from payment_dr.lint.rules import RULES

PLAN = {"resource": {"aws_vpc": {"v": {"cidr_block": "10.0.0.0/16"}}}}


def test_a_plan_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(write(PLAN))
    document = read_plan(path)
    assert [one.address for one in document.planned_values.root_module.resources] == ["aws_vpc.v"]


def test_a_plan_comes_from_standard_input_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(write(PLAN))))
    assert read_plan(Path("-")).format_version == "1.2"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_powershell_writes_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(write(PLAN).decode().encode(encoding))
    assert read_plan(path).format_version == "1.2"


def body(**changes: Any) -> str:
    return json.dumps({**plan_json(PLAN), **changes})


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        (b"not json", "is no JSON: ", "show -json"),
        (b'{"a": "\xff"}', "is no JSON: ", "show -json"),
        (b"\xff\xfe\xff", "is no text: ", "show -json"),
        (b"PK\x03\x04...", "is a plan in Terraform's own binary format", "show -json {path}"),
        (b'{"@level":"info"}', "is the log of `terraform plan -json`", "-out plan.bin"),
        (b'{"format_version":"1.0","values":{}}', "is a state", "show -json"),
        (b'{"version":4,"lineage":"x"}', "is a state", "show -json"),
        (b"{}", "is no plan: Object missing required field `format_version`", "show -json"),
        (b"[]", "is no plan: Expected `object`, got `array`", "show -json"),
        (body(format_version="0.1").encode(), "has format_version 0.1; 1.x is read", "plan with"),
        (body(format_version="2.0").encode(), "has format_version 2.0; 1.x is read", "plan with"),
        (body(errored=True).encode(), "is the plan of a run that failed", "plan again"),
        (body(planned_values=[]).encode(), "$.planned_values", "show -json"),
        (b"[" * 100_000, "is nested too deeply", "show -json"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, what: str, remedy: str) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    with pytest.raises(PlanError) as caught:
        read_plan(path)
    assert str(path) in caught.value.what
    assert what in caught.value.what
    assert remedy.format(path=path) in caught.value.remedy


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="No such file"):
        read_plan(tmp_path / "absent.json")
    with pytest.raises(PlanError, match="Is a directory"):
        read_plan(tmp_path)


def test_a_plan_above_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_files, "BYTES_MAX", 10)
    path = tmp_path / "plan.json"
    path.write_bytes(write(PLAN))
    with pytest.raises(PlanError, match="has more than 10 bytes; at most 10 are read"):
        read_plan(path)


def test_every_rule_has_both_examples() -> None:
    for rule in RULES:
        both = example(rule.rule_id)
        assert json.loads(both.failing) != json.loads(both.passing)
