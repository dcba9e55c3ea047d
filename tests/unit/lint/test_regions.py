"""Regions and other constants, through variables and modules."""

from typing import Any

import msgspec
import pytest

from fakes.terraform_plan import plan, plan_json
from payment_dr.lint.document import PlanDocument
from payment_dr.lint.plan import Plan, region_of
from payment_dr.lint.resource import Resource
from payment_dr.lint.scope import DEPTH_MAX, Unresolved
from payment_dr.lint.values import number


def provider(region: object, **declared: Any) -> Resource:
    made = plan_json({"resource": {"aws_vpc": {"v": {}}}})
    made["configuration"]["provider_config"] = {
        "aws": {"expressions": {"region": region}, **declared}
    }
    return Plan([msgspec.convert(made, PlanDocument)]).resources[0]


@pytest.mark.parametrize(
    "region",
    [
        {"references": ["data.aws_region.here.name", "data.aws_region.here"]},
        {"references": ["var.unknown"]},
        {"references": ["local.region"]},
        {"constant_value": "nowhere"},
        {},
    ],
)
def test_a_region_that_cannot_be_told_is_named_by_its_provider(region: object) -> None:
    assert provider(region).region == "provider aws"


def test_a_provider_inside_a_module_sees_the_modules_variables() -> None:
    made = plan_json({"resource": {"aws_vpc": {"v": {}}}})
    root = made["configuration"]["root_module"]
    inner = {**root["resources"][0], "provider_config_key": "module.m:aws"}
    made["configuration"]["root_module"] = {
        "module_calls": {
            "m": {
                "expressions": {"region": {"constant_value": "eu-west-1"}},
                "module": {"resources": [inner], "variables": {"region": {}}},
            }
        }
    }
    made["configuration"]["provider_config"] = {
        "module.m:aws": {
            "module_address": "module.m",
            "expressions": {"region": {"references": ["var.region"]}},
        }
    }
    resources = made["planned_values"]["root_module"]["resources"]
    made["planned_values"]["root_module"] = {
        "child_modules": [{"address": "module.m", "resources": resources}]
    }
    found = Plan([msgspec.convert(made, PlanDocument)])
    assert found.resources[0].region == "eu-west-1"


def test_a_region_of_the_resource_itself_comes_first() -> None:
    found = plan({"resource": {"aws_vpc": {"v": {"region": "eu-west-3"}}}})
    assert found.resources[0].region == "eu-west-3"


def test_variables_that_never_end_resolve_to_nothing() -> None:
    made = plan_json({})
    modules: dict[str, Any] = {"variables": {"v": {}}}
    for _ in range(DEPTH_MAX + 1):
        call = {"expressions": {"v": {"references": ["var.v"]}}, "module": modules}
        modules = {"variables": {"v": {}}, "module_calls": {"m": call}}
    made["configuration"]["root_module"] = modules
    scope = Plan([msgspec.convert(made, PlanDocument)]).roots[0]
    while scope.children:
        scope = scope.children["m"][0]
    assert scope.constant({"references": ["var.v"]}) is Unresolved.UNRESOLVED


def test_numbers_written_as_text_are_numbers() -> None:
    assert [number(value, 7) for value in ("10", 3, 2.5, "x", None)] == [10, 3, 2.5, 7, 7]


def test_the_region_in_an_arn_is_found() -> None:
    assert region_of("arn:aws:kms:ap-southeast-2:1:key/x") == "ap-southeast-2"
    assert region_of("alias/key") == ""
