"""The other services, credentials, the record of calls, and what the lab creates."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fakes.aws import EAST, WEST, CloudUnderTest, error_of, signed
from payment_dr.adapters.control_table import CONTROL_KEY, control_of
from payment_dr.adapters.merchant_directory import MerchantDirectory
from payment_dr.core.mode import Mode
from payment_dr.lab.aws.control import Control
from payment_dr.lab.aws.regions import RegionState
from payment_dr.lab.http_server import Request
from payment_dr.payments.merchants import identify, key_id_of
from payment_dr.recovery.control import Phase


def secret(cloud: CloudUnderTest, thing: str, site: str) -> dict[str, str]:
    region = cloud.settings.site(site).region
    name = cloud.settings.resource(thing)
    text = cloud.client("secretsmanager", region).get_secret_value(SecretId=name)["SecretString"]
    content: dict[str, str] = json.loads(text)
    return content


def test_each_site_finds_the_same_secrets_in_its_own_region(cloud: CloudUnderTest) -> None:
    for thing in ("provider", "ledger", "ledger-admin", "canary", "webhooks"):
        assert secret(cloud, thing, "east") == secret(cloud, thing, "west")
    assert secret(cloud, "ledger", "east") == {"username": "payment_app", "password": "app's"}
    assert secret(cloud, "ledger-admin", "west")["username"] == "payment_admin"
    assert secret(cloud, "provider", "west")["api_key"].startswith("sk_test_")


def test_a_secret_is_written_at_home_and_read_at_both_sites(cloud: CloudUnderTest) -> None:
    name = cloud.settings.resource("provider")
    home, peer = cloud.client("secretsmanager", EAST), cloud.client("secretsmanager", WEST)
    with pytest.raises(ClientError, match="replica"):
        peer.put_secret_value(SecretId=name, SecretString="{}")
    home.put_secret_value(SecretId=name, SecretString='{"api_key": "sk_test_new"}')
    assert secret(cloud, "provider", "west") == {"api_key": "sk_test_new"}


def test_each_merchant_has_a_key_of_which_both_sites_know_the_digest_alone(
    cloud: CloudUnderTest,
) -> None:
    assert "canary" in cloud.keys
    assert len(set(cloud.keys.values())) == len(cloud.keys) == 11
    assert secret(cloud, "canary", "west") == {"api_key": cloud.keys["canary"]}
    for region in (EAST, WEST):
        directory = MerchantDirectory(cloud.client("dynamodb", region), cloud.table)
        for name, text in cloud.keys.items():
            stored = directory.key(key_id_of(text) or "")
            found = identify(text, stored, mode=Mode.TEST, now=0)
            assert found is not None
            assert found.merchant == name
            assert text not in repr(stored)


def test_control_starts_steady_at_home_in_the_first_epoch(cloud: CloudUnderTest) -> None:
    item = cloud.client("dynamodb", WEST).get_item(
        TableName=cloud.table, Key={"payment_id": {"S": CONTROL_KEY}}, ConsistentRead=True
    )["Item"]
    control = control_of(item)
    assert (control.active, control.epoch, control.phase, control.move) == (
        "east",
        1,
        Phase.STEADY,
        None,
    )


def test_evidence_can_be_stored_and_read_back_in_both_regions(cloud: CloudUnderTest) -> None:
    for site in cloud.settings.sites:
        client = cloud.client("s3", site.region)
        bucket = cloud.settings.resource("evidence", site.name)
        client.put_object(Bucket=bucket, Key="moves/m1/report.json", Body=b'{"a": 1}')
        read = client.get_object(Bucket=bucket, Key="moves/m1/report.json")["Body"]
        assert read.read() == b'{"a": 1}'
        head = client.head_object(Bucket=bucket, Key="moves/m1/report.json")
        assert head["ContentLength"] == 8
        assert client.list_objects_v2(Bucket=bucket, Prefix="moves/")["KeyCount"] == 1


def publish(cloud: CloudUnderTest, site: str, value: float) -> None:
    cloud.client("cloudwatch", WEST).put_metric_data(
        Namespace="PaymentDR",
        MetricData=[
            {
                "MetricName": "DrillHeartbeat",
                "Dimensions": [{"Name": "Site", "Value": site}],
                "Value": value,
                "StorageResolution": 1,
            }
        ],
    )


def published(cloud: CloudUnderTest, site: str) -> list[Any]:
    now = datetime.now(UTC)
    statistics = cloud.client("cloudwatch", WEST).get_metric_statistics(
        Namespace="PaymentDR",
        MetricName="DrillHeartbeat",
        Dimensions=[{"Name": "Site", "Value": site}],
        StartTime=now - timedelta(seconds=3),
        EndTime=now + timedelta(seconds=1),
        Period=1,
        Statistics=["Maximum"],
    )
    points: list[Any] = statistics["Datapoints"]
    return points


def test_a_metric_is_read_back_at_once_in_its_region_alone(cloud: CloudUnderTest) -> None:
    site = "read-back"
    assert published(cloud, site) == []
    publish(cloud, site, 1)
    (point,) = published(cloud, site)
    assert point["Maximum"] == 1
    dimensions = [{"Name": "Site", "Value": site}]
    query: Any = {"Namespace": "PaymentDR", "Dimensions": dimensions}
    assert cloud.client("cloudwatch", EAST).list_metrics(**query)["Metrics"] == []
    assert len(cloud.client("cloudwatch", WEST).list_metrics(**query)["Metrics"]) == 1


def test_a_long_compressed_metric_call_is_understood(cloud: CloudUnderTest) -> None:
    data = [{"MetricName": f"m{i}", "Value": 1.0, "Unit": "Count"} for i in range(300)]
    cloud.client("cloudwatch", EAST).put_metric_data(Namespace="Long", MetricData=data)
    metrics = cloud.client("cloudwatch", EAST).list_metrics(Namespace="Long")["Metrics"]
    assert len(metrics) == 300


def test_services_of_a_region_that_is_cut_off_go_on_inside_it(cloud: CloudUnderTest) -> None:
    cloud.change(WEST, RegionState.ISOLATED)
    assert secret(cloud, "provider", "west")
    publish(cloud, "cut-off", 0)


def test_credentials_for_another_region_are_refused(cloud: CloudUnderTest) -> None:
    request = signed(WEST, "dynamodb", "ListTables", b"{}")
    answer = cloud.loop.run(cloud.cloud.services.call(EAST, request))
    assert (answer.status, error_of(answer)) == (403, "InvalidSignatureException")


def test_unsigned_requests_and_other_services_are_refused(cloud: CloudUnderTest) -> None:
    unsigned = Request(method="GET", path="/", query="", headers={}, body=b"")
    answer = cloud.loop.run(cloud.cloud.services.call(EAST, unsigned))
    assert (answer.status, error_of(answer)) == (403, "MissingAuthenticationToken")
    answer = cloud.loop.run(
        cloud.cloud.services.call(EAST, signed(EAST, "kinesis", "PutRecord", b"{}"))
    )
    assert error_of(answer) == "UnknownServiceException"


def ask_control(cloud: CloudUnderTest, method: str, path: str, body: str = "") -> tuple[int, Any]:
    request = Request(method=method, path=path, query="", headers={}, body=body.encode())
    answer = cloud.loop.run(Control(cloud.cloud).serve(request))
    return answer.status, json.loads(answer.body)


def test_every_call_is_counted_by_region_service_and_action(cloud: CloudUnderTest) -> None:
    bucket = cloud.settings.resource("evidence", "west")

    def counted() -> dict[tuple[str, str, str], int]:
        status, calls = ask_control(cloud, "GET", "/calls")
        assert status == 200
        return {(c["region"], c["service"], c["action"]): c["count"] for c in calls}

    before = counted()
    cloud.client("dynamodb", EAST).list_tables()
    cloud.client("rds", WEST).describe_global_clusters()
    cloud.client("s3", WEST).put_object(Bucket=bucket, Key="counted", Body=b"")
    cloud.client("s3", WEST).list_objects_v2(Bucket=bucket)
    after = counted()
    rose = {call: count - before.get(call, 0) for call, count in after.items()}
    assert {call: rise for call, rise in rose.items() if rise} == {
        (EAST, "dynamodb", "ListTables"): 1,
        (WEST, "rds", "DescribeGlobalClusters"): 1,
        (WEST, "s3", "PUT object"): 1,
        (WEST, "s3", "GET bucket"): 1,
    }


def test_regions_are_changed_and_read_at_the_control_port(cloud: CloudUnderTest) -> None:
    body = '{"state": "down", "mode": "blackhole"}'
    status, states = ask_control(cloud, "POST", f"/regions/{WEST}", body)
    assert (status, states[WEST], states[EAST]) == (200, "down", "up")
    assert ask_control(cloud, "GET", "/regions") == (200, states)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/regions/eu-west-1", '{"state": "up"}'),
        (f"/regions/{EAST}", '{"state": "lost"}'),
        (f"/regions/{EAST}", '{"state": "down", "mode": "slow"}'),
        (f"/regions/{EAST}", "[]"),
        (f"/regions/{EAST}", "no JSON"),
    ],
)
def test_a_change_that_cannot_be_made_is_answered_with_what_is_accepted(
    cloud: CloudUnderTest, path: str, body: str
) -> None:
    status, answer = ask_control(cloud, "POST", path, body)
    assert status == 400
    assert answer["accepted"]["state"] == ["up", "isolated", "down"]
    assert cloud.cloud.regions.states[EAST] is RegionState.UP


def test_other_paths_of_the_control_port_do_not_exist(cloud: CloudUnderTest) -> None:
    assert ask_control(cloud, "DELETE", "/regions")[0] == 404


def test_resources_cannot_be_created_twice(cloud: CloudUnderTest) -> None:
    with pytest.raises(
        ClientError, match=r"ResourceInUse|AlreadyExists|ResourceExists|BucketAlready"
    ):
        cloud.create_resources()
