"""The global cluster by the RDS API of one region, which need not be the writer's.

Describing and failing over work from any region that is up; that is why a move never asks the
lost one.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from payment_dr.adapters.aws_calls import aws_errors
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.recovery.ports import GlobalClusterView

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import GlobalClusterMemberTypeDef

CALL_S: Final = 5.0
"""Read time-out for the client: on AWS these calls only begin a move, and return soon."""

_REGION_IN_ARN: Final = 3
_RESYNC: Final = "pending-resync"


class RdsGlobalCluster:
    """`recovery.ports.ClusterPlane`.

    Args:
        client: RDS of the site where the plan runs.
        identifier: the global cluster's name.
        sites: site by region.
    """

    def __init__(self, client: "RDSClient", identifier: str, sites: Mapping[str, SiteName]) -> None:
        self._client = client
        self._identifier = identifier
        self._sites = sites

    def describe(self) -> GlobalClusterView:
        """Read back who writes; a member that has to resynchronise is not available."""
        members = self._members()
        writers = [site for site, member in members.items() if member.get("IsWriter")]
        return GlobalClusterView(
            writer=writers[0] if writers else None,
            available=frozenset(
                site
                for site, member in members.items()
                if member.get("SynchronizationStatus") != _RESYNC
            ),
        )

    def failover(self, target: SiteName) -> None:
        """FailoverGlobalCluster with AllowDataLoss."""
        arn = self._arn(target)
        with aws_errors(f"failing {self._identifier} over to {target}", writes=True):
            self._client.failover_global_cluster(
                GlobalClusterIdentifier=self._identifier,
                TargetDbClusterIdentifier=arn,
                AllowDataLoss=True,
            )

    def switchover(self, target: SiteName) -> None:
        """SwitchoverGlobalCluster."""
        arn = self._arn(target)
        with aws_errors(f"switching {self._identifier} over to {target}", writes=True):
            self._client.switchover_global_cluster(
                GlobalClusterIdentifier=self._identifier, TargetDbClusterIdentifier=arn
            )

    def _arn(self, site: SiteName) -> str:
        """The member's ARN: by its name alone, RDS would look in the caller's region only."""
        member = self._members().get(site)
        if member is None:
            raise UnavailableError(f"{self._identifier} has no member in {site}")
        return member.get("DBClusterArn", "")

    def _members(self) -> "dict[SiteName, GlobalClusterMemberTypeDef]":
        with aws_errors(f"describing {self._identifier}", writes=False):
            answer = self._client.describe_global_clusters(GlobalClusterIdentifier=self._identifier)
        found: dict[SiteName, GlobalClusterMemberTypeDef] = {}
        for cluster in answer["GlobalClusters"]:
            for member in cluster.get("GlobalClusterMembers", []):
                region = member.get("DBClusterArn", "").split(":")[_REGION_IN_ARN]
                found[self._sites[region]] = member
        return found
