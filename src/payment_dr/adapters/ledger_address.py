"""Where a cluster listens, by the RDS API of its own region: for a ledger that is elsewhere."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from payment_dr.adapters.aws_calls import aws_errors
from payment_dr.core.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterAddress:
    """Hosts in the order in which libpq is to try them, with commas between, and their port."""

    host: str
    port: int


def find_cluster(client: "RDSClient", cluster: str) -> ClusterAddress:
    """The cluster's writer first, then its readers: while it is a replica it has no writer.

    Raises:
        UnavailableError: RDS did not answer, or the cluster has no endpoint.
    """
    remedy = "check that the cluster exists in its region and that the function may describe it"
    with aws_errors(f"looking for the cluster {cluster}", writes=False, remedy=remedy):
        found = client.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"]
    hosts = [
        host
        for described in found[:1]
        for host in (described.get("Endpoint"), described.get("ReaderEndpoint"))
        if host
    ]
    if not hosts:
        raise UnavailableError(f"the cluster {cluster} has no endpoint", remedy=remedy)
    return ClusterAddress(host=",".join(hosts), port=found[0].get("Port", 5432))
