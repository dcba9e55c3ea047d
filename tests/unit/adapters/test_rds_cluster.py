"""What the RDS adapter makes of the service's answers."""

from typing import Any

import pytest

from fakes.planned_client import PlannedClient, refusal
from fakes.recovery_world import EAST, WEST
from payment_dr.adapters.rds_cluster import RdsGlobalCluster
from payment_dr.core.errors import UnavailableError

EAST_ARN = "arn:aws:rds:us-east-1:000000000000:cluster:payments-cluster-east-dev"
WEST_ARN = "arn:aws:rds:us-west-2:000000000000:cluster:payments-cluster-west-dev"
SITES = {"us-east-1": EAST, "us-west-2": WEST}


def described(*members: dict[str, Any]) -> dict[str, Any]:
    return {"GlobalClusters": [{"GlobalClusterMembers": list(members)}]}


BOTH = described(
    {"DBClusterArn": EAST_ARN, "IsWriter": True, "SynchronizationStatus": "connected"},
    {"DBClusterArn": WEST_ARN, "IsWriter": False, "SynchronizationStatus": "pending-resync"},
)


def cluster(*planned: Any) -> tuple[RdsGlobalCluster, PlannedClient]:
    client = PlannedClient(*planned)
    fake: Any = client
    return RdsGlobalCluster(fake, "payments-global-dev", SITES), client


def test_a_member_that_has_to_resynchronise_is_not_available() -> None:
    view = cluster(BOTH)[0].describe()
    assert (view.writer, view.available) == (EAST, frozenset({EAST}))


def test_between_two_writers_there_is_none() -> None:
    nobody = described({"DBClusterArn": EAST_ARN}, {"DBClusterArn": WEST_ARN})
    assert cluster(nobody)[0].describe().writer is None


def test_a_failover_allows_data_loss_and_names_the_target_by_its_arn() -> None:
    rds, client = cluster(BOTH, {})
    rds.failover(WEST)
    assert client.calls[1] == (
        "failover_global_cluster",
        {
            "GlobalClusterIdentifier": "payments-global-dev",
            "TargetDbClusterIdentifier": WEST_ARN,
            "AllowDataLoss": True,
        },
    )


def test_a_switchover_never_allows_data_loss() -> None:
    rds, client = cluster(BOTH, {})
    rds.switchover(WEST)
    action, request = client.calls[1]
    assert action == "switchover_global_cluster"
    assert "AllowDataLoss" not in request


def test_a_site_without_a_member_cannot_be_promoted() -> None:
    rds, client = cluster(described({"DBClusterArn": EAST_ARN, "IsWriter": True}))
    with pytest.raises(UnavailableError, match="no member in west"):
        rds.failover(WEST)
    assert len(client.calls) == 1


@pytest.mark.parametrize("status", [400, 500])
def test_a_refused_promotion_is_definite_and_a_broken_one_is_not(status: int) -> None:
    rds, _ = cluster(BOTH, refusal("InvalidGlobalClusterStateFault", status), BOTH)
    with pytest.raises(UnavailableError) as caught:
        rds.failover(WEST)
    assert caught.value.definite is (status == 400)
