"""Restoring backups of a site's Aurora cluster into clusters of their own, and deleting these.

What is restored stands alone: no member of the global cluster, in the subnets and behind the
security group of its source, which admits functions and opens no connection. It is known by its
tags; nothing else is ever changed or deleted here. To look into it its first user gets a password
that nobody keeps.
"""

import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import psycopg
from botocore.exceptions import ClientError

from payment_dr.adapters.aws_calls import aws_errors, error_code
from payment_dr.adapters.backup_reader import PostgresRestoredLedger
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.checks.backup_source import (
    BackupKind,
    Restoration,
    RestoredLedger,
    RestorePoint,
    RestoreStage,
)
from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

PURPOSE: Final = "backup-verification"
"""Value of the tag `Purpose`, by which leftovers are found."""

_ENGINE: Final = "aurora-postgresql"
_PASSWORD_BYTES: Final = 32
_LOGIN_TRIES: Final = 60
_LOGIN_PAUSE_S: Final = 5.0

_FAILED: Final = ("failed", "restore-error", "inaccessible", "incompatible", "storage-failure")
_AVAILABLE: Final = "available"
_DELETING: Final = "deleting"

_NAMES: Final[Mapping[BackupKind, str]] = {
    BackupKind.SNAPSHOT: "snapshot",
    BackupKind.POINT_IN_TIME: "point",
}
"""Ends of the restored clusters' names; with the longest site and suffix 57 of 63 characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RestorePlace:
    """What is restored into what.

    Attributes:
        cluster: the site's cluster.
        prefix: of the restored clusters' names.
        instance_class: of the one instance that each gets.
    """

    cluster: str
    prefix: str
    instance_class: str


class RdsBackups:
    """`checks.backup_source.BackupSource`.

    Args:
        client: RDS of the site.
        place: what is restored into what.
        connect: a connection to a ledger.
        clock: for the wait until a new password works.
    """

    def __init__(
        self,
        client: "RDSClient",
        place: RestorePlace,
        *,
        connect: Callable[[LedgerLogin], psycopg.Connection[Any]],
        clock: Clock,
    ) -> None:
        self._client = client
        self._cluster = place.cluster
        self._prefix = place.prefix
        self._instance_class = place.instance_class
        self._connect = connect
        self._clock = clock

    def latest_snapshot(self) -> RestorePoint | None:
        """The newest snapshot that can be restored; None without one."""
        with aws_errors(f"listing the snapshots of {self._cluster}", writes=False):
            pages = self._client.get_paginator("describe_db_cluster_snapshots").paginate(
                DBClusterIdentifier=self._cluster
            )
            found = [
                (one["SnapshotCreateTime"].timestamp(), one.get("DBClusterSnapshotIdentifier", ""))
                for page in pages
                for one in page["DBClusterSnapshots"]
                if one.get("Status") == _AVAILABLE and "SnapshotCreateTime" in one
            ]
        if not found:
            return None
        at, name = max(found)
        return RestorePoint(kind=BackupKind.SNAPSHOT, at=at, snapshot=name)

    def window(self) -> tuple[float, float]:
        """Earliest and latest time that can be restored, Unix seconds."""
        source = self._source()
        earliest, latest = source.get("EarliestRestorableTime"), source.get("LatestRestorableTime")
        if earliest is None or latest is None:
            raise UnavailableError(
                f"{self._cluster} cannot be restored to any point in time yet",
                remedy="see that automated backups are on: aws rds describe-db-clusters",
            )
        return earliest.timestamp(), latest.timestamp()

    def restorations(self) -> tuple[Restoration, ...]:
        """Everything with the tag, of whatever name."""
        with aws_errors("looking for restored clusters", writes=False):
            pages = self._client.get_paginator("describe_db_clusters").paginate()
            tagged = [
                (cluster, _tags(cluster))
                for page in pages
                for cluster in page["DBClusters"]
                if _tags(cluster).get("Purpose") == PURPOSE
            ]
        return tuple(self._restoration(cluster, tags) for cluster, tags in tagged)

    def begin(self, run: str, point: RestorePoint, started_at: float) -> None:
        """Begin a restore; nothing if a cluster of that name exists."""
        source = self._source()
        tags = {
            "Purpose": PURPOSE,
            "Run": run,
            "Kind": point.kind.value,
            "At": str(point.at),
            "StartedAt": str(started_at),
            "Snapshot": point.snapshot,
        }
        surroundings: dict[str, Any] = {
            "DBClusterIdentifier": f"{self._prefix}-{_NAMES[point.kind]}",
            "DBSubnetGroupName": source.get("DBSubnetGroup", ""),
            "VpcSecurityGroupIds": [
                group.get("VpcSecurityGroupId", "") for group in source.get("VpcSecurityGroups", [])
            ],
            "DBClusterParameterGroupName": source.get("DBClusterParameterGroup", ""),
            "DeletionProtection": False,
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        with (
            aws_errors(f"restoring a {point.kind}", writes=True),
            _unless("DBClusterAlreadyExistsFault"),
        ):
            if point.kind is BackupKind.SNAPSHOT:
                self._client.restore_db_cluster_from_snapshot(
                    SnapshotIdentifier=point.snapshot, Engine=_ENGINE, **surroundings
                )
            else:
                self._client.restore_db_cluster_to_point_in_time(
                    SourceDBClusterIdentifier=self._cluster,
                    RestoreToTime=datetime.fromtimestamp(point.at, UTC),
                    RestoreType="full-copy",
                    **surroundings,
                )

    def advance(self, restoration: Restoration) -> None:
        """A restored cluster has no instance; give it one as soon as it takes one."""
        cluster = self._described(restoration.name)
        if cluster.get("Status") == _AVAILABLE and not cluster.get("DBClusterMembers"):
            with (
                aws_errors(f"making an instance of {restoration.name}", writes=True),
                _unless("DBInstanceAlreadyExists"),
            ):
                self._client.create_db_instance(
                    DBInstanceIdentifier=f"{restoration.name}-1",
                    DBClusterIdentifier=restoration.name,
                    DBInstanceClass=self._instance_class,
                    Engine=_ENGINE,
                    PubliclyAccessible=False,
                    Tags=[{"Key": "Purpose", "Value": PURPOSE}],
                )

    @contextmanager
    def open(self, restoration: Restoration) -> Generator[RestoredLedger]:
        """Give its first user a new password, and read as the owner of the ledger."""
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        with aws_errors(f"setting a password of {restoration.name}", writes=True):
            self._client.modify_db_cluster(
                DBClusterIdentifier=restoration.name,
                MasterUserPassword=password,
                ApplyImmediately=True,
            )
        cluster = self._described(restoration.name)
        login = LedgerLogin(
            host=cluster.get("Endpoint", ""),
            port=cluster.get("Port", 5432),
            user=cluster.get("MasterUsername", ""),
            password=password,
            tls=True,
        )
        with self._logged_in(login) as connection:
            # Its own roles, in its own copy: the ledger's owner may read everything there.
            connection.execute("GRANT payment_admin TO CURRENT_USER WITH INHERIT TRUE")
            yield PostgresRestoredLedger(connection)

    def remove(self, restoration: Restoration) -> None:
        """Delete its instance, then it: called again until it is gone."""
        with aws_errors(f"deleting {restoration.name}", writes=True):
            for member in self._described(restoration.name).get("DBClusterMembers", []):
                with _unless("DBInstanceNotFound", "InvalidDBInstanceState"):
                    self._client.delete_db_instance(
                        DBInstanceIdentifier=member.get("DBInstanceIdentifier", ""),
                        SkipFinalSnapshot=True,
                    )
            with _unless("DBClusterNotFoundFault", "InvalidDBClusterStateFault"):
                self._client.delete_db_cluster(
                    DBClusterIdentifier=restoration.name,
                    SkipFinalSnapshot=True,
                    DeleteAutomatedBackups=True,
                )

    def _logged_in(self, login: LedgerLogin) -> psycopg.Connection[Any]:
        """A connection, as soon as the password works, which takes RDS a while."""
        for _ in range(_LOGIN_TRIES):
            with suppress(psycopg.OperationalError):
                return self._connect(login)
            self._clock.sleep(_LOGIN_PAUSE_S)
        raise UnavailableError(
            f"{login.host} lets nobody in after {_LOGIN_TRIES * _LOGIN_PAUSE_S:g} s",
            remedy="none: the next call tries again with another password",
        )

    def _restoration(self, cluster: "DBClusterTypeDef", tags: Mapping[str, str]) -> Restoration:
        """A cluster whose tags are not all there belongs to no run, which has it deleted."""
        name = cluster.get("DBClusterIdentifier", "")
        status = cluster.get("Status", "")
        try:
            run, started_at = tags["Run"], float(tags["StartedAt"])
            point = RestorePoint(
                kind=BackupKind(tags["Kind"]), at=float(tags["At"]), snapshot=tags["Snapshot"]
            )
        except (KeyError, ValueError):
            run, started_at = "", 0.0
            point = RestorePoint(kind=BackupKind.SNAPSHOT, at=0.0)
        return Restoration(
            name=name,
            run=run,
            point=point,
            started_at=started_at,
            stage=self._stage(cluster),
            detail=status,
        )

    def _stage(self, cluster: "DBClusterTypeDef") -> RestoreStage:
        status = cluster.get("Status", "")
        if status == _DELETING:
            return RestoreStage.LEAVING
        if status.startswith(_FAILED):
            return RestoreStage.FAILED
        members = cluster.get("DBClusterMembers", [])
        if status != _AVAILABLE or not members:
            return RestoreStage.UNDER_WAY
        with aws_errors("describing an instance", writes=False):
            answer = self._client.describe_db_instances(
                DBInstanceIdentifier=members[0].get("DBInstanceIdentifier", "")
            )
        instance = answer["DBInstances"][0].get("DBInstanceStatus", "")
        if instance.startswith(_FAILED):
            return RestoreStage.FAILED
        return RestoreStage.READY if instance == _AVAILABLE else RestoreStage.UNDER_WAY

    def _source(self) -> "DBClusterTypeDef":
        return self._described(self._cluster)

    def _described(self, name: str) -> "DBClusterTypeDef":
        with aws_errors(f"describing {name}", writes=False):
            return self._client.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]


def _tags(cluster: "DBClusterTypeDef") -> dict[str, str]:
    return {tag.get("Key", ""): tag.get("Value", "") for tag in cluster.get("TagList", [])}


@contextmanager
def _unless(*codes: str) -> Generator[None]:
    """Take an error of these codes for done."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in codes:
            raise
