"""Where a cluster listens, as RDS says."""

from typing import Any

import pytest

from fakes.planned_client import PlannedClient, refusal
from payment_dr.adapters.ledger_address import ClusterAddress, find_cluster
from payment_dr.core.errors import UnavailableError


def found(answer: Any) -> ClusterAddress:
    client: Any = PlannedClient(answer)
    address = find_cluster(client, "payments-cluster-west-dev")
    assert client.calls == [
        ("describe_db_clusters", {"DBClusterIdentifier": "payments-cluster-west-dev"})
    ]
    return address


def test_the_writer_is_tried_first_and_then_the_readers() -> None:
    described = {"Endpoint": "writer", "ReaderEndpoint": "readers", "Port": 6432}
    assert found({"DBClusters": [described]}) == ClusterAddress(host="writer,readers", port=6432)


def test_a_cluster_without_a_writer_is_reached_by_its_readers() -> None:
    described = {"ReaderEndpoint": "readers"}
    assert found({"DBClusters": [described]}) == ClusterAddress(host="readers", port=5432)


@pytest.mark.parametrize("answer", [{"DBClusters": []}, {"DBClusters": [{"Port": 5432}]}])
def test_a_cluster_that_listens_nowhere_is_not_available(answer: Any) -> None:
    with pytest.raises(UnavailableError, match="payments-cluster-west-dev has no endpoint"):
        found(answer)


def test_what_rds_refuses_is_told_with_what_to_check() -> None:
    with pytest.raises(UnavailableError, match="looking for the cluster") as caught:
        found(refusal("DBClusterNotFoundFault"))
    assert caught.value.definite
    assert "exists in its region" in caught.value.remedy
