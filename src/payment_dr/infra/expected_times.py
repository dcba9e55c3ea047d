"""How long slow resources usually take, so that a wait of half an hour alarms nobody.

Ranges are what operators commonly see and are no promise; each source says what is being waited
for, and the pages of the provider give the time after which it gives up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from payment_dr.infra.plan_guard import does
from payment_dr.lint.document import ResourceChange
from payment_dr.lint.values import mapping

_RDS: Final = "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/"
_LAMBDA: Final = "https://docs.aws.amazon.com/lambda/latest/dg/"
_PROVIDER: Final = (
    "https://github.com/hashicorp/terraform-provider-aws/blob/main/website/docs/r/{}.html.markdown"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """A usual time in minutes, why it takes that long, and where that is said."""

    minutes: tuple[int, int]
    why: str
    source: str

    @property
    def range(self) -> str:
        """The time alone."""
        return f"{self.minutes[0]}-{self.minutes[1]} min"

    def __str__(self) -> str:
        return f"{self.range}, {self.why}"


_STANDBY: Final = Expected(
    minutes=(10, 15),
    why="a secondary cluster, waits for the primary; this is normal",
    source=f"{_RDS}aurora-global-database-attaching.html",
)

EXPECTED: Final[Mapping[tuple[str, str], Expected]] = {
    ("aws_rds_global_cluster", "create"): Expected(
        minutes=(1, 3),
        why="an empty global cluster",
        source=_PROVIDER.format("rds_global_cluster"),
    ),
    ("aws_rds_global_cluster", "destroy"): Expected(
        minutes=(1, 5),
        why="its members leave it first",
        source=_PROVIDER.format("rds_global_cluster"),
    ),
    ("aws_rds_cluster", "create"): Expected(
        minutes=(2, 6), why="storage in three zones", source=_PROVIDER.format("rds_cluster")
    ),
    ("aws_rds_cluster", "destroy"): Expected(
        minutes=(5, 15),
        why="a last snapshot, then the storage",
        source=f"{_RDS}USER_DeleteCluster.html",
    ),
    ("aws_rds_cluster_instance", "create"): Expected(
        minutes=(5, 12),
        why="an instance starts and joins its cluster",
        source=_PROVIDER.format("rds_cluster_instance"),
    ),
    ("aws_rds_cluster_instance", "change"): Expected(
        minutes=(5, 15), why="it may restart", source=_PROVIDER.format("rds_cluster_instance")
    ),
    ("aws_rds_cluster_instance", "destroy"): Expected(
        minutes=(4, 10), why="an instance ends", source=_PROVIDER.format("rds_cluster_instance")
    ),
    ("aws_db_proxy", "create"): Expected(
        minutes=(5, 15),
        why="endpoints in each subnet",
        source=f"{_RDS}rds-proxy-creating.html",
    ),
    ("aws_db_proxy_endpoint", "create"): Expected(
        minutes=(2, 8), why="interfaces in each subnet", source=f"{_RDS}rds-proxy-endpoints.html"
    ),
    ("aws_db_proxy", "destroy"): Expected(
        minutes=(3, 10), why="its endpoints go", source=_PROVIDER.format("db_proxy")
    ),
    ("aws_dynamodb_table", "create"): Expected(
        minutes=(2, 10),
        why="the replica and the witness are made in their regions",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
        "V2globaltables_HowItWorks.html",
    ),
    ("aws_dynamodb_table", "destroy"): Expected(
        minutes=(2, 10),
        why="replica and witness go first",
        source=_PROVIDER.format("dynamodb_table"),
    ),
    ("aws_acm_certificate_validation", "create"): Expected(
        minutes=(2, 30),
        why="ACM looks for its record in the zone; beyond that the parent does not delegate to it",
        source="https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html",
    ),
    ("aws_nat_gateway", "create"): Expected(
        minutes=(1, 3), why="one in each zone, all at once", source=_PROVIDER.format("nat_gateway")
    ),
    ("aws_vpc_endpoint", "create"): Expected(
        minutes=(1, 4), why="interfaces in each subnet", source=_PROVIDER.format("vpc_endpoint")
    ),
    ("aws_lambda_function", "create"): Expected(
        minutes=(1, 4),
        why="its interface into the VPC is made",
        source=f"{_LAMBDA}configuration-vpc.html",
    ),
    ("aws_lambda_provisioned_concurrency_config", "create"): Expected(
        minutes=(1, 4),
        why="handlers are started",
        source=f"{_LAMBDA}provisioned-concurrency.html",
    ),
    ("aws_security_group", "destroy"): Expected(
        minutes=(1, 45),
        why="Lambda gives its interfaces in the VPC back late",
        source=f"{_LAMBDA}configuration-vpc.html",
    ),
    ("aws_subnet", "destroy"): Expected(
        minutes=(1, 45),
        why="Lambda gives its interfaces in the VPC back late",
        source=f"{_LAMBDA}configuration-vpc.html",
    ),
    ("aws_route53_record", "create"): Expected(
        minutes=(1, 2),
        why="all name servers of the zone take it",
        source="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/"
        "resource-record-sets-creating.html",
    ),
}
"""Type and what happens to it: the usual time. What is not listed takes seconds."""


def expected(changes: Iterable[ResourceChange]) -> dict[str, Expected]:
    """The slow ones among the changes, by address; slowest first."""
    found = {change.address: one for change in changes if (one := _of(change)) is not None}
    return dict(sorted(found.items(), key=lambda item: -item[1].minutes[1]))


def _of(change: ResourceChange) -> Expected | None:
    action = does(change)
    if action == "replace":
        action = "create"
    if (change.type, action) == ("aws_rds_cluster", "create"):
        after = mapping(change.change.after)
        # A secondary cluster refuses a master user: it has its primary's.
        if after.get("global_cluster_identifier") and not after.get("master_username"):
            return _STANDBY
    return EXPECTED.get((change.type, action))
