"""What the lab's own shim does not offer to every test: answers of AWS's models, in order.

botocore's stubs check each call's parameters and each answer against the service's own model.
"""

from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from payment_dr.lab.aws_provider.emulated.emulator import Emulator
from payment_dr.lab.aws_provider.schema.answer import Schemas
from payment_dr.lab.aws_provider.wire.values import Object
from terraform.driver import DiagnosedError, Driver

_EAST, _WEST = "arn:aws:rds:us-east-1:1:cluster:east", "arn:aws:rds:us-west-2:1:cluster:west"


class StubbedClients:
    """One client of each service, that answers what it was told to, in order."""

    def __init__(self) -> None:
        session: Any = boto3.session.Session(aws_access_key_id="lab", aws_secret_access_key="lab")
        self._clients: dict[str, Any] = {
            service: session.client(service, region_name="us-east-1")
            for service in ("rds", "dynamodb")
        }
        self.stubs = {service: Stubber(client) for service, client in self._clients.items()}
        for stub in self.stubs.values():
            stub.activate()

    def __call__(self, service: str, region: str) -> Any:
        return self._clients[service]

    def expect(
        self, service: str, call: str, answer: Mapping[str, Any] | None = None, **parameters: Any
    ) -> None:
        self.stubs[service].add_response(call, dict(answer or {}), parameters)

    def done(self) -> None:
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture(name="clients")
def stubbed() -> StubbedClients:
    return StubbedClients()


@pytest.fixture(name="driver")
def against_stubs(schemas: Schemas, clients: StubbedClients) -> Driver:
    return Driver(schemas, Emulator(clients))


def global_cluster(*members: tuple[str, bool]) -> dict[str, Any]:
    return {
        "GlobalClusterIdentifier": "payments",
        "GlobalClusterArn": "arn:aws:rds::1:global-cluster:payments",
        "GlobalClusterMembers": [
            {"DBClusterArn": arn, "IsWriter": writes} for arn, writes in members
        ],
    }


def test_a_global_cluster_tells_its_members(driver: Driver, clients: StubbedClients) -> None:
    arguments = {"global_cluster_identifier": "payments", "engine": "aurora-postgresql"}
    clients.expect(
        "rds",
        "create_global_cluster",
        {"GlobalCluster": global_cluster()},
        GlobalClusterIdentifier="payments",
        Engine="aurora-postgresql",
    )
    state = driver.apply("aws_rds_global_cluster", arguments)
    assert state["arn"] == "arn:aws:rds::1:global-cluster:payments"
    assert state["global_cluster_members"] == []
    found = {"GlobalClusters": [global_cluster((_EAST, True), (_WEST, False))]}
    clients.expect("rds", "describe_global_clusters", found, GlobalClusterIdentifier="payments")
    read = driver.read("aws_rds_global_cluster", state)
    assert read is not None
    assert read["global_cluster_members"] == [
        {"db_cluster_arn": _EAST, "is_writer": True},
        {"db_cluster_arn": _WEST, "is_writer": False},
    ]
    nothing: dict[str, Any] = {"GlobalClusters": []}
    clients.expect("rds", "describe_global_clusters", nothing, GlobalClusterIdentifier="payments")
    assert driver.read("aws_rds_global_cluster", state) is None
    clients.expect("rds", "delete_global_cluster", GlobalClusterIdentifier="payments")
    driver.delete("aws_rds_global_cluster", state)
    clients.done()


_CLUSTER = {
    "cluster_identifier": "east",
    "engine": "aurora-postgresql",
    "global_cluster_identifier": "payments",
    "master_username": "payment_master",
    "tags": {"Site": "east"},
}


def cluster(driver: Driver, clients: StubbedClients, **password: str) -> Object:
    clients.expect(
        "rds",
        "create_db_cluster",
        {
            "DBCluster": {
                "DBClusterIdentifier": "east",
                "DBClusterArn": _EAST,
                "Endpoint": "e.example",
                "Port": 5433,
            }
        },
        DBClusterIdentifier="east",
        GlobalClusterIdentifier="payments",
        Engine="aurora-postgresql",
        MasterUsername="payment_master",
        MasterUserPassword="hunter2",
        Tags=[{"Key": "Site", "Value": "east"}],
    )
    return driver.apply("aws_rds_cluster", _CLUSTER | password)


@pytest.mark.parametrize("argument", ["master_password_wo", "master_password"])
def test_a_cluster_is_created_with_its_password(
    driver: Driver, clients: StubbedClients, argument: str
) -> None:
    state = cluster(driver, clients, **{argument: "hunter2"})
    assert (state["arn"], state["endpoint"], state["port"]) == (_EAST, "e.example", 5433)
    assert state["id"] == "east"
    assert state["master_password_wo"] is None
    clients.done()


@pytest.mark.parametrize(
    ("members", "joined", "source"),
    [
        ([(_EAST, True), (_WEST, False)], "payments", None),
        ([(_EAST, False), (_WEST, True)], "payments", _WEST),
        ([(_WEST, True)], None, None),
    ],
    ids=["writer", "after a failover", "detached"],
)
def test_a_clusters_role_is_read_as_it_is_now(
    driver: Driver,
    clients: StubbedClients,
    members: list[tuple[str, bool]],
    joined: str | None,
    source: str | None,
) -> None:
    state = cluster(driver, clients, master_password_wo="hunter2")
    found = {"DBClusters": [{"DBClusterArn": _EAST, "Endpoint": "e.example"}]}
    clients.expect("rds", "describe_db_clusters", found, DBClusterIdentifier="east")
    clients.expect(
        "rds", "describe_global_clusters", {"GlobalClusters": [global_cluster(*members)]}
    )
    read = driver.read("aws_rds_cluster", state)
    assert read is not None
    assert (read["global_cluster_identifier"], read["replication_source_identifier"]) == (
        joined,
        source,
    )
    gone: dict[str, Any] = {"DBClusters": []}
    clients.expect("rds", "describe_db_clusters", gone, DBClusterIdentifier="east")
    assert driver.read("aws_rds_cluster", state) is None
    clients.done()


def test_a_cluster_can_leave_its_global_cluster_and_never_join_another(
    driver: Driver, clients: StubbedClients
) -> None:
    state = cluster(driver, clients, master_password_wo="hunter2")
    same = driver.apply("aws_rds_cluster", _CLUSTER | {"engine_version": "16.9"}, state)
    with pytest.raises(DiagnosedError, match="cannot be migrated"):
        driver.apply("aws_rds_cluster", _CLUSTER | {"global_cluster_identifier": "other"}, same)
    alone = {name: value for name, value in _CLUSTER.items() if "global" not in name}
    clients.expect(
        "rds",
        "remove_from_global_cluster",
        GlobalClusterIdentifier="payments",
        DbClusterIdentifier=_EAST,
    )
    left = driver.apply("aws_rds_cluster", alone, same)
    with pytest.raises(DiagnosedError, match="cannot be added"):
        driver.apply("aws_rds_cluster", _CLUSTER, left)
    clients.expect("rds", "delete_db_cluster", DBClusterIdentifier="east", SkipFinalSnapshot=True)
    driver.delete("aws_rds_cluster", left)
    clients.done()


def test_a_member_leaves_its_global_cluster_before_it_is_deleted(
    driver: Driver, clients: StubbedClients
) -> None:
    state = cluster(driver, clients, master_password_wo="hunter2")
    leave: dict[str, Any] = {
        "GlobalClusterIdentifier": "payments",
        "DbClusterIdentifier": _EAST,
    }
    clients.expect("rds", "remove_from_global_cluster", **leave)
    clients.stubs["rds"].add_client_error("delete_db_cluster", "DBClusterNotFoundFault")
    driver.delete("aws_rds_cluster", state)
    clients.done()


_STREAM = "arn:aws:dynamodb:us-east-1:1:table/payments/stream/1"
_TABLE: dict[str, Any] = {
    "name": "payments",
    "hash_key": "id",
    "billing_mode": "PAY_PER_REQUEST",
    "deletion_protection_enabled": True,
    "attribute": [{"name": "id", "type": "S"}],
}
_DESCRIBED = {"Table": {"TableName": "payments", "TableArn": "arn:aws:dynamodb:t"}}


def table(driver: Driver, clients: StubbedClients, **more: Any) -> Object:
    clients.expect(
        "dynamodb",
        "create_table",
        TableName="payments",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    if more:
        clients.expect(
            "dynamodb",
            "update_table",
            TableName="payments",
            ReplicaUpdates=[{"Create": {"RegionName": "us-west-2"}}],
        )
    clients.expect("dynamodb", "describe_table", _DESCRIBED, TableName="payments")
    return driver.apply("aws_dynamodb_table", _TABLE | more)


def test_a_table_is_protected_and_released(driver: Driver, clients: StubbedClients) -> None:
    state = table(driver, clients)
    assert (state["arn"], state["id"]) == ("arn:aws:dynamodb:t", "payments")
    clients.expect(
        "dynamodb", "update_table", TableName="payments", DeletionProtectionEnabled=False
    )
    released = driver.apply(
        "aws_dynamodb_table", _TABLE | {"deletion_protection_enabled": False}, state
    )
    same = driver.apply("aws_dynamodb_table", _TABLE | {"table_class": "STANDARD"}, state)
    assert same["arn"] == state["arn"]
    clients.expect("dynamodb", "delete_table", TableName="payments")
    driver.delete("aws_dynamodb_table", released)
    clients.done()


def test_a_strong_table_is_made_with_its_index_replica_and_witness(
    driver: Driver, clients: StubbedClients
) -> None:
    clients.expect(
        "dynamodb",
        "create_table",
        TableName="payments",
        KeySchema=[
            {"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "at", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-time",
                "KeySchema": [{"AttributeName": "at", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["amount"]},
            }
        ],
        Tags=[{"Key": "Project", "Value": "payments"}],
    )
    clients.expect(
        "dynamodb",
        "update_table",
        TableName="payments",
        ReplicaUpdates=[{"Create": {"RegionName": "us-west-2"}}],
        MultiRegionConsistency="STRONG",
        GlobalTableWitnessUpdates=[{"Create": {"RegionName": "us-east-2"}}],
    )
    clients.expect(
        "dynamodb",
        "update_continuous_backups",
        TableName="payments",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    stream = {"Table": {**_DESCRIBED["Table"], "LatestStreamArn": _STREAM}}
    clients.expect("dynamodb", "describe_table", stream, TableName="payments")
    made = driver.apply(
        "aws_dynamodb_table",
        {
            "name": "payments",
            "hash_key": "id",
            "range_key": "at",
            "attribute": [{"name": "id", "type": "S"}, {"name": "at", "type": "N"}],
            "global_secondary_index": [
                {
                    "name": "by-time",
                    "hash_key": "at",
                    "projection_type": "INCLUDE",
                    "non_key_attributes": ["amount"],
                }
            ],
            "replica": [{"region_name": "us-west-2", "consistency_mode": "STRONG"}],
            "global_table_witness": [{"region_name": "us-east-2"}],
            "point_in_time_recovery": [{"enabled": True}],
            "tags": {"Project": "payments"},
        },
    )
    assert made["stream_arn"] == _STREAM
    clients.done()


@pytest.mark.parametrize("witness", [None, "us-east-2"])
def test_replicas_go_before_their_table(
    driver: Driver, clients: StubbedClients, witness: str | None
) -> None:
    state = table(driver, clients, replica=[{"region_name": "us-west-2"}])
    gone: dict[str, Any] = {}
    if witness:
        gone = {"GlobalTableWitnessUpdates": [{"Delete": {"RegionName": witness}}]}
        state = state | {"global_table_witness": [{"region_name": witness}]}
    clients.expect(
        "dynamodb",
        "update_table",
        TableName="payments",
        ReplicaUpdates=[{"Delete": {"RegionName": "us-west-2"}}],
        **gone,
    )
    clients.expect("dynamodb", "delete_table", TableName="payments")
    driver.delete("aws_dynamodb_table", state)
    clients.done()
