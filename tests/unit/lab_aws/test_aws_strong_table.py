"""The strongly consistent table: linearizable over both regions, refusals, majority."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fakes.aws import EAST, WEST, WITNESS, CloudUnderTest, error_of
from fakes.loop_thread import LoopThread
from payment_dr.lab.aws.cloud import Outage
from payment_dr.lab.aws.regions import RegionState

THREADS = 8
SLOW_MS = 400


def new_id() -> str:
    return str(uuid.uuid4())


def key(payment: str) -> dict[str, Any]:
    return {"payment_id": {"S": payment}}


def put(cloud: CloudUnderTest, payment: str, **more: Any) -> dict[str, Any]:
    return {"TableName": cloud.table, "Item": {**key(payment), "version": {"N": "1"}, **more}}


def code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def strong_get(cloud: CloudUnderTest, region: str, payment: str) -> Any:
    client = cloud.client("dynamodb", region)
    answer = client.get_item(TableName=cloud.table, Key=key(payment), ConsistentRead=True)
    return answer.get("Item")


def test_what_one_region_acknowledged_is_at_once_in_a_strong_read_in_the_other(
    cloud: CloudUnderTest,
) -> None:
    for writer, reader in ((EAST, WEST), (WEST, EAST)):
        payment = new_id()
        cloud.client("dynamodb", writer).put_item(**put(cloud, payment))
        assert strong_get(cloud, reader, payment)["version"] == {"N": "1"}


def test_of_many_writers_in_two_regions_one_puts_an_absent_item(cloud: CloudUnderTest) -> None:
    clients = [cloud.client("dynamodb", region) for region in (EAST, WEST)]

    def claim(payment: str, number: int) -> str:
        item = put(cloud, payment, owner={"N": str(number)})
        condition = "attribute_not_exists(payment_id)"
        for _ in range(100):
            try:
                clients[number % 2].put_item(**item, ConditionExpression=condition)
            except ClientError as error:
                if code(error) == "ReplicatedWriteConflictException":
                    continue
                return code(error)
            return "won"
        return "gave up"

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(10):
            payment = new_id()
            ends = list(pool.map(claim, [payment] * THREADS, range(THREADS)))
            assert sorted(ends) == ["ConditionalCheckFailedException"] * (THREADS - 1) + ["won"]
            winner = strong_get(cloud, EAST, payment)["owner"]
            assert winner == {"N": str(ends.index("won"))}


def test_versions_rise_by_one_for_each_write_that_was_acknowledged_in_any_region(
    cloud: CloudUnderTest,
) -> None:
    payment = new_id()
    cloud.client("dynamodb", EAST).put_item(**put(cloud, payment))
    clients = [cloud.client("dynamodb", region) for region in (EAST, WEST)]

    refusals: set[str] = set()

    def write(number: int) -> int:
        client, acknowledged = clients[number % 2], 0
        for _ in range(25):
            found = client.get_item(TableName=cloud.table, Key=key(payment), ConsistentRead=True)
            version = int(found["Item"]["version"]["N"])
            try:
                client.update_item(
                    TableName=cloud.table,
                    Key=key(payment),
                    UpdateExpression="SET #v = :next",
                    ConditionExpression="#v = :now",
                    ExpressionAttributeNames={"#v": "version"},
                    ExpressionAttributeValues={
                        ":now": {"N": str(version)},
                        ":next": {"N": str(version + 1)},
                    },
                )
            except ClientError as error:
                refusals.add(code(error))
            else:
                acknowledged += 1
        return acknowledged

    with ThreadPoolExecutor(THREADS) as pool:
        acknowledged = sum(pool.map(write, range(THREADS)))
    assert acknowledged > 0
    assert refusals == {"ConditionalCheckFailedException", "ReplicatedWriteConflictException"}
    for region in (EAST, WEST):
        assert int(strong_get(cloud, region, payment)["version"]["N"]) == 1 + acknowledged


def test_a_write_that_meets_one_in_flight_in_another_region_conflicts_and_has_no_effect(
    cloud: CloudUnderTest,
) -> None:
    payment = new_id()

    async def both() -> Any:
        first = cloud.dynamodb(EAST, "PutItem", put(cloud, payment, owner={"S": EAST}))
        second = cloud.dynamodb(WEST, "PutItem", put(cloud, payment, owner={"S": WEST}))
        return await asyncio.gather(first, second)

    first, second = cloud.loop.run(both())
    assert first.status == 200
    assert second.status == 400
    assert error_of(second) == "ReplicatedWriteConflictException"
    assert strong_get(cloud, WEST, payment)["owner"] == {"S": EAST}
    assert cloud.loop.run(cloud.dynamodb(WEST, "PutItem", put(cloud, payment))).status == 200


def test_writes_in_flight_in_the_same_region_or_to_other_items_do_not_conflict(
    cloud: CloudUnderTest,
) -> None:
    payment = new_id()

    async def three() -> Any:
        return await asyncio.gather(
            cloud.dynamodb(EAST, "PutItem", put(cloud, payment)),
            cloud.dynamodb(EAST, "DeleteItem", {"TableName": cloud.table, "Key": key(payment)}),
            cloud.dynamodb(WEST, "PutItem", put(cloud, new_id())),
        )

    assert [answer.status for answer in cloud.loop.run(three())] == [200, 200, 200]


def test_a_batch_conflicts_when_one_of_its_items_does(cloud: CloudUnderTest) -> None:
    payment = new_id()
    batch = [
        {"DeleteRequest": {"Key": key(new_id())}},
        {"PutRequest": {"Item": put(cloud, payment)["Item"]}},
    ]

    async def both() -> Any:
        return await asyncio.gather(
            cloud.dynamodb(EAST, "BatchWriteItem", {"RequestItems": {cloud.table: batch}}),
            cloud.dynamodb(WEST, "PutItem", put(cloud, payment)),
        )

    first, second = cloud.loop.run(both())
    assert first.status == 200
    assert error_of(second) == "ReplicatedWriteConflictException"
    assert strong_get(cloud, WEST, payment) is not None


@pytest.fixture(name="slow_cloud", scope="module")
def cloud_with_far_regions(loop: LoopThread) -> Iterator[CloudUnderTest]:
    cloud = CloudUnderTest(loop, majority_delay_ms=SLOW_MS)
    yield cloud
    cloud.close()


def test_a_region_cut_off_during_writes_errors_and_one_of_two_took_effect(
    slow_cloud: CloudUnderTest,
) -> None:
    payments = [new_id(), new_id()]

    async def write() -> Any:
        tasks = [
            asyncio.create_task(slow_cloud.dynamodb(EAST, "PutItem", put(slow_cloud, payment)))
            for payment in payments
        ]
        await asyncio.sleep(SLOW_MS / 4000)
        await slow_cloud.cloud.change(EAST, RegionState.ISOLATED, Outage.REFUSE)
        return await asyncio.gather(*tasks)

    answers = slow_cloud.loop.run(write())
    assert {(answer.status, error_of(answer)) for answer in answers} == {
        (500, "InternalServerError")
    }
    found = [strong_get(slow_cloud, WEST, payment) is not None for payment in payments]
    assert sorted(found) == [False, True]
    slow_cloud.change(EAST, RegionState.UP)


def test_a_region_cut_off_during_a_strong_read_errors(cloud: CloudUnderTest) -> None:
    read = {"TableName": cloud.table, "Key": key("p"), "ConsistentRead": True}

    async def get() -> Any:
        task = asyncio.create_task(cloud.dynamodb(EAST, "GetItem", read))
        await asyncio.sleep(0)
        await cloud.cloud.change(EAST, RegionState.ISOLATED, Outage.REFUSE)
        return await task

    assert error_of(cloud.loop.run(get())) == "InternalServerError"


def test_a_region_that_is_cut_off_has_only_eventual_reads_of_what_it_had(
    cloud: CloudUnderTest,
) -> None:
    before, after = new_id(), new_id()
    east, west = cloud.client("dynamodb", EAST), cloud.client("dynamodb", WEST)
    east.put_item(**put(cloud, before))
    cloud.change(WEST, RegionState.ISOLATED)
    east.put_item(**put(cloud, after))
    east.put_item(**put(cloud, before, state={"S": "new"}))

    strong = {"TableName": cloud.table, "ConsistentRead": True}
    batch = {"RequestItems": {cloud.table: {"Keys": [key(before)], "ConsistentRead": True}}}
    for action, data in (
        ("PutItem", put(cloud, new_id())),
        ("GetItem", {**strong, "Key": key(before)}),
        ("Scan", strong),
        ("BatchGetItem", batch),
    ):
        answer = cloud.loop.run(cloud.dynamodb(WEST, action, data))
        assert (answer.status, error_of(answer)) == (500, "InternalServerError"), action
    assert "Item" not in west.get_item(TableName=cloud.table, Key=key(after))
    assert "state" not in west.get_item(TableName=cloud.table, Key=key(before))["Item"]

    cloud.change(WEST, RegionState.UP)
    assert west.get_item(TableName=cloud.table, Key=key(before))["Item"]["state"] == {"S": "new"}
    west.put_item(**put(cloud, after, state={"S": "from west"}))
    assert strong_get(cloud, EAST, after)["state"] == {"S": "from west"}


def test_regions_that_were_all_cut_off_agree_again_afterwards(cloud: CloudUnderTest) -> None:
    payment = new_id()
    for region in (EAST, WEST):
        cloud.change(region, RegionState.ISOLATED)
    for region in (EAST, WEST):
        cloud.change(region, RegionState.UP)
    cloud.client("dynamodb", EAST).put_item(**put(cloud, payment))
    assert strong_get(cloud, WEST, payment) is not None


def test_without_the_witness_two_sites_go_on_but_one_alone_does_not(cloud: CloudUnderTest) -> None:
    east = cloud.client("dynamodb", EAST)
    cloud.change(WITNESS, RegionState.DOWN)
    east.put_item(**put(cloud, new_id()))
    cloud.change(WEST, RegionState.DOWN)
    with pytest.raises(ClientError, match="InternalServerError"):
        east.put_item(**put(cloud, new_id()))


def test_sparse_indexes_hold_only_keys_and_follow_each_write_in_both_regions(
    cloud: CloudUnderTest,
) -> None:
    shard = str(uuid.uuid4().int % 1_000_000)
    payments = sorted(new_id() for _ in range(5))
    for number, payment in enumerate(payments):
        client = cloud.client("dynamodb", (EAST, WEST)[number % 2])
        client.put_item(**put(cloud, payment, unconfirmed_shard={"N": shard}))

    def found(region: str) -> list[Any]:
        items: list[Any] = []
        for page in (
            cloud.client("dynamodb", region)
            .get_paginator("query")
            .paginate(
                TableName=cloud.table,
                IndexName="unconfirmed",
                KeyConditionExpression="unconfirmed_shard = :shard",
                ExpressionAttributeValues={":shard": {"N": shard}},
                PaginationConfig={"PageSize": 2},
            )
        ):
            items += page["Items"]
        return items

    wanted = [{**key(payment), "unconfirmed_shard": {"N": shard}} for payment in payments]
    assert found(EAST) == found(WEST) == wanted
    cloud.change(WEST, RegionState.ISOLATED)
    cloud.client("dynamodb", EAST).put_item(**put(cloud, payments[0]))
    assert found(EAST) == wanted[1:]
    assert found(WEST) == wanted
    cloud.change(WEST, RegionState.UP)
    assert found(WEST) == wanted[1:]


def test_a_failed_condition_returns_the_existing_item_when_asked(cloud: CloudUnderTest) -> None:
    payment = new_id()
    cloud.client("dynamodb", EAST).put_item(**put(cloud, payment, owner={"S": "first"}))
    with pytest.raises(ClientError) as caught:
        cloud.client("dynamodb", WEST).put_item(
            **put(cloud, payment),
            ConditionExpression="attribute_not_exists(payment_id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    response: Any = caught.value.response
    assert code(caught.value) == "ConditionalCheckFailedException"
    assert response["Item"]["owner"] == {"S": "first"}


def test_lists_are_appended_to_in_both_regions(cloud: CloudUnderTest) -> None:
    payment = new_id()
    for region in (EAST, WEST, EAST):
        cloud.client("dynamodb", region).update_item(
            TableName=cloud.table,
            Key=key(payment),
            UpdateExpression="SET #log = list_append(if_not_exists(#log, :none), :line)",
            ConditionExpression="attribute_not_exists(#log) OR size(#log) < :most",
            ExpressionAttributeNames={"#log": "transitions"},
            ExpressionAttributeValues={
                ":none": {"L": []},
                ":line": {"L": [{"S": region}]},
                ":most": {"N": "3"},
            },
        )
    assert strong_get(cloud, WEST, payment)["transitions"]["L"] == [
        {"S": EAST},
        {"S": WEST},
        {"S": EAST},
    ]


def test_a_strong_batch_read_sees_the_other_regions_writes(cloud: CloudUnderTest) -> None:
    payments = [new_id() for _ in range(3)]
    for payment in payments:
        cloud.client("dynamodb", EAST).put_item(**put(cloud, payment))
    answer = cloud.client("dynamodb", WEST).batch_get_item(
        RequestItems={cloud.table: {"Keys": [key(p) for p in payments], "ConsistentRead": True}}
    )
    assert len(answer["Responses"][cloud.table]) == 3


def test_the_description_names_consistency_replicas_and_witness(cloud: CloudUnderTest) -> None:
    description = cloud.client("dynamodb", WEST).describe_table(TableName=cloud.table)["Table"]
    assert description["MultiRegionConsistency"] == "STRONG"
    assert description["Replicas"] == [{"RegionName": EAST, "ReplicaStatus": "ACTIVE"}]
    assert description["GlobalTableWitnesses"] == [
        {"RegionName": WITNESS, "WitnessStatus": "ACTIVE"}
    ]
    assert description["TableArn"].startswith(f"arn:aws:dynamodb:{WEST}:")
    assert "StreamSpecification" not in description


def test_transactions_time_to_live_and_changes_are_refused(cloud: CloudUnderTest) -> None:
    write = {"Put": {"TableName": cloud.table, "Item": key(new_id())}}
    read = {"Get": {"TableName": cloud.table, "Key": key(new_id())}}
    for action, data in (
        ("TransactWriteItems", {"TransactItems": [write]}),
        ("TransactGetItems", {"TransactItems": [read]}),
        (
            "UpdateTimeToLive",
            {
                "TableName": f"arn:aws:dynamodb:{EAST}:000000000000:table/{cloud.table}",
                "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "expires"},
            },
        ),
        ("UpdateTable", {"TableName": cloud.table, "BillingMode": "PAY_PER_REQUEST"}),
    ):
        answer = cloud.loop.run(cloud.dynamodb(EAST, action, data))
        assert (answer.status, error_of(answer)) == (400, "ValidationException"), action


def test_a_malformed_write_is_answered_as_ministack_answers_it(cloud: CloudUnderTest) -> None:
    answer = cloud.loop.run(cloud.dynamodb(EAST, "PutItem", {"TableName": cloud.table}))
    assert error_of(answer) == "ValidationException"
    unnamed = cloud.loop.run(cloud.dynamodb(EAST, "PutItem", {}))
    assert error_of(unnamed) == "ValidationException"


def test_turning_time_to_live_off_and_reading_it_are_allowed(cloud: CloudUnderTest) -> None:
    client = cloud.client("dynamodb", EAST)
    client.update_time_to_live(
        TableName=cloud.table,
        TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires"},
    )
    description = client.describe_time_to_live(TableName=cloud.table)["TimeToLiveDescription"]
    assert description["TimeToLiveStatus"] == "DISABLED"


def create_table(cloud: CloudUnderTest, name: str, *, local_index: bool = False) -> None:
    schema = [{"AttributeName": "payment_id", "KeyType": "HASH"}]
    sort = [{"AttributeName": "at", "KeyType": "RANGE"}]
    local: dict[str, Any] = {
        "IndexName": "local",
        "KeySchema": schema + sort,
        "Projection": {"ProjectionType": "ALL"},
    }
    attributes = [{"AttributeName": "payment_id", "AttributeType": "S"}]
    extra = {"LocalSecondaryIndexes": [local]} if local_index else {}
    cloud.client("dynamodb", EAST).create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            *attributes,
            *([{"AttributeName": "at", "AttributeType": "S"}] if local_index else []),
        ],
        KeySchema=schema + (sort if local_index else []),
        **extra,
    )


def make_global(
    cloud: CloudUnderTest, name: str, *, replica: str = WEST, witness: str | None = WITNESS
) -> Any:
    data: dict[str, Any] = {
        "TableName": name,
        "ReplicaUpdates": [{"Create": {"RegionName": replica}}],
        "MultiRegionConsistency": "STRONG",
    }
    if witness is not None:
        data["GlobalTableWitnessUpdates"] = [{"Create": {"RegionName": witness}}]
    return cloud.loop.run(cloud.dynamodb(EAST, "UpdateTable", data))


def test_a_table_that_cannot_be_strong_is_not_made_so(cloud: CloudUnderTest) -> None:
    name = f"t-{new_id()}"
    create_table(cloud, name)
    for arguments, message in (
        ({"replica": "eu-west-1"}, "the lab has the Regions"),
        ({"witness": None}, "takes three replicas, or two and a witness"),
        ({"replica": WITNESS}, "takes three replicas, or two and a witness"),
    ):
        assert message in json.loads(make_global(cloud, name, **arguments).body)["message"]
    cloud.client("dynamodb", EAST).put_item(TableName=name, Item=key(new_id()))
    assert "must be empty" in json.loads(make_global(cloud, name).body)["message"]
    create_table(cloud, f"{name}-lsi", local_index=True)
    refusal = json.loads(make_global(cloud, f"{name}-lsi").body)["message"]
    assert "local secondary indexes" in refusal
    assert error_of(make_global(cloud, "absent")) == "ResourceNotFoundException"


def test_a_table_may_have_three_replicas_and_no_witness(cloud: CloudUnderTest) -> None:
    name = f"t-{new_id()}"
    create_table(cloud, name)
    regions = [{"Create": {"RegionName": region}} for region in (WEST, WITNESS)]
    data = {"TableName": name, "ReplicaUpdates": regions, "MultiRegionConsistency": "STRONG"}
    answer = cloud.loop.run(cloud.dynamodb(EAST, "UpdateTable", data))
    description = json.loads(answer.body)["TableDescription"]
    assert [replica["RegionName"] for replica in description["Replicas"]] == [WEST, WITNESS]
    assert "GlobalTableWitnesses" not in description
    cloud.client("dynamodb", WITNESS).put_item(TableName=name, Item=key("x"))
    read = {"TableName": name, "Key": key("x"), "ConsistentRead": True}
    assert cloud.client("dynamodb", WEST).get_item(**read)["Item"] == key("x")


def test_a_table_with_weaker_consistency_is_refused(cloud: CloudUnderTest) -> None:
    data = {"TableName": cloud.table, "ReplicaUpdates": [{"Create": {"RegionName": WEST}}]}
    answer = cloud.loop.run(cloud.dynamodb(EAST, "UpdateTable", {**data, "TableName": "other"}))
    assert "MultiRegionConsistency STRONG" in json.loads(answer.body)["message"]


def test_an_ordinary_table_has_transactions_and_may_be_changed(cloud: CloudUnderTest) -> None:
    name = f"t-{new_id()}"
    create_table(cloud, name)
    client = cloud.client("dynamodb", EAST)
    client.transact_write_items(TransactItems=[{"Put": {"TableName": name, "Item": key(new_id())}}])
    client.update_table(TableName=name, DeletionProtectionEnabled=True)
    assert client.describe_table(TableName=name)["Table"]["DeletionProtectionEnabled"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.describe_table(TableName="absent")


def test_what_the_lab_does_not_offer_is_refused(cloud: CloudUnderTest) -> None:
    answer = cloud.loop.run(cloud.dynamodb(EAST, "ExecuteStatement", {}))
    assert error_of(answer) == "UnknownOperationException"
    answer = cloud.loop.run(cloud.dynamodb(EAST, "PutItem", b"{"))
    assert error_of(answer) == "SerializationException"
