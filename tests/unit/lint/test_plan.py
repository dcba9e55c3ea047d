"""A plan recorded from Terraform 1.15: modules, indexes, references, and what cannot be known."""

from pathlib import Path
from typing import Final

import msgspec
import pytest

from fakes.terraform_plan import document, plan, plan_json
from payment_dr.adapters.plan_files import read_plan
from payment_dr.lint.document import PlanDocument
from payment_dr.lint.plan import Plan
from payment_dr.lint.resource import Resource

RECORDED: Final = Path(__file__).parent / "recorded" / "modules.json"


@pytest.fixture(name="recorded", scope="module")
def recorded_plan() -> Plan:
    return Plan([read_plan(RECORDED)])


def at(found: Plan, address: str) -> Resource:
    return next(resource for resource in found.resources if resource.address == address)


def targets(found: Plan, address: str, name: str) -> tuple[list[str], bool]:
    followed = found.targets(at(found, address), name)
    return [resource.address for resource in followed.resources], followed.complete


def test_regions_come_from_provider_blocks_through_variables(recorded: Plan) -> None:
    assert at(recorded, "aws_vpc.v").region == "us-east-1"
    assert at(recorded, 'module.west["c"].module.net.aws_vpc.deep').region == "us-west-2"


def test_an_output_is_followed_through_a_module_without_resources(recorded: Plan) -> None:
    assert targets(recorded, "aws_subnet.by_output", "vpc_id") == (["aws_vpc.v"], True)


def test_an_output_of_a_nested_module_is_followed_in_the_instance_that_is_meant(
    recorded: Plan,
) -> None:
    deep = 'module.west["a.b"].module.net.aws_vpc.deep'
    assert targets(recorded, 'aws_route_table.keyed["a"]', "vpc_id") == ([deep], True)


def test_a_reference_behind_a_local_is_not_complete(recorded: Plan) -> None:
    assert targets(recorded, "aws_subnet.by_local", "vpc_id") == ([], False)


def test_instances_of_the_same_count_are_paired(recorded: Plan) -> None:
    association = "aws_route_table_association.counted[1]"
    assert targets(recorded, association, "subnet_id") == (["aws_subnet.counted[1]"], True)
    assert targets(recorded, association, "route_table_id")[0] == ["aws_route_table.counted[0]"]


def test_a_reference_to_all_instances_means_all(recorded: Plan) -> None:
    found, _ = targets(recorded, "aws_lambda_function.f", "vpc_config")
    assert found == ["aws_subnet.counted[0]", "aws_subnet.counted[1]", "aws_security_group.all"]


def test_each_value_leads_to_what_the_resource_iterates_over(recorded: Plan) -> None:
    each = 'module.west["c"].aws_subnet.each["one"]'
    assert targets(recorded, each, "vpc_id") == (["aws_vpc.v"], True)


def test_a_null_passed_through_variables_is_not_set(recorded: Plan) -> None:
    assert not at(recorded, "aws_rds_cluster.no_key").is_set("kms_key_id")
    assert not at(recorded, 'module.west["c"].aws_rds_cluster.c').is_set("kms_key_id")


def test_blocks_made_dynamically_get_the_benefit_of_the_doubt(recorded: Plan) -> None:
    (replica,) = at(recorded, "aws_dynamodb_table.t").blocks("replica")
    assert replica.text("region_name") == "us-west-2"
    assert replica.is_set("kms_key_arn")
    assert not replica.is_set("consistency_mode")
    followed = recorded.targets(replica, "kms_key_arn")
    assert followed.resources == ()
    assert not followed.complete


def test_who_refers_to_a_resource_is_known_too(recorded: Plan) -> None:
    table = at(recorded, "aws_route_table.counted[0]")
    referring = recorded.referring("aws_route_table_association", "route_table_id")
    assert len(referring[table]) == 2
    assert recorded.referring("aws_route_table_association", "route_table_id") is referring


def test_blocks_in_another_order_than_written_keep_their_expressions() -> None:
    made = plan_json(
        {
            "resource": {
                "aws_x": {
                    "x": {"rule": [{"n": "a", "key": "${aws_y.a.id}"}, {"n": "b", "key": "k"}]},
                },
                "aws_y": {"a": {}},
            }
        }
    )
    made["planned_values"]["root_module"]["resources"][0]["values"]["rule"].reverse()
    made["resource_changes"][0]["change"]["after_unknown"]["rule"].reverse()
    found = Plan([msgspec.convert(made, PlanDocument)])
    first, second = at(found, "aws_x.x").blocks("rule")
    assert (first.text("n"), found.targets(first, "key").resources) == ("b", ())
    assert [one.address for one in found.targets(second, "key").resources] == ["aws_y.a"]


def test_blocks_that_contradict_what_was_written_take_what_is_left() -> None:
    made = plan_json({"resource": {"aws_x": {"x": {"rule": [{"n": "a"}, {"n": "b"}]}}}})
    for item in made["planned_values"]["root_module"]["resources"][0]["values"]["rule"]:
        item["n"] = "normalized"
    found = Plan([msgspec.convert(made, PlanDocument)])
    blocks = at(found, "aws_x.x").blocks("rule")
    assert [block.expressions for block in blocks] == [
        {"n": {"constant_value": "a"}},
        {"n": {"constant_value": "b"}},
    ]


def test_a_single_block_may_be_an_object() -> None:
    found = plan({"resource": {"aws_x": {"x": {"timeouts": [{"create": "1h"}]}}}})
    one = at(found, "aws_x.x")
    made = Resource(
        scope=one.scope,
        values={"timeouts": {"create": "1h"}},
        unknown=True,
        expressions={"timeouts": {"create": {"constant_value": "1h"}}},
        address="aws_x.y",
        kind="aws_x",
        name="y",
        index=None,
        region="",
        managed=True,
        each=None,
    )
    (block,) = made.blocks("timeouts")
    assert block.is_unknown("anything")
    assert block.text("create") == "1h"
    assert made.blocks("absent") == []


def test_blocks_written_as_an_attribute_have_no_expressions_of_their_own() -> None:
    made = plan_json({"resource": {"aws_x": {"x": {"ingress": [{"port": "1"}]}}}})
    resource = made["configuration"]["root_module"]["resources"][0]
    resource["expressions"]["ingress"] = {"references": ["local.rules"]}
    found = Plan([msgspec.convert(made, PlanDocument)])
    (block,) = at(found, "aws_x.x").blocks("ingress")
    assert block.expressions is None


def test_an_index_that_no_instance_has_means_all_instances() -> None:
    configuration = {
        "resource": {
            "aws_x": {"x": {"count": 2, "to": "${aws_y.y[count.index].id}"}},
            "aws_y": {"y": {"for_each": {"a": 1, "b": 2}}},
        }
    }
    found, complete = targets(plan(configuration), "aws_x.x[1]", "to")
    assert found == ['aws_y.y["a"]', 'aws_y.y["b"]']
    assert complete


def test_a_key_means_the_instance_of_that_key() -> None:
    configuration = {
        "resource": {
            "aws_x": {"x": {"to": '${aws_y.y["b"].id}'}},
            "aws_y": {"y": {"for_each": {"a": 1, "b": 2}}},
        }
    }
    assert targets(plan(configuration), "aws_x.x", "to") == (['aws_y.y["b"]'], True)


def references(*given: str) -> Plan:
    made = plan_json({"resource": {"aws_x": {"x": {"to": "${aws_y.y.id}"}}}})
    expressions = made["configuration"]["root_module"]["resources"][0]["expressions"]
    expressions["to"] = {"references": list(given)}
    made["configuration"]["root_module"]["module_calls"] = {
        "m": {"source": "./m", "module": {"outputs": {"known": {"expression": {}}}}},
        "outside": {"source": "./n"},
    }
    return Plan([msgspec.convert(made, PlanDocument)])


@pytest.mark.parametrize(
    ("reference", "complete"),
    [
        ("path.module", True),
        ("var.of_the_root", True),
        ("module.m.known", True),
        ("module.m.unknown", True),
        ("module.nowhere.output", True),
        ("module.m", False),
        ("each.value", False),
        ("local.x", False),
        ("aws_gone.x", True),
        ("not a reference", True),
    ],
)
def test_references_that_lead_nowhere_are_told_apart(reference: str, *, complete: bool) -> None:
    assert targets(references(reference), "aws_x.x", "to") == ([], complete)


def test_references_in_a_circle_end() -> None:
    made = plan_json({"resource": {"aws_x": {"x": {"to": "${module.m.o}"}}}})
    module = {
        "outputs": {"o": {"expression": {"references": ["var.v"]}}},
        "variables": {"v": {}},
    }
    made["configuration"]["root_module"]["module_calls"] = {
        "m": {"expressions": {"v": {"references": ["module.m.o"]}}, "module": module}
    }
    found = Plan([msgspec.convert(made, PlanDocument)])
    assert targets(found, "aws_x.x", "to") == ([], True)


def test_a_data_source_that_was_read_is_a_target() -> None:
    configuration = {
        "data": {"aws_iam_policy_document": {"d": {"statement": [{"effect": "Allow"}]}}},
        "resource": {"aws_x": {"x": {"to": "${data.aws_iam_policy_document.d.json}"}}},
    }
    found = plan(configuration)
    assert targets(found, "aws_x.x", "to") == (["data.aws_iam_policy_document.d"], True)
    assert found.of("aws_iam_policy_document") == []


def test_names_link_what_references_do_not() -> None:
    first = document(
        {"resource": {"aws_rds_global_cluster": {"g": {"global_cluster_identifier": "g"}}}}
    )
    second = document({"resource": {"aws_rds_cluster": {"c": {"global_cluster_identifier": "g"}}}})
    found = Plan([first, second])
    assert targets(found, "aws_rds_cluster.c", "global_cluster_identifier")[0] == [
        "aws_rds_global_cluster.g"
    ]
    assert [resource.plan for resource in found.resources] == [0, 1]


def test_a_resource_that_only_the_values_know_can_still_be_judged() -> None:
    made = plan_json({"resource": {"aws_x": {"x": {"key": "${aws_y.y.id}"}}}})
    made["configuration"]["root_module"]["resources"] = []
    planned = made["planned_values"]["root_module"]
    planned["child_modules"] = [{"address": "odd", "resources": planned.pop("resources")}]
    found = Plan([msgspec.convert(made, PlanDocument)])
    assert at(found, "aws_x.x").region == "provider"
    assert at(found, "aws_x.x").is_set("key")
    assert targets(found, "aws_x.x", "key") == ([], False)


def test_a_leftover_of_a_replacement_does_not_hide_what_is_unknown() -> None:
    made = plan_json({"resource": {"aws_x": {"x": {"key": "${aws_y.y.id}"}}}})
    made["resource_changes"].append({"address": "aws_x.x", "deposed": "abc", "change": {}})
    found = Plan([msgspec.convert(made, PlanDocument)])
    assert at(found, "aws_x.x").is_unknown("key")


def test_data_sources_of_the_earlier_state_join_the_modules_of_the_plan() -> None:
    made = plan_json({})
    vpc = {"address": "module.m.aws_vpc.v", "mode": "managed", "type": "aws_vpc", "name": "v"}
    data = {"address": "module.m.data.aws_x.d", "mode": "data", "type": "aws_x", "name": "d"}
    made["planned_values"]["root_module"]["child_modules"] = [
        {"address": "module.m", "resources": [vpc]}
    ]
    made["prior_state"]["values"]["root_module"]["child_modules"] = [
        {"address": "module.m", "resources": [vpc, data]}
    ]
    found = Plan([msgspec.convert(made, PlanDocument)])
    assert [resource.address for resource in found.resources] == [vpc["address"], data["address"]]
    assert found.resources[0].scope is found.resources[1].scope
