"""The services that a deployment needs: they keep what it makes, and run the lab's functions."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fakes.aws import EAST, WEST, WITNESS, CloudUnderTest
from payment_dr.lab.aws.invocations import Answer, Invocation
from payment_dr.lab.aws.regions import RegionState

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/functions"
HANDLER = "payment_dr.functions.recovery.handler"


def package() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("payment_dr/__init__.py", "")
    return packed.getvalue()


def deployed(cloud: CloudUnderTest, name: str, region: str = WEST) -> str:
    """A function with the alias `live`; its ARN."""
    client = cloud.client("lambda", region)
    created = client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Architectures=["arm64"],
        Role=ROLE,
        Handler=HANDLER,
        Timeout=7,
        Environment={"Variables": {"PAYMENT_DR_SITE": "west"}},
        Code={"ZipFile": package()},
        Publish=True,
    )
    client.create_alias(FunctionName=name, Name="live", FunctionVersion=created["Version"])
    return str(created["FunctionArn"])


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def invoked(cloud: CloudUnderTest, name: str, event: Any, region: str = WEST) -> tuple[Any, Any]:
    answer = cloud.client("lambda", region).invoke(
        FunctionName=name, Qualifier="live", Payload=json.dumps(event)
    )
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def test_a_function_is_kept_as_it_was_deployed_in_its_region_alone(cloud: CloudUnderTest) -> None:
    arn = deployed(cloud, "kept")
    assert arn == f"arn:aws:lambda:{WEST}:{ACCOUNT}:function:kept"
    found = cloud.client("lambda", WEST).get_function_configuration(FunctionName="kept")
    assert (found["Handler"], found["Timeout"]) == (HANDLER, 7)
    assert found["Environment"]["Variables"] == {"PAYMENT_DR_SITE": "west"}
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloud.client("lambda", EAST).get_function_configuration(FunctionName="kept")


def test_an_invocation_goes_to_the_labs_host_with_what_was_deployed(cloud: CloudUnderTest) -> None:
    deployed(cloud, "called")
    assert invoked(cloud, "called", {"step": "route"}) == ({"step": "route"}, None)
    call = cloud.functions.calls[-1]
    assert (call.region, call.function_name, call.handler) == (WEST, "called", HANDLER)
    assert (call.timeout_s, call.event) == (7, {"step": "route"})


def test_what_a_handler_raises_is_told_as_lambda_tells_it(cloud: CloudUnderTest) -> None:
    deployed(cloud, "raising")
    cloud.functions.answers["raising"] = [Answer.failure("StepError", "not yet")]
    assert invoked(cloud, "raising", {}) == (
        {"errorType": "StepError", "errorMessage": "not yet"},
        "Unhandled",
    )


def test_a_function_that_may_run_no_more_is_throttled(cloud: CloudUnderTest) -> None:
    deployed(cloud, "reserved")
    client = cloud.client("lambda", WEST)
    client.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequests"):
        client.invoke(FunctionName="reserved")


def machine(cloud: CloudUnderTest, name: str, function_arn: str) -> Any:
    definition = {
        "StartAt": "Step",
        "States": {
            "Step": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": f"{function_arn}:live", "Payload.$": "$"},
                "ResultSelector": {"came_to.$": "$.Payload"},
                "TimeoutSeconds": 5,
                "Retry": [{"ErrorEquals": ["NotYet"], "IntervalSeconds": 1, "MaxAttempts": 1}],
                "Catch": [{"ErrorEquals": ["Definite"], "Next": "Stopped"}],
                "End": True,
            },
            "Stopped": {"Type": "Pass", "Result": "stopped", "End": True},
        },
    }
    client = cloud.client("stepfunctions", WEST)
    return client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)


def executed(cloud: CloudUnderTest, machine_arn: str, given: Any) -> tuple[str, Any]:
    client = cloud.client("stepfunctions", WEST)
    begun = client.start_execution(stateMachineArn=machine_arn, input=json.dumps(given))

    def state() -> Any:
        return client.describe_execution(executionArn=begun["executionArn"])

    until(lambda: bool(state()["status"] != "RUNNING"))
    ended = state()
    return ended["status"], json.loads(ended["output"]) if "output" in ended else ended["error"]


def test_an_execution_runs_its_tasks_in_the_labs_functions(cloud: CloudUnderTest) -> None:
    arn = machine(cloud, "moves", deployed(cloud, "step"))["stateMachineArn"]
    assert executed(cloud, arn, {"move": "m1"}) == ("SUCCEEDED", {"came_to": {"move": "m1"}})
    cloud.functions.answers["step"] = [
        Answer.failure("NotYet", "the cluster is still the old one's"),
        Answer(payload={"done": True}),
        Answer.failure("Definite", "superseded"),
    ]
    assert executed(cloud, arn, {}) == ("SUCCEEDED", {"came_to": {"done": True}})
    assert executed(cloud, arn, {}) == ("SUCCEEDED", "stopped")
    found = cloud.client("stepfunctions", WEST).describe_state_machine(stateMachineArn=arn)
    assert json.loads(found["definition"])["StartAt"] == "Step"


def test_a_region_that_is_lost_runs_no_function(cloud: CloudUnderTest) -> None:
    """Its schedules and executions live in the emulator, which is not lost with it."""
    invocation = Invocation(
        region=WEST, function_name="f", handler=HANDLER, timeout_s=1, request_id="r", event={}
    )
    calls = len(cloud.functions.calls)
    cloud.change(WEST, RegionState.DOWN)
    answer = cloud.cloud.invoke(invocation)
    assert (answer.failed, answer.payload["errorType"]) == (True, "Lambda.ServiceException")
    assert len(cloud.functions.calls) == calls
    cloud.change(WEST, RegionState.ISOLATED)
    assert cloud.cloud.invoke(invocation).payload == {}


def test_schedules_are_kept_by_name(cloud: CloudUnderTest) -> None:
    arn = deployed(cloud, "scheduled")
    client = cloud.client("scheduler", WEST)
    client.create_schedule(
        Name="poster",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": f"{arn}:live", "RoleArn": ROLE},
    )
    assert client.get_schedule(Name="poster")["ScheduleExpression"] == "rate(1 minute)"
    assert cloud.client("scheduler", EAST).list_schedules()["Schedules"] == []


def test_route_53_is_one_for_all_regions(cloud: CloudUnderTest) -> None:
    east, west = (cloud.client("route53", region) for region in (EAST, WITNESS))
    zone = east.create_hosted_zone(Name="payments.example", CallerReference="z")["HostedZone"]
    endpoint = {
        "Type": "HTTPS",
        "FullyQualifiedDomainName": "east.api.payments.example",
        "ResourcePath": "/health",
        "RequestInterval": 10,
        "FailureThreshold": 3,
    }
    switch = {
        "Type": "HTTPS",
        "FullyQualifiedDomainName": "west.api.payments.example",
        "ResourcePath": "/takeover",
        "RequestInterval": 10,
        "FailureThreshold": 3,
        "Inverted": True,
    }
    ids = [
        east.create_health_check(CallerReference=name, HealthCheckConfig=check)["HealthCheck"]["Id"]
        for name, check in (("endpoint", endpoint), ("switch", switch))
    ]
    both = {"Type": "CALCULATED", "ChildHealthChecks": ids, "HealthThreshold": 2}
    calculated = east.create_health_check(CallerReference="both", HealthCheckConfig=both)
    record = {
        "Name": "api.payments.example.",
        "Type": "CNAME",
        "TTL": 10,
        "SetIdentifier": "east",
        "Failover": "PRIMARY",
        "HealthCheckId": calculated["HealthCheck"]["Id"],
        "ResourceRecords": [{"Value": "east.api.payments.example"}],
    }
    change = {"Action": "CREATE", "ResourceRecordSet": record}
    east.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch={"Changes": [change]})

    checks = [
        west.get_health_check(HealthCheckId=check)["HealthCheck"]["HealthCheckConfig"]
        for check in (*ids, record["HealthCheckId"])
    ]
    assert checks == [endpoint, switch, both]
    records = west.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    assert record in records


def test_alarms_topics_rules_logs_and_queues_are_kept(cloud: CloudUnderTest) -> None:
    topic = cloud.client("sns", WEST).create_topic(Name="alarms")["TopicArn"]
    alarms = cloud.client("cloudwatch", WEST)
    alarms.put_metric_alarm(
        AlarmName="5xx",
        Namespace="AWS/ApiGateway",
        MetricName="5xx",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
    )
    alarms.put_composite_alarm(AlarmName="ill", AlarmRule='ALARM("5xx")', AlarmActions=[topic])
    found = alarms.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert [a["AlarmActions"] for a in found["MetricAlarms"]] == [[topic]]
    assert [a["AlarmRule"] for a in found["CompositeAlarms"]] == ['ALARM("5xx")']
    rules = cloud.client("events", WEST)
    rules.put_rule(Name="ill", EventPattern='{"source": ["aws.cloudwatch"]}')
    assert [rule["Name"] for rule in rules.list_rules()["Rules"]] == ["ill"]
    logs = cloud.client("logs", WEST)
    logs.create_log_group(logGroupName="/aws/lambda/kept")
    logs.put_retention_policy(logGroupName="/aws/lambda/kept", retentionInDays=30)
    assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 30
    queue = cloud.client("sqs", WEST).create_queue(QueueName="dead-letters")["QueueUrl"]
    assert queue.endswith(f"/{ACCOUNT}/dead-letters")
    assert cloud.client("sts", WEST).get_caller_identity()["Account"] == ACCOUNT


def test_a_table_and_its_replicas_can_be_deleted(cloud: CloudUnderTest) -> None:
    home, peer = cloud.client("dynamodb", EAST), cloud.client("dynamodb", WEST)
    home.create_table(
        TableName="short-lived",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    change: Any = {
        "TableName": "short-lived",
        "ReplicaUpdates": [{"Create": {"RegionName": WEST}}],
        "GlobalTableWitnessUpdates": [{"Create": {"RegionName": WITNESS}}],
        "MultiRegionConsistency": "STRONG",
    }
    home.update_table(**change)
    home.put_item(TableName="short-lived", Item={"id": {"S": "kept"}})
    alone = {"TableName": "short-lived", "ReplicaUpdates": [{"Delete": {"RegionName": WEST}}]}
    assert home.update_table(**alone)["TableDescription"]["ItemCount"] == 1
    with pytest.raises(ClientError, match="ResourceNotFound"):
        peer.describe_table(TableName="short-lived")
    with pytest.raises(ClientError, match="no replicas"):
        home.update_table(**alone)
    home.delete_table(TableName="short-lived")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        home.describe_table(TableName="short-lived")


def test_a_cluster_leaves_its_global_cluster_and_is_deleted(cloud: CloudUnderTest) -> None:
    client = cloud.client("rds", EAST)
    client.create_global_cluster(GlobalClusterIdentifier="brief", Engine="aurora-postgresql")
    cluster = client.create_db_cluster(
        DBClusterIdentifier="brief-east",
        GlobalClusterIdentifier="brief",
        Engine="aurora-postgresql",
        Port=5432,
    )["DBCluster"]
    client.remove_from_global_cluster(
        GlobalClusterIdentifier="brief", DbClusterIdentifier=cluster["DBClusterArn"]
    )
    client.delete_db_cluster(DBClusterIdentifier="brief-east", SkipFinalSnapshot=True)
    client.delete_global_cluster(GlobalClusterIdentifier="brief")
    with pytest.raises(ClientError, match="NotFound"):
        client.describe_global_clusters(GlobalClusterIdentifier="brief")
