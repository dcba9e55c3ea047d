"""PDR5xx, 6xx and 7xx beyond the examples."""

from typing import Any

import pytest

from fakes.linting import EAST, VPCS, WEST, judged, reasons, texts, west
from payment_dr.lint.configuration import Backend, Configuration, ModuleConfiguration

Item = tuple[str, str, dict[str, Any]]
ALARM: Item = ("aws_cloudwatch_metric_alarm", "a", {"alarm_name": "lag"})


def test_an_alarm_with_its_actions_disabled_tells_nobody() -> None:
    silenced = (*ALARM[:2], {"alarm_actions": ["arn"], "actions_enabled": False})
    assert texts(judged("PDR501", silenced)) == [
        "aws_cloudwatch_metric_alarm.a has its actions disabled"
    ]


@pytest.mark.parametrize(
    "follower",
    [
        (
            "aws_route53_health_check",
            "h",
            {"cloudwatch_alarm_name": "${aws_cloudwatch_metric_alarm.a.alarm_name}"},
        ),
        (
            "aws_cloudwatch_composite_alarm",
            "c",
            {
                "alarm_rule": "ALARM(${aws_cloudwatch_metric_alarm.a.alarm_name})",
                "alarm_actions": ["arn"],
            },
        ),
        (
            "aws_cloudwatch_composite_alarm",
            "c",
            {"alarm_rule": 'ALARM("lag")', "alarm_actions": ["arn"]},
        ),
    ],
)
def test_an_alarm_that_something_follows_needs_no_action(follower: Item) -> None:
    assert texts(judged("PDR501", ALARM, follower)) == []


def secret(name: str, **arguments: Any) -> Item:
    return "aws_secretsmanager_secret", name, {"name": f"payments-{name}", **arguments}


def test_a_secret_per_site_is_as_good_as_a_replica() -> None:
    assert texts(judged("PDR601", *VPCS, secret("east"), secret("west", **west()))) == []


def test_a_replica_in_a_third_region_does_not_help() -> None:
    found = texts(judged("PDR601", *VPCS, secret("x", replica=[{"region": "us-east-2"}])))
    assert found == ["aws_secretsmanager_secret.x has no replica in us-west-2"]


def test_one_site_needs_no_replica() -> None:
    assert texts(judged("PDR601", VPCS[0], secret("x"))) == []


def backup(*copies: str) -> Item:
    actions = [{"destination_vault_arn": copy} for copy in copies]
    return "aws_backup_plan", "p", {"rule": [{"rule_name": "daily", "copy_action": actions}]}


@pytest.mark.parametrize(
    ("copies", "found"),
    [
        ([f"arn:aws:backup:{EAST}:1:backup-vault:v"], 1),
        ([f"arn:aws:backup:{WEST}:1:backup-vault:v"], 0),
        (["${local.vault}"], 0),
    ],
)
def test_a_copy_must_leave_the_region(copies: list[str], found: int) -> None:
    assert len(texts(judged("PDR602", backup(*copies)))) == found


DATABASE: Item = ("aws_db_instance", "d", {})
CLUSTER: Item = ("aws_rds_cluster", "c", {"master_username": "u"})


def test_databases_without_any_backup_plan_are_found() -> None:
    assert texts(judged("PDR602", CLUSTER, DATABASE)) == [
        "aws_rds_cluster.c has no backup outside us-east-1: no plan holds a backup plan",
        "aws_db_instance.d has no backup outside us-east-1: no plan holds a backup plan",
    ]


def test_replicated_automated_backups_are_backups() -> None:
    copied: Item = ("aws_db_instance_automated_backups_replication", "r", {})
    assert texts(judged("PDR602", DATABASE, copied)) == []


def given(backend: Backend | None) -> Configuration:
    return Configuration(modules={"": ModuleConfiguration(ignored={}, backend=backend)})


@pytest.mark.parametrize(
    ("backend", "found"),
    [
        (None, ["terraform.backend state is a local file of whoever applied last"]),
        (
            Backend(kind="local", region=""),
            ["terraform.backend state is a local file of whoever applied last"],
        ),
        (
            Backend(kind="s3", region=WEST),
            ["terraform.backend state of the site in us-east-1 is kept in us-west-2"],
        ),
        (Backend(kind="s3", region=EAST), []),
        (Backend(kind="s3", region=""), []),
        (Backend(kind="cloud", region=""), []),
    ],
)
def test_the_state_of_a_site_belongs_to_its_region(
    backend: Backend | None, found: list[str]
) -> None:
    assert texts(judged("PDR701", VPCS[0], configuration=given(backend))) == found


def test_a_state_of_links_may_be_anywhere() -> None:
    zone = ("aws_route53_zone", "z", {"name": "x"})
    backend = Backend(kind="s3", region=WEST)
    assert texts(judged("PDR701", zone, configuration=given(backend))) == []


def test_a_configuration_without_a_root_module_is_not_judged() -> None:
    result = judged("PDR701", VPCS[0], configuration=Configuration(modules={}))
    assert reasons(result) == ["terraform.backend the configuration given holds no root module"]


def test_machines_of_something_else_may_exist_once() -> None:
    machine = ("aws_sfn_state_machine", "report", {"name": "monthly-report"})
    assert texts(judged("PDR702", *VPCS, machine)) == []


def test_recovery_at_the_only_site_is_fine() -> None:
    machine = ("aws_sfn_state_machine", "m", {"name": "failover"})
    assert texts(judged("PDR702", VPCS[0], machine)) == []
