"""Restoring on AWS: what is asked of RDS, and what its states are taken for."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from fakes.clock import FakeClock
from fakes.stubbed import Stubbed
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.adapters.rds_restore import RdsBackups, RestorePlace
from payment_dr.checks.backup_source import (
    BackupKind,
    Restoration,
    RestorePoint,
    RestoreStage,
)
from payment_dr.core.errors import UnavailableError

CLUSTER = "payments-cluster-east-dev"
RESTORED = "payments-restored-east-dev-snapshot"
AT = 1_700_000_000.0
SNAPSHOT = RestorePoint(kind=BackupKind.SNAPSHOT, at=AT, snapshot="rds:newest")
POINT = RestorePoint(kind=BackupKind.POINT_IN_TIME, at=AT)
SOURCE = {
    "DBClusterIdentifier": CLUSTER,
    "DBSubnetGroup": "payments-database-east-dev",
    "DBClusterParameterGroup": "payments-cluster-east-dev",
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1", "Status": "active"}],
    "EarliestRestorableTime": datetime.fromtimestamp(AT - 1000, UTC),
    "LatestRestorableTime": datetime.fromtimestamp(AT, UTC),
}
TAGS = {
    "Purpose": "backup-verification",
    "Run": "2023-11-14",
    "Kind": "snapshot",
    "At": str(AT),
    "StartedAt": "1700000100.5",
    "Snapshot": "rds:newest",
}


def cluster(status: str = "available", **changes: Any) -> dict[str, Any]:
    return {
        "DBClusterIdentifier": RESTORED,
        "Status": status,
        "DBClusterMembers": [{"DBInstanceIdentifier": f"{RESTORED}-1"}],
        "TagList": [{"Key": key, "Value": value} for key, value in TAGS.items()],
        "Endpoint": "restored.example",
        "Port": 5432,
        "MasterUsername": "ledger_master",
        **changes,
    }


def restoration(stage: RestoreStage = RestoreStage.UNDER_WAY) -> Restoration:
    return Restoration(
        name=RESTORED,
        run="2023-11-14",
        point=SNAPSHOT,
        started_at=1700000100.5,
        stage=stage,
        detail="available",
    )


@dataclass
class Server:
    """What a restored cluster lets in: nobody for some attempts."""

    refuses: int = 0
    logins: list[LedgerLogin] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)

    def connect(self, login: LedgerLogin) -> Any:
        self.logins.append(login)
        if len(self.logins) <= self.refuses:
            raise psycopg.OperationalError("password authentication failed")
        connection: AbstractContextManager[Server] = nullcontext(self)
        return connection

    def execute(self, statement: str) -> None:
        self.statements.append(statement)


@pytest.fixture(name="rds")
def rds_fixture() -> Iterator[Stubbed]:
    stubbed = Stubbed("rds")
    with stubbed.scripted():
        yield stubbed


@pytest.fixture(name="server")
def server_fixture() -> Server:
    return Server()


@pytest.fixture(name="backups")
def backups_fixture(rds: Stubbed, server: Server) -> RdsBackups:
    return RdsBackups(
        rds.client,
        RestorePlace(
            cluster=CLUSTER, prefix="payments-restored-east-dev", instance_class="db.r6g.large"
        ),
        connect=server.connect,
        clock=FakeClock(),
    )


def test_the_newest_available_snapshot_is_taken(rds: Stubbed, backups: RdsBackups) -> None:
    def snapshot(name: str, age_s: float, status: str = "available") -> dict[str, Any]:
        return {
            "DBClusterSnapshotIdentifier": name,
            "Status": status,
            "SnapshotCreateTime": datetime.fromtimestamp(AT - age_s, UTC),
        }

    rds.answers(
        "describe_db_cluster_snapshots",
        {
            "DBClusterSnapshots": [
                snapshot("old", 100),
                snapshot("new", 10),
                snapshot("unfinished", 1, "creating"),
                {"DBClusterSnapshotIdentifier": "timeless", "Status": "available"},
            ]
        },
    )
    assert backups.latest_snapshot() == RestorePoint(
        kind=BackupKind.SNAPSHOT, at=AT - 10, snapshot="new"
    )
    rds.answers("describe_db_cluster_snapshots", {"DBClusterSnapshots": []})
    assert backups.latest_snapshot() is None


def test_the_window_is_the_clusters_own(rds: Stubbed, backups: RdsBackups) -> None:
    rds.answers("describe_db_clusters", {"DBClusters": [SOURCE]})
    assert backups.window() == (AT - 1000, AT)
    rds.answers("describe_db_clusters", {"DBClusters": [{}]})
    with pytest.raises(UnavailableError, match="cannot be restored to any point in time yet"):
        backups.window()


@pytest.mark.parametrize("point", [SNAPSHOT, POINT], ids=lambda point: point.kind)
def test_a_restore_stands_alone_with_its_tags_in_the_surroundings_of_its_source(
    rds: Stubbed, backups: RdsBackups, point: RestorePoint
) -> None:
    of_snapshot = point.kind is BackupKind.SNAPSHOT
    action = f"restore_db_cluster_{'from_snapshot' if of_snapshot else 'to_point_in_time'}"
    rds.answers("describe_db_clusters", {"DBClusters": [SOURCE]})
    rds.answers(action)
    backups.begin("2023-11-14", point, 1700000100.5)
    _, request = rds.requests[-1]
    assert request["DBSubnetGroupName"] == "payments-database-east-dev"
    assert request["VpcSecurityGroupIds"] == ["sg-1"]
    assert request["DeletionProtection"] is False
    tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    assert tags == {**TAGS, "Kind": point.kind.value, "Snapshot": point.snapshot}
    if of_snapshot:
        assert request["DBClusterIdentifier"] == RESTORED
        assert request["SnapshotIdentifier"] == "rds:newest"
    else:
        assert request["DBClusterIdentifier"] == "payments-restored-east-dev-point"
        assert request["RestoreToTime"] == datetime.fromtimestamp(AT, UTC)
        assert request["SourceDBClusterIdentifier"] == CLUSTER


def test_a_restore_that_exists_already_is_left_alone_and_a_refused_one_is_told(
    rds: Stubbed, backups: RdsBackups
) -> None:
    for code in ("DBClusterAlreadyExistsFault", "InsufficientStorageClusterCapacity"):
        rds.answers("describe_db_clusters", {"DBClusters": [SOURCE]})
        rds.refuses("restore_db_cluster_from_snapshot", code)
    backups.begin("2023-11-14", SNAPSHOT, 0.0)
    with pytest.raises(UnavailableError, match="restoring a snapshot") as caught:
        backups.begin("2023-11-14", SNAPSHOT, 0.0)
    assert caught.value.definite


@pytest.mark.parametrize(
    ("status", "instance", "stage"),
    [
        ("creating", None, RestoreStage.UNDER_WAY),
        ("available", "creating", RestoreStage.UNDER_WAY),
        ("available", "available", RestoreStage.READY),
        ("available", "incompatible-network", RestoreStage.FAILED),
        ("inaccessible-encryption-credentials", None, RestoreStage.FAILED),
        ("deleting", None, RestoreStage.LEAVING),
    ],
)
def test_states_of_the_platform_are_stages(
    rds: Stubbed, backups: RdsBackups, status: str, instance: str | None, stage: RestoreStage
) -> None:
    rds.answers("describe_db_clusters", {"DBClusters": [SOURCE, cluster(status)]})
    if instance is not None:
        rds.answers("describe_db_instances", {"DBInstances": [{"DBInstanceStatus": instance}]})
    (found,) = backups.restorations()
    assert (found.stage, found.run, found.point) == (stage, "2023-11-14", SNAPSHOT)
    assert (found.name, found.started_at, found.detail) == (RESTORED, 1700000100.5, status)


@pytest.mark.parametrize("broken", [("Run", None), ("At", "yesterday"), ("Kind", "tape")])
def test_a_leftover_with_broken_tags_belongs_to_no_run(
    rds: Stubbed, backups: RdsBackups, broken: tuple[str, str | None]
) -> None:
    key, value = broken
    tags = {**TAGS, key: value}
    listed = [{"Key": k, "Value": v} for k, v in tags.items() if v is not None]
    rds.answers(
        "describe_db_clusters", {"DBClusters": [cluster(TagList=listed, DBClusterMembers=[])]}
    )
    (found,) = backups.restorations()
    assert (found.name, found.run, found.stage) == (RESTORED, "", RestoreStage.UNDER_WAY)


def test_an_instance_is_made_when_the_cluster_takes_one_and_once(
    rds: Stubbed, backups: RdsBackups
) -> None:
    rds.answers("describe_db_clusters", {"DBClusters": [cluster("creating", DBClusterMembers=[])]})
    backups.advance(restoration())
    rds.answers("describe_db_clusters", {"DBClusters": [cluster()]})
    backups.advance(restoration())
    assert not any(action == "CreateDBInstance" for action, _ in rds.requests)
    for act in (rds.answers, lambda action: rds.refuses(action, "DBInstanceAlreadyExists")):
        rds.answers("describe_db_clusters", {"DBClusters": [cluster(DBClusterMembers=[])]})
        act("create_db_instance")
        backups.advance(restoration())
    _, request = rds.requests[-1]
    assert (request["DBClusterIdentifier"], request["DBInstanceClass"]) == (
        RESTORED,
        "db.r6g.large",
    )
    assert request["PubliclyAccessible"] is False


def test_reading_sets_a_password_that_nobody_keeps_and_waits_until_it_works(
    rds: Stubbed, backups: RdsBackups, server: Server
) -> None:
    server.refuses = 3
    rds.answers("modify_db_cluster")
    rds.answers("describe_db_clusters", {"DBClusters": [cluster()]})
    with backups.open(restoration(RestoreStage.READY)):
        pass
    given = rds.requests[0][1]["MasterUserPassword"]
    assert len(given) >= 40
    login = server.logins[-1]
    assert (login.host, login.user, login.password, login.tls) == (
        "restored.example",
        "ledger_master",
        given,
        True,
    )
    assert server.statements == ["GRANT payment_admin TO CURRENT_USER WITH INHERIT TRUE"]
    assert len(server.logins) == 4


def test_a_password_that_never_works_is_no_answer(
    rds: Stubbed, backups: RdsBackups, server: Server
) -> None:
    server.refuses = 1_000
    rds.answers("modify_db_cluster")
    rds.answers("describe_db_clusters", {"DBClusters": [cluster()]})
    with pytest.raises(UnavailableError, match="lets nobody in"), backups.open(restoration()):
        pass
    assert len(server.logins) == 60


Act = Callable[[str], None]


@pytest.mark.parametrize(
    ("of_instance", "of_cluster"),
    [
        (None, None),
        ("InvalidDBInstanceState", "InvalidDBClusterStateFault"),
        ("DBInstanceNotFound", "DBClusterNotFoundFault"),
    ],
)
def test_deleting_may_be_asked_for_again_and_again(
    rds: Stubbed, backups: RdsBackups, of_instance: str | None, of_cluster: str | None
) -> None:
    rds.answers("describe_db_clusters", {"DBClusters": [cluster()]})
    for action, code in (("delete_db_instance", of_instance), ("delete_db_cluster", of_cluster)):
        if code is None:
            rds.answers(action)
        else:
            rds.refuses(action, code)
    backups.remove(restoration())
    names = [action for action, _ in rds.requests]
    assert names == ["DescribeDBClusters", "DeleteDBInstance", "DeleteDBCluster"]
    assert all(request["SkipFinalSnapshot"] for _, request in rds.requests[1:])


def test_what_was_deleted_by_somebody_else_meanwhile_is_told(
    rds: Stubbed, backups: RdsBackups
) -> None:
    rds.refuses("describe_db_clusters", "DBClusterNotFoundFault", 404)
    with pytest.raises(UnavailableError, match="describing"):
        backups.remove(restoration())
