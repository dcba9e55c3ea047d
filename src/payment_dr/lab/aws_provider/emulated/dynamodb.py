"""Tables, with replicas and a witness."""

from typing import Any, Final

from payment_dr.lab.aws_provider.emulated.resource import (
    Emulated,
    Job,
    Types,
    blocks,
    first,
    picked,
)
from payment_dr.lab.aws_provider.wire.values import Object

_HASH: Final = "HASH"
_RANGE: Final = "RANGE"
_STRONG: Final = "STRONG"


def _create(job: Job) -> Object:
    client, name = job.client("dynamodb"), job.state["name"]
    indexes = [_index(each) for each in blocks(job.arguments, "global_secondary_index")]
    client.create_table(
        TableName=name,
        KeySchema=_keys(job.state),
        AttributeDefinitions=[
            {"AttributeName": each["name"], "AttributeType": each["type"]}
            for each in blocks(job.arguments, "attribute")
        ],
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
        **job.given(
            BillingMode="billing_mode",
            TableClass="table_class",
            DeletionProtectionEnabled="deletion_protection_enabled",
        ),
        **({"Tags": job.tags()} if job.tags() else {}),
    )
    replicas = [each["region_name"] for each in blocks(job.arguments, "replica")]
    if replicas:
        client.update_table(TableName=name, **_replication(job, replicas))
    recovery = first(job.arguments, "point_in_time_recovery")
    if recovery.get("enabled"):
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    return _read(job)


def _keys(source: Object) -> list[dict[str, str]]:
    """Keys of a table, or of an index, which has them in blocks `key_schema` nowadays."""
    named = [(each["attribute_name"], each["key_type"]) for each in blocks(source, "key_schema")]
    older = ((source.get("hash_key"), _HASH), (source.get("range_key"), _RANGE))
    return [{"AttributeName": name, "KeyType": kind} for name, kind in named or older if name]


def _index(block: Object) -> dict[str, Any]:
    return {
        "IndexName": block["name"],
        "KeySchema": _keys(block),
        "Projection": picked(
            block, ProjectionType="projection_type", NonKeyAttributes="non_key_attributes"
        ),
    }


def _replication(job: Job, replicas: list[str]) -> dict[str, Any]:
    """The update that makes a table global; strongly consistent if its replicas say so."""
    modes = {each["consistency_mode"] for each in blocks(job.arguments, "replica")}
    witness = first(job.arguments, "global_table_witness").get("region_name")
    update: dict[str, Any] = {
        "ReplicaUpdates": [{"Create": {"RegionName": region}} for region in replicas]
    }
    if _STRONG in modes:
        update["MultiRegionConsistency"] = _STRONG
    if witness:
        update["GlobalTableWitnessUpdates"] = [{"Create": {"RegionName": witness}}]
    return update


def _read(job: Job) -> Object:
    table = job.client("dynamodb").describe_table(TableName=job.state["name"])["Table"]
    told = picked(table, arn="TableArn", stream_arn="LatestStreamArn")
    return {"id": table["TableName"], **told}


def _update(job: Job) -> Object:
    if job.changed("deletion_protection_enabled"):
        job.client("dynamodb").update_table(
            TableName=job.state["name"],
            DeletionProtectionEnabled=bool(job.state["deletion_protection_enabled"]),
        )
    return {}


def _delete(job: Job) -> None:
    """Replicas first, as AWS demands."""
    client, name = job.client("dynamodb"), job.state["name"]
    replicas = [each["region_name"] for each in blocks(job.arguments, "replica")]
    witness = first(job.arguments, "global_table_witness").get("region_name")
    if replicas:
        updates = [{"Delete": {"RegionName": region}} for region in replicas]
        witnesses = [{"Delete": {"RegionName": witness}}] if witness else []
        client.update_table(
            TableName=name,
            ReplicaUpdates=updates,
            **({"GlobalTableWitnessUpdates": witnesses} if witnesses else {}),
        )
    client.delete_table(TableName=name)


TYPES: Final[Types] = {
    "aws_dynamodb_table": Emulated(create=_create, read=_read, update=_update, delete=_delete)
}
