"""Our own stacks keep every rule of `payment-dr lint`."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import pytest

from payment_dr.adapters.configuration_files import read_configuration
from payment_dr.infra.local import CONFIGURATION
from payment_dr.lint.document import PlanDocument
from payment_dr.lint.engine import lint
from payment_dr.lint.finding import Result
from payment_dr.lint.plan import Plan
from payment_dr.lint.rules import RULES
from policy.planned import PlannedStack, Stacks

LEFT_OPEN: Final = "PDR802"
"""Wildcards in a policy that names a key: its ARN, and so the policy, is known after the apply."""


def judged(stacks: Stacks, plans: Mapping[str, PlannedStack], **changed: PlanDocument) -> Result:
    """All stacks as one system, some of their plans replaced."""
    found = plans.values()
    return lint(
        Plan([changed.get(stack.name, stack.document) for stack in found]),
        # The file alone: beside it, the tests keep their states on this machine.
        configurations=[read_configuration(stack.directory / CONFIGURATION) for stack in found],
        acceptance_s=stacks.settings.objectives.acceptance_rto_s,
    )


def test_every_rule_judges_what_was_deployed_and_none_is_broken(stacks: Stacks) -> None:
    result = judged(stacks, stacks.settled)
    assert (result.findings, result.undecided, result.skipped) == ((), (), ())
    assert result.rules == len(RULES)
    assert result.sites == tuple(site.region for site in stacks.settings.sites)


def test_before_anything_exists_only_policies_that_name_ids_of_aws_are_left_open(
    stacks: Stacks,
) -> None:
    result = judged(stacks, stacks.stacks)
    assert (result.findings, result.skipped) == ((), ())
    assert {one.rule_id for one in result.undecided} == {LEFT_OPEN}
    # Of keys, and of whom the ledger's cluster and proxy let in by a token.
    named = ("keys", "logins", "proxy_reads")
    found = {one.place.address for one in result.undecided}
    assert [one for one in found if not any(name in one for name in named)] == []
    assert result.rules == len(RULES)


Change = Callable[[dict[str, Any]], None]


def _no_replica(secret: dict[str, Any]) -> None:
    secret["replica"] = []


def _one_instance_class(instance: dict[str, Any]) -> None:
    instance["instance_class"] = "db.r6g.xlarge"


def _slow(record: dict[str, Any]) -> None:
    record["ttl"] = 60


def _open(rule: dict[str, Any]) -> None:
    rule["cidr_ipv4"], rule["referenced_security_group_id"] = "0.0.0.0/0", None


def _alone(function: dict[str, Any]) -> None:
    function["reserved_concurrent_executions"] = 1


FAULTS: Final[Mapping[str, tuple[str, str, Change]]] = {
    "PDR106": ("west", "aws_rds_cluster_instance", _one_instance_class),
    "PDR302": ("links", "aws_route53_record", _slow),
    "PDR403": ("west", "aws_lambda_function", _alone),
    "PDR601": ("foundation", "aws_secretsmanager_secret", _no_replica),
    "PDR801": ("east", "aws_vpc_security_group_ingress_rule", _open),
}
"""Rule: stack, type of resource, and what is planted into all resources of the type."""


@pytest.mark.parametrize("rule", FAULTS)
def test_a_planted_fault_in_one_of_our_stacks_is_found(stacks: Stacks, rule: str) -> None:
    name, kind, change = FAULTS[rule]
    plan = json.loads(stacks.settled[name].plan_file.read_bytes())
    for resource in plan["planned_values"]["root_module"]["resources"]:
        if resource["type"] == kind:
            change(resource["values"])
    result = judged(stacks, stacks.settled, **{name: msgspec.convert(plan, PlanDocument)})
    assert {one.rule_id for one in result.findings} == {rule}
