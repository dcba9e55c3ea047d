"""Judging a configuration by one rule, as far as the plan of it goes."""

from collections.abc import Mapping
from typing import Any

from fakes.terraform_plan import document
from payment_dr.lint.configuration import Configuration
from payment_dr.lint.engine import lint
from payment_dr.lint.finding import Result
from payment_dr.lint.plan import Plan
from payment_dr.lint.rules import RULES

EAST = "us-east-1"
WEST = "us-west-2"


def judged(
    rule_id: str,
    *resources: tuple[str, str, Mapping[str, Any]],
    data: tuple[tuple[str, str, Mapping[str, Any]], ...] = (),
    configuration: Configuration | None = None,
    acceptance_s: float = 60,
) -> Result:
    """What one rule says of resources, given as kind, name and arguments."""
    made: dict[str, Any] = {"resource": {}, "data": {}}
    for key, items in (("resource", resources), ("data", data)):
        for kind, name, arguments in items:
            made[key].setdefault(kind, {})[name] = arguments
    made["provider"] = {"aws": [{"region": EAST}, {"alias": "west", "region": WEST}]}
    return lint(
        Plan([document(made)]),
        configurations=[configuration],
        acceptance_s=acceptance_s,
        rules=[rule for rule in RULES if rule.rule_id == rule_id],
    )


def texts(result: Result) -> list[str]:
    """Findings as `address text`."""
    return [f"{one.place.address} {one.text}" for one in result.findings]


def reasons(result: Result) -> list[str]:
    """What was not judged as `address reason`."""
    return [f"{one.place.address} {one.reason}" for one in result.undecided]


def west(**arguments: Any) -> dict[str, Any]:
    """Arguments of a resource at the other site."""
    return {"provider": "aws.west", **arguments}


VPCS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("aws_vpc", "east", {"cidr_block": "10.0.0.0/16"}),
    ("aws_vpc", "west", west(cidr_block="10.1.0.0/16")),
)
"""Two sites."""
