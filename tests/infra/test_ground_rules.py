"""The linter's rules over both sites' ground together, and over faults planted in it."""

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fakes.terraform_plan import document
from infra.synthesized import StackJson
from payment_dr.adapters.configuration_files import read_configuration
from payment_dr.lint.engine import lint
from payment_dr.lint.finding import Result
from payment_dr.lint.plan import Plan
from payment_dr.lint.rules import RULES

STATE = "PDR701"
"""Judges the backend, which a stack brings and a construct does not."""


def _judged(directory: Path, *stacks: StackJson) -> Result:
    configurations = []
    for number, stack in enumerate(stacks):
        path = directory / str(number) / "cdk.tf.json"
        path.parent.mkdir()
        path.write_text(json.dumps(stack), encoding="utf-8")
        configurations.append(read_configuration(path))
    return lint(
        Plan([document(stack) for stack in stacks]),
        configurations=configurations,
        acceptance_s=60,
        rules=[rule for rule in RULES if rule.rule_id != STATE],
    )


def test_no_rule_finds_anything(tmp_path: Path, east: StackJson, west: StackJson) -> None:
    result = _judged(tmp_path, east, west)
    assert not result.findings
    # Whom the proxy lets in depends on an id that AWS gives: `tests/policy` decides it.
    assert {(one.rule_id, one.place.address) for one in result.undecided} == {
        ("PDR802", "aws_iam_role_policy.database_proxy_reads_36F06DDE")
    }
    assert not result.skipped
    assert result.sites == ("us-east-1", "us-west-2")


def _first(stack: Mapping[str, Any], kind: str) -> dict[str, Any]:
    body: dict[str, Any] = next(iter(stack["resource"][kind].values()))
    return body


FAULTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "PDR101": lambda stack: _first(stack, "aws_rds_cluster").pop("kms_key_id"),
    "PDR102": lambda stack: _first(stack, "aws_rds_cluster").update(
        manage_master_user_password=True
    ),
    "PDR103": lambda stack: _first(stack, "aws_rds_cluster").pop("lifecycle"),
    "PDR104": lambda stack: _first(stack, "aws_rds_cluster_parameter_group")["parameter"].append(
        {"name": "rds.global_db_rpo", "value": "20"}
    ),
    "PDR105": lambda stack: _first(stack, "aws_rds_cluster").update(engine_version="16.4"),
    "PDR106": lambda stack: _first(stack, "aws_rds_cluster_instance").update(
        instance_class="db.t4g.medium"
    ),
    "PDR107": lambda stack: stack["resource"].pop("aws_rds_cluster_instance"),
    "PDR602": lambda stack: _first(stack, "aws_backup_plan")["rule"][0].pop("copy_action"),
    "PDR603": lambda stack: _first(stack, "aws_rds_cluster").update(master_password="clear"),
    "PDR801": lambda stack: _first(stack, "aws_vpc_security_group_ingress_rule").update(
        cidr_ipv4="0.0.0.0/0"
    ),
    "PDR803": lambda stack: _first(stack, "aws_rds_cluster").update(storage_encrypted=False),
    "PDR804": lambda stack: _first(stack, "aws_rds_cluster").update(deletion_protection=False),
}
"""What would bring a usual failure back, by the rule that finds it; planted at the other site."""


@pytest.mark.parametrize("rule_id", FAULTS)
def test_a_usual_failure_that_comes_back_is_found(
    tmp_path: Path, east: StackJson, west: StackJson, rule_id: str
) -> None:
    broken = copy.deepcopy(dict(west))
    FAULTS[rule_id](broken)
    result = _judged(tmp_path, east, broken)
    assert rule_id in {finding.rule_id for finding in result.findings}
