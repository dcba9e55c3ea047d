"""Experiments for drills: actions that exist, on one site, stopped by an alarm where they run."""

from typing import Any

import pytest

from infra.synthesized import Body, StackJson, resources, statements, synthesize_at, the, the_name
from payment_dr.core.settings import Settings
from payment_dr.infra.alarm_definitions import alarms
from payment_dr.infra.constructs.drill_guard import DrillGuard, DrillGuardProps
from payment_dr.infra.constructs.fault_injection import (
    API_ERRORS,
    DURATION,
    FaultInjection,
    FaultInjectionProps,
)
from payment_dr.infra.constructs.fault_injection_role import UNAVOIDABLE
from payment_dr.infra.place import Place

TEMPLATE = "aws_fis_experiment_template"
GUARD = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:payments-drill-east-prod"
TOPIC = "arn:aws:sns:us-east-1:123456789012:payments-alarms-east-prod"

ACTIONS = {
    "aws:network:disrupt-connectivity": ("Subnets", "aws:ec2:subnet", {"scope", "duration"}),
    "aws:dynamodb:global-table-pause-replication": (
        "Tables",
        "aws:dynamodb:global-table",
        {"duration"},
    ),
    "aws:rds:failover-db-cluster": ("Clusters", "aws:rds:cluster", set[str]()),
}
"""Of https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html: what an action
calls its targets, what these are, and its parameters."""


@pytest.fixture(scope="module", name="stack")
def made_stack(home: Place) -> StackJson:
    def build(stack: Any) -> None:
        DrillGuard(stack, "guard", DrillGuardProps(place=home, topic_arn=TOPIC))
        FaultInjection(
            stack,
            "faults",
            FaultInjectionProps(place=home, guard_arn=GUARD, logs_key_arn="arn:aws:kms:::key/l"),
        )

    return synthesize_at(home, build)


def template(stack: StackJson, place: Place, name: str) -> Body:
    """The experiment of that name."""
    return the(stack, TEMPLATE, tags={"Name": place.name(name)})


def targets(body: Body) -> dict[str, Body]:
    """Targets of an experiment by their name."""
    return {one["name"]: one for one in body["target"]}


def test_every_action_exists_and_is_given_what_it_takes(stack: StackJson) -> None:
    for body in resources(stack, TEMPLATE).values():
        for action in body["action"]:
            key, kind, parameters = ACTIONS[action["action_id"]]
            assert action["target"]["key"] == key
            assert targets(body)[action["target"]["value"]]["resource_type"] == kind
            assert {one["key"] for one in action.get("parameter", [])} == parameters


def test_nothing_lasts_longer_than_a_quarter_of_an_hour(stack: StackJson) -> None:
    lasting = [
        one["value"]
        for body in resources(stack, TEMPLATE).values()
        for action in body["action"]
        for one in action.get("parameter", [])
        if one["key"] == "duration"
    ]
    assert lasting == [DURATION] * 3 == ["PT15M"] * 3


def test_a_site_is_isolated_by_its_functions_subnets_and_its_replica(
    stack: StackJson, home: Place
) -> None:
    found = targets(template(stack, home, "isolate-site"))
    assert {one["key"]: one["value"] for one in found["functions"]["resource_tag"]} == {
        "Site": "east",
        "Environment": "prod",
        "Tier": "application",
    }
    assert found["replica"]["resource_arns"] == [
        "arn:aws:dynamodb:us-east-1:123456789012:table/payments-table-prod"
    ]


def test_the_cluster_changes_its_writer_inside_the_site(stack: StackJson, home: Place) -> None:
    body = template(stack, home, "change-writer")
    assert targets(body)["cluster"]["resource_arns"] == [
        "arn:aws:rds:us-east-1:123456789012:cluster:payments-cluster-east-prod"
    ]


def test_an_experiment_is_stopped_by_alarms_of_its_own_region(
    stack: StackJson, home: Place
) -> None:
    for body in resources(stack, TEMPLATE).values():
        assert body["region"] == home.site.region
        stops = [one["value"] for one in body["stop_condition"]]
        assert GUARD in stops
        assert {one["source"] for one in body["stop_condition"]} == {"aws:cloudwatch:alarm"}
        assert all(f":{home.site.region}:" in arn for arn in stops)


def test_an_alarm_that_is_found_by_its_name_exists(stack: StackJson, home: Place) -> None:
    stops = template(stack, home, "change-writer")["stop_condition"]
    assert stops[1]["value"] == home.arn("cloudwatch", f"alarm:{home.name(API_ERRORS)}")
    assert API_ERRORS in {alarm.name for alarm in alarms(home, api_id="a1")}


def test_an_experiment_that_finds_nothing_to_break_fails(stack: StackJson) -> None:
    for body in resources(stack, TEMPLATE).values():
        assert body["experiment_options"] == {
            "account_targeting": "single-account",
            "empty_target_resolution_mode": "fail",
        }


def test_what_an_experiment_did_is_kept_encrypted(stack: StackJson, settings: Settings) -> None:
    group = the(stack, "aws_cloudwatch_log_group", name="/aws/fis/payments-drills-east-prod")
    assert group["kms_key_id"] == "arn:aws:kms:::key/l"
    assert group["retention_in_days"] == settings.deployment.log_retention_days
    name = the_name(stack, "aws_cloudwatch_log_group")
    for body in resources(stack, TEMPLATE).values():
        logged = body["log_configuration"]["cloudwatch_logs_configuration"]
        assert logged["log_group_arn"] == f"${{aws_cloudwatch_log_group.{name}.arn}}:*"


def test_the_role_breaks_only_what_is_of_this_site(stack: StackJson, home: Place) -> None:
    stated = statements(the(stack, "aws_iam_role_policy")["policy"])
    site = {"aws:ResourceTag/Site": "east", "aws:ResourceTag/Environment": "prod"}
    assert stated["ExchangeAclOfSubnet"]["Condition"] == {"StringEquals": site}
    assert stated["FillAndRemoveAcl"]["Condition"] == {
        "StringEquals": {"aws:ResourceTag/managedByFIS": "true"}
    }
    table = home.arn("dynamodb", "table/payments-table-prod")
    assert stated["PauseReplica"]["Resource"] == [table]
    narrowed = stated["PauseStrongReplica"]["Condition"]
    assert narrowed["ForAllValues:ArnEquals"] == {"dynamodb:FisTargetArns": table}
    named = [arn for one in stated.values() for arn in one["Resource"] if arn != "*"]
    assert all(":us-east-1:123456789012:" in arn for arn in named)


def test_each_permission_on_every_resource_has_its_reason(stack: StackJson) -> None:
    stated = statements(the(stack, "aws_iam_role_policy")["policy"]).values()
    anywhere = {action for one in stated if "*" in one["Resource"] for action in one["Action"]}
    assert anywhere == set(UNAVOIDABLE)


def test_experiments_of_this_account_and_region_alone_take_the_role(
    stack: StackJson, home: Place
) -> None:
    trust = statements(the(stack, "aws_iam_role")["assume_role_policy"])["Assume"]
    assert trust["Principal"] == {"Service": "fis.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": home.arn("fis", "experiment/*")},
    }


def test_a_drill_whose_watcher_is_gone_stops(stack: StackJson, home: Place) -> None:
    alarm = the(stack, "aws_cloudwatch_metric_alarm", alarm_name=home.name("drill"))
    assert GUARD.endswith(f":alarm:{alarm['alarm_name']}")
    assert alarm["treat_missing_data"] == "breaching"
    assert (alarm["comparison_operator"], alarm["threshold"]) == ("LessThanThreshold", 1)
    assert (alarm["metric_name"], alarm["dimensions"]) == ("DrillHeartbeat", {"Site": "east"})
    assert alarm["region"] == home.site.region
    assert alarm["alarm_actions"] == [TOPIC]
