"""Resources made for real: created, read, changed and deleted in the lab's own emulator."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fakes.aws import EAST, WEST, WITNESS, CloudUnderTest
from fakes.loop_thread import LoopThread
from payment_dr.lab.aws_provider.emulated.emulator import EMULATED, emulator_at
from payment_dr.lab.aws_provider.schema.answer import Schemas
from payment_dr.lab.aws_provider.wire.values import Object
from terraform.driver import DiagnosedError, Driver
from terraform.workspace import Workspace

_ROLE = "arn:aws:iam::123456789012:role/r"
_FUNCTION = {"role": _ROLE, "runtime": "python3.13", "handler": "a.b"}


@pytest.fixture(scope="module", name="cloud")
def a_lab_of_its_own() -> Iterator[CloudUnderTest]:
    with LoopThread() as loop:
        cloud = CloudUnderTest(loop, majority_delay_ms=0)
        yield cloud
        cloud.close()


@pytest.fixture(scope="module", name="endpoints")
def by_region(cloud: CloudUnderTest) -> dict[str, str]:
    ports = cloud.addresses.aws_port
    return {region: f"http://127.0.0.1:{ports[region]}" for region in (EAST, WEST, WITNESS)}


@pytest.fixture(scope="module", name="driver")
def against_the_lab(schemas: Schemas, endpoints: dict[str, str], cloud: CloudUnderTest) -> Driver:
    account = cloud.settings.deployment.account_id
    return Driver(
        schemas,
        emulator_at(endpoints),
        allowed_account_ids=[account],
        default_tags=[{"tags": {"Project": "payments"}}],
    )


@pytest.fixture(scope="module", name="tagless")
def without_tags(driver: Driver, endpoints: dict[str, str], cloud: CloudUnderTest) -> Driver:
    account = cloud.settings.deployment.account_id
    return Driver(driver.schemas, emulator_at(endpoints), allowed_account_ids=[account])


@dataclass(frozen=True, kw_only=True)
class Life:
    """A type's arguments, and others to which it is changed."""

    type_name: str
    arguments: dict[str, Any]
    change: dict[str, Any] = field(default_factory=dict)
    told: tuple[str, ...] = ("arn", "id")


LIVES = (
    Life(
        type_name="aws_sns_topic",
        arguments={"name": "alarms-{}", "display_name": "Alarms"},
        told=("arn", "id", "owner"),
    ),
    Life(
        type_name="aws_s3_bucket",
        arguments={"bucket": "evidence-{}", "region": WEST, "force_destroy": True},
        told=("arn", "id", "bucket_region", "bucket_domain_name"),
    ),
    Life(
        type_name="aws_lambda_function",
        arguments={
            "function_name": "poster-{}",
            "role": _ROLE,
            "runtime": "python3.13",
            "handler": "a.b",
            "environment": [{"variables": {"A": "1"}}],
            "reserved_concurrent_executions": 3,
            "publish": True,
            "source_code_hash": "one",
        },
        change={"source_code_hash": "two", "environment": [{"variables": {"A": "2"}}]},
        told=("arn", "qualified_arn", "invoke_arn", "version", "last_modified"),
    ),
    Life(
        type_name="aws_scheduler_schedule",
        arguments={
            "name": "poster-{}",
            "schedule_expression": "rate(1 minute)",
            "flexible_time_window": [{"mode": "OFF"}],
            "target": [
                {
                    "arn": "arn:aws:lambda:us-east-1:123456789012:function:poster",
                    "role_arn": _ROLE,
                    "input": "{}",
                    "retry_policy": [{"maximum_retry_attempts": 2}],
                    "dead_letter_config": [{"arn": "arn:aws:sqs:us-east-1:123456789012:d"}],
                }
            ],
        },
        change={"schedule_expression": "rate(5 minutes)"},
        told=("arn", "group_name", "id"),
    ),
    Life(type_name="aws_scheduler_schedule_group", arguments={"name": "jobs-{}"}),
    Life(
        type_name="aws_sfn_state_machine",
        arguments={
            "name": "recovery-{}",
            "role_arn": _ROLE,
            "definition": json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
        },
        change={"definition": json.dumps({"StartAt": "B", "States": {"B": {"Type": "Succeed"}}})},
        told=("arn", "id", "creation_date", "status"),
    ),
    Life(
        type_name="aws_cloudwatch_log_group",
        arguments={"name": "/aws/lambda/{}", "retention_in_days": 30},
        change={"retention_in_days": 90},
    ),
    Life(type_name="aws_cloudwatch_log_group", arguments={"name": "/kept/for/ever/{}"}),
    Life(
        type_name="aws_cloudwatch_metric_alarm",
        arguments={
            "alarm_name": "unconfirmed-{}",
            "comparison_operator": "GreaterThanThreshold",
            "evaluation_periods": 1,
            "threshold": 0,
            "metric_name": "Unconfirmed",
            "namespace": "PaymentDR",
            "period": 10,
            "statistic": "Maximum",
            "dimensions": {"Site": "east"},
        },
        change={"threshold": 5},
    ),
    Life(
        type_name="aws_cloudwatch_metric_alarm",
        arguments={
            "alarm_name": "errors-{}",
            "comparison_operator": "GreaterThanThreshold",
            "evaluation_periods": 1,
            "threshold": 1,
            "actions_enabled": False,
            "metric_query": [
                {"id": "rate", "expression": "errors / 2", "return_data": True},
                {
                    "id": "errors",
                    "metric": [
                        {
                            "metric_name": "Errors",
                            "namespace": "AWS/Lambda",
                            "period": 60,
                            "stat": "Sum",
                            "dimensions": {"FunctionName": "api"},
                        }
                    ],
                },
            ],
        },
    ),
    Life(
        type_name="aws_cloudwatch_composite_alarm",
        arguments={"alarm_name": "unhealthy-{}", "alarm_rule": "FALSE"},
        change={"alarm_rule": "TRUE"},
    ),
    Life(
        type_name="aws_route53_zone",
        arguments={"name": "{}.example", "comment": "payments"},
        told=("arn", "id", "zone_id", "name_servers", "primary_name_server"),
    ),
    Life(
        type_name="aws_route53_health_check",
        arguments={
            "type": "HTTPS",
            "fqdn": "east.{}.example",
            "port": 443,
            "resource_path": "/health",
            "request_interval": 10,
            "failure_threshold": 3,
        },
        change={"failure_threshold": 2},
    ),
    Life(
        type_name="aws_route53_health_check",
        arguments={
            "type": "HTTPS",
            "fqdn": "west.{}.example",
            "port": 443,
            "resource_path": "/takeover",
            "invert_healthcheck": True,
            "request_interval": 10,
            "failure_threshold": 3,
        },
        change={"invert_healthcheck": False},
    ),
    Life(
        type_name="aws_route53_health_check",
        arguments={
            "type": "CLOUDWATCH_METRIC",
            "cloudwatch_alarm_name": "unhealthy-{}",
            "cloudwatch_alarm_region": WEST,
            "insufficient_data_health_status": "Healthy",
        },
    ),
    Life(
        type_name="aws_secretsmanager_secret",
        arguments={
            "name": "ledger-{}",
            "description": "one",
            "replica": [{"region": WEST}],
        },
        change={"description": "two"},
    ),
)


def named(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: named(each, name) for key, each in value.items()}
    if isinstance(value, list):
        return [named(each, name) for each in value]
    return value.replace("{}", name) if isinstance(value, str) and value != "{}" else value


def is_invented(type_name: str, name: str, value: Any) -> bool:
    """Whether a value was not told by the emulator."""
    kind = type_name.removeprefix("aws_").replace("_", "-")
    pattern = rf"(arn:.*:)?({name}|{kind})[-/][0-9a-f]{{17}}"
    values = value if isinstance(value, list) else [value]
    return not values or any(re.fullmatch(pattern, str(each)) for each in values)


def test_values_that_the_emulator_did_not_tell_are_known_by_their_look(schemas: Schemas) -> None:
    topic = Driver(schemas).apply("aws_sns_topic", {"name": "alarms"})
    zone = Driver(schemas).apply("aws_route53_zone", {"name": "pay.example"})
    assert is_invented("aws_sns_topic", "arn", topic["arn"])
    assert is_invented("aws_sns_topic", "id", topic["id"])
    assert is_invented("aws_route53_zone", "name_servers", zone["name_servers"])
    assert not is_invented("aws_sns_topic", "arn", "arn:aws:sns:us-east-1:123456789012:alarms")


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.type_name)
def test_a_resource_lives_in_the_emulator_from_creation_to_deletion(
    driver: Driver, cloud: CloudUnderTest, life: Life
) -> None:
    arguments = named(life.arguments, f"{cloud.settings.environment_suffix}-{LIVES.index(life)}")
    state = driver.apply(life.type_name, arguments)
    assert [name for name in life.told if is_invented(life.type_name, name, state[name])] == []
    assert driver.read(life.type_name, state) == state
    assert driver.plan(life.type_name, arguments, state).state == state
    changed = driver.apply(life.type_name, arguments | life.change, state)
    assert driver.read(life.type_name, changed) == changed
    driver.delete(life.type_name, changed)
    assert driver.read(life.type_name, changed) is None
    driver.delete(life.type_name, changed)


def test_every_type_is_covered_by_a_test_of_its_life() -> None:
    elsewhere = {
        "aws_dynamodb_table",
        "aws_lambda_alias",
        "aws_rds_cluster",
        "aws_rds_global_cluster",
        "aws_route53_record",
        "aws_secretsmanager_secret_version",
    }
    assert {life.type_name for life in LIVES} | elsewhere == set(EMULATED)


@pytest.mark.parametrize(
    "arguments",
    [
        {"type_name": "aws_s3_bucket", "bucket": "tagless-{}"},
        {"type_name": "aws_route53_health_check", "type": "HTTPS", "fqdn": "e"},
    ],
    ids=lambda arguments: arguments["type_name"],
)
def test_a_resource_needs_no_tags(
    tagless: Driver, cloud: CloudUnderTest, arguments: dict[str, str]
) -> None:
    given = named(arguments, cloud.settings.environment_suffix)
    type_name = given.pop("type_name")
    state = tagless.apply(type_name, given)
    assert state["tags_all"] == {}
    assert tagless.read(type_name, state) == state


def test_an_alias_follows_its_functions_version(driver: Driver, cloud: CloudUnderTest) -> None:
    name = f"aliased-{cloud.settings.environment_suffix}"
    function = driver.apply("aws_lambda_function", {**_FUNCTION, "function_name": name})
    arguments = {"function_name": name, "name": "live", "function_version": function["version"]}
    slow = {**_FUNCTION, "function_name": name, "timeout": 9}
    assert driver.apply("aws_lambda_function", slow, function)["version"] == function["version"]
    alias = driver.apply("aws_lambda_alias", arguments)
    assert alias["arn"] == f"{function['arn']}:live"
    assert alias["invoke_arn"].endswith(f"{alias['arn']}/invocations")
    assert driver.read("aws_lambda_alias", alias) == alias
    changed = driver.apply("aws_lambda_alias", arguments | {"description": "d"}, alias)
    found = cloud.client("lambda", EAST).get_alias(FunctionName=name, Name="live")
    assert found["Description"] == "d"
    driver.delete("aws_lambda_alias", changed)
    assert driver.read("aws_lambda_alias", changed) is None
    driver.delete("aws_lambda_function", function)


def test_a_functions_package_stays_here_and_only_its_hash_is_told(
    driver: Driver, cloud: CloudUnderTest, tmp_path: Path
) -> None:
    package = tmp_path / "package.zip"
    package.write_bytes(b"code")
    arguments = {
        **_FUNCTION,
        "function_name": f"packed-{cloud.settings.environment_suffix}",
        "filename": str(package),
    }
    state = driver.apply("aws_lambda_function", arguments)
    assert state["code_sha256"] == base64.b64encode(hashlib.sha256(b"code").digest()).decode()
    assert state["source_code_size"] == 4
    package.unlink()
    with pytest.raises(DiagnosedError, match=r"unable to load .*package\.zip: No such file"):
        driver.apply("aws_lambda_function", arguments)
    driver.delete("aws_lambda_function", state)


def record(name: str, zone: Object, **arguments: Any) -> dict[str, Any]:
    return {"zone_id": zone["zone_id"], "name": name, "type": "CNAME", **arguments}


def test_failover_records_of_one_name_are_told_apart(driver: Driver, cloud: CloudUnderTest) -> None:
    suffix = cloud.settings.environment_suffix
    zone = driver.apply("aws_route53_zone", {"name": f"records-{suffix}.example"})
    check = driver.apply("aws_route53_health_check", {"type": "HTTPS", "fqdn": "e"})
    sites = [
        record(
            "pay",
            zone,
            ttl=10,
            records=[f"{site}.example"],
            set_identifier=site,
            failover_routing_policy=[{"type": role}],
            health_check_id=check["id"],
        )
        for site, role in (("east", "PRIMARY"), ("west", "SECONDARY"))
    ]
    east, west = (driver.apply("aws_route53_record", each) for each in sites)
    assert east["fqdn"] == f"pay.records-{suffix}.example"
    assert east["id"] == f"{zone['zone_id']}_pay_CNAME_east"
    assert driver.read("aws_route53_record", west) == west
    driver.apply("aws_route53_record", sites[0] | {"ttl": 20}, east)
    driver.delete("aws_route53_record", west)
    assert driver.read("aws_route53_record", west) is None
    found = cloud.client("route53", EAST).list_resource_record_sets(HostedZoneId=zone["zone_id"])
    (kept,) = [each for each in found["ResourceRecordSets"] if each["Type"] == "CNAME"]
    assert (kept["SetIdentifier"], kept["TTL"], kept["Failover"]) == ("east", 20, "PRIMARY")


def test_an_alias_record_and_the_zones_own_name_are_made(
    driver: Driver, cloud: CloudUnderTest
) -> None:
    name = f"alias-{cloud.settings.environment_suffix}.example"
    zone = driver.apply("aws_route53_zone", {"name": name})
    target = [{"name": "d.example", "zone_id": "Z2", "evaluate_target_health": True}]
    made = driver.apply("aws_route53_record", record(name, zone, type="A", alias=target))
    assert made["fqdn"] == name
    assert driver.read("aws_route53_record", made) == made


def test_a_zone_is_looked_up_by_name_or_identifier(driver: Driver, cloud: CloudUnderTest) -> None:
    name = f"looked-up-{cloud.settings.environment_suffix}.example"
    zone = driver.apply("aws_route53_zone", {"name": name})
    for question in ({"name": name}, {"zone_id": zone["zone_id"]}):
        found = driver.look_up("aws_route53_zone", **question)
        assert found["zone_id"] == zone["zone_id"]
        assert found["name_servers"] == zone["name_servers"]
    unknown = driver.look_up("aws_route53_zone", name=f"absent-{name}")
    assert unknown["zone_id"] != zone["zone_id"]


def test_the_account_is_the_emulators(schemas: Schemas, endpoints: dict[str, str]) -> None:
    told_otherwise = Driver(schemas, emulator_at(endpoints), allowed_account_ids=None)
    topic = told_otherwise.apply("aws_sns_topic", {"name": "whose"})
    assert topic["owner"] == told_otherwise.look_up("aws_caller_identity")["account_id"]
    assert topic["owner"] == topic["arn"].split(":")[4]


def test_a_secrets_value_goes_to_the_emulator_and_nowhere_else(
    driver: Driver, cloud: CloudUnderTest
) -> None:
    secret = driver.apply(
        "aws_secretsmanager_secret",
        {
            "name": f"written-{cloud.settings.environment_suffix}",
            "replica": [{"region": WEST}],
            "recovery_window_in_days": 7,
        },
    )
    written = {
        "secret_id": secret["id"],
        "secret_string_wo": "hunter2",
        "secret_string_wo_version": 1,
    }
    version = driver.apply("aws_secretsmanager_secret_version", written)
    assert version["secret_string_wo"] is None
    assert "hunter2" not in str(version)
    assert version["version_stages"] == ["AWSCURRENT"]
    assert driver.read("aws_secretsmanager_secret_version", version) == version
    for region in (EAST, WEST):
        client = cloud.client("secretsmanager", region)
        value = client.get_secret_value(SecretId=secret["name"])["SecretString"]
        assert value == "hunter2", region
    opened = driver.open("aws_secretsmanager_secret_version", secret_id=secret["id"])
    assert opened["secret_string"] == "hunter2"
    assert driver.read("aws_secretsmanager_secret_version", version | {"version_id": "x"}) is None
    driver.delete("aws_secretsmanager_secret_version", version)
    driver.delete("aws_secretsmanager_secret", secret)
    assert driver.read("aws_secretsmanager_secret", secret) is None


def test_a_bucket_with_evidence_in_it_is_emptied_only_if_that_is_asked_for(
    driver: Driver, cloud: CloudUnderTest
) -> None:
    name = f"full-{cloud.settings.environment_suffix}"
    arguments = {"bucket": name, "tags": {"a": "b"}}
    bucket = driver.apply("aws_s3_bucket", arguments)
    cloud.client("s3", EAST).put_object(Bucket=name, Key="report.json", Body=b"{}")
    with pytest.raises(DiagnosedError, match="BucketNotEmpty"):
        driver.delete("aws_s3_bucket", bucket)
    driver.delete("aws_s3_bucket", bucket | {"force_destroy": True})
    assert driver.read("aws_s3_bucket", bucket) is None


def test_what_the_emulator_refuses_is_an_error_of_the_resource(
    driver: Driver, cloud: CloudUnderTest
) -> None:
    arguments = {"name": f"twice-{cloud.settings.environment_suffix}"}
    driver.apply("aws_secretsmanager_secret", arguments)
    with pytest.raises(DiagnosedError, match=r"refused aws_secretsmanager_secret: .*Exists"):
        driver.apply("aws_secretsmanager_secret", arguments)


def test_a_region_without_an_endpoint_is_refused_by_name(driver: Driver) -> None:
    with pytest.raises(DiagnosedError, match="no endpoint for eu-west-1, only for us-east-1"):
        driver.apply("aws_sns_topic", {"name": "far", "region": "eu-west-1"})


@pytest.fixture(name="lab")
def workspace_of_the_lab(workspace: Workspace, endpoints: dict[str, str]) -> Workspace:
    workspace.environment["PAYMENT_DR_STAND_IN_ENDPOINTS"] = json.dumps(endpoints)
    return workspace


def test_the_real_engine_applies_a_strongly_consistent_table_to_the_lab(
    lab: Workspace, cloud: CloudUnderTest
) -> None:
    name = f"applied-{cloud.settings.environment_suffix}"
    lab.write(
        """
provider "aws" { region = "us-east-1" }
resource "aws_dynamodb_table" "payments" {
  name         = "%s"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "payment_id"
  attribute {
    name = "payment_id"
    type = "S"
  }
  attribute {
    name = "shard"
    type = "N"
  }
  global_secondary_index {
    name            = "open"
    hash_key        = "shard"
    range_key       = "payment_id"
    projection_type = "KEYS_ONLY"
  }
  replica {
    region_name      = "us-west-2"
    consistency_mode = "STRONG"
  }
  global_table_witness { region_name = "us-east-2" }
  point_in_time_recovery { enabled = true }
}
ephemeral "aws_secretsmanager_random_password" "p" {}
resource "aws_secretsmanager_secret" "s" { name = "%s" }
resource "aws_secretsmanager_secret_version" "v" {
  secret_id                = aws_secretsmanager_secret.s.id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.p.random_password
  secret_string_wo_version = 1
}
output "arn" { value = aws_dynamodb_table.payments.arn }
""".replace("%s", name)
    ).apply()
    table = cloud.client("dynamodb", WEST).describe_table(TableName=name)["Table"]
    assert table["MultiRegionConsistency"] == "STRONG"
    assert table["GlobalTableWitnesses"][0]["RegionName"] == WITNESS
    home = cloud.client("dynamodb", EAST).describe_table(TableName=name)["Table"]
    assert lab.state()["aws_dynamodb_table.payments"]["arn"] == home["TableArn"]
    secret = cloud.client("secretsmanager", EAST).get_secret_value(SecretId=name)["SecretString"]
    assert len(secret) == 32
    assert secret not in lab.files()
    assert lab.unchanged()
    cloud.client("secretsmanager", EAST).delete_secret(
        SecretId=name, ForceDeleteWithoutRecovery=True
    )
    assert lab.actions() == {
        "aws_secretsmanager_secret.s": ["create"],
        "aws_secretsmanager_secret_version.v": ["create"],
    }
    lab.well("destroy", "-auto-approve")
    assert name not in cloud.client("dynamodb", EAST).list_tables()["TableNames"]
