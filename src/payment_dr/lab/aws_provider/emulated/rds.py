"""Aurora's global clusters and the clusters in them."""

from typing import Any, Final

from payment_dr.lab.aws_provider.behaviour.cloud import RefusedError
from payment_dr.lab.aws_provider.emulated.resource import Emulated, Job, Types, picked
from payment_dr.lab.aws_provider.wire.values import Object

_GLOBAL: Final = "global_cluster_identifier"


def _create_global(job: Job) -> Object:
    made = job.client("rds").create_global_cluster(
        **job.given(
            GlobalClusterIdentifier=_GLOBAL,
            Engine="engine",
            EngineVersion="engine_version",
            DatabaseName="database_name",
            StorageEncrypted="storage_encrypted",
            DeletionProtection="deletion_protection",
        )
    )
    return {"id": job.state[_GLOBAL], **_global(made["GlobalCluster"])}


def _global(cluster: Any) -> Object:
    return {
        **picked(
            cluster,
            arn="GlobalClusterArn",
            global_cluster_resource_id="GlobalClusterResourceId",
            engine_version_actual="EngineVersion",
        ),
        "global_cluster_members": [
            {"db_cluster_arn": each["DBClusterArn"], "is_writer": each["IsWriter"]}
            for each in cluster.get("GlobalClusterMembers", [])
        ],
    }


def _read_global(job: Job) -> Object | None:
    found = job.client("rds").describe_global_clusters(GlobalClusterIdentifier=job.state["id"])
    clusters = found["GlobalClusters"]
    return _global(clusters[0]) if clusters else None


def _delete_global(job: Job) -> None:
    job.client("rds").delete_global_cluster(GlobalClusterIdentifier=job.state["id"])


def _create_cluster(job: Job) -> Object:
    password = job.given(MasterUserPassword="master_password_wo") or job.given(
        MasterUserPassword="master_password"
    )
    made = job.client("rds").create_db_cluster(
        **job.given(
            DBClusterIdentifier="cluster_identifier",
            GlobalClusterIdentifier=_GLOBAL,
            Engine="engine",
            EngineVersion="engine_version",
            DatabaseName="database_name",
            MasterUsername="master_username",
            Port="port",
            KmsKeyId="kms_key_id",
            StorageEncrypted="storage_encrypted",
            DBSubnetGroupName="db_subnet_group_name",
            VpcSecurityGroupIds="vpc_security_group_ids",
            DBClusterParameterGroupName="db_cluster_parameter_group_name",
            BackupRetentionPeriod="backup_retention_period",
            DeletionProtection="deletion_protection",
            EnableIAMDatabaseAuthentication="iam_database_authentication_enabled",
        ),
        **password,
        **({"Tags": job.tags()} if job.tags() else {}),
    )
    return {"id": job.state["cluster_identifier"], **_cluster(made["DBCluster"])}


def _cluster(cluster: Any) -> Object:
    return picked(
        cluster,
        arn="DBClusterArn",
        cluster_resource_id="DbClusterResourceId",
        endpoint="Endpoint",
        engine_version_actual="EngineVersion",
        hosted_zone_id="HostedZoneId",
        port="Port",
        reader_endpoint="ReaderEndpoint",
    )


def _read_cluster(job: Job) -> Object | None:
    """Membership and source too, as they are now: after a failover they are not what they were."""
    client = job.client("rds")
    found = client.describe_db_clusters(DBClusterIdentifier=job.state["id"])["DBClusters"]
    if not found:
        return None
    arn = found[0]["DBClusterArn"]
    joined: Object = {_GLOBAL: None, "replication_source_identifier": None}
    for each in client.describe_global_clusters()["GlobalClusters"]:
        writers = {member["DBClusterArn"]: member["IsWriter"] for member in _members(each)}
        if arn in writers:
            source = next((one for one, writes in writers.items() if writes and one != arn), None)
            joined = {
                _GLOBAL: each["GlobalClusterIdentifier"],
                "replication_source_identifier": None if writers[arn] else source,
            }
    return {**_cluster(found[0]), **joined}


def _members(cluster: Any) -> Any:
    return cluster.get("GlobalClusterMembers", [])


def _update_cluster(job: Job) -> Object:
    """As the provider does it: a cluster can leave its global cluster, never join or migrate.

    Raises:
        RefusedError: it would have to join or to migrate.
    """
    if not job.changed(_GLOBAL):
        return {}
    before, after = (job.asked.prior or {}).get(_GLOBAL), job.state.get(_GLOBAL)
    if not before:
        raise RefusedError(
            "existing RDS Clusters cannot be added to an existing RDS Global Cluster"
        )
    if after:
        raise RefusedError(
            "existing RDS Clusters cannot be migrated between existing RDS Global Clusters"
        )
    _leave(job, before)
    return {}


def _leave(job: Job, global_cluster: str) -> None:
    job.client("rds").remove_from_global_cluster(
        GlobalClusterIdentifier=global_cluster, DbClusterIdentifier=job.state["arn"]
    )


def _delete_cluster(job: Job) -> None:
    if job.state.get(_GLOBAL):
        _leave(job, job.state[_GLOBAL])
    job.client("rds").delete_db_cluster(DBClusterIdentifier=job.state["id"], SkipFinalSnapshot=True)


TYPES: Final[Types] = {
    "aws_rds_cluster": Emulated(
        create=_create_cluster, read=_read_cluster, update=_update_cluster, delete=_delete_cluster
    ),
    "aws_rds_global_cluster": Emulated(
        create=_create_global, read=_read_global, delete=_delete_global
    ),
}
