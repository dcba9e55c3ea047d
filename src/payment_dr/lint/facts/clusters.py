"""Aurora global clusters: which cluster takes writes at first, which ones follow."""

from collections import defaultdict
from dataclasses import dataclass

from payment_dr.lint.plan import Plan
from payment_dr.lint.resource import Resource


@dataclass(frozen=True, kw_only=True, slots=True)
class GlobalCluster:
    """A global cluster; `resource` is None when it is in none of the plans."""

    resource: Resource | None
    primary: Resource
    secondaries: tuple[Resource, ...]

    @property
    def members(self) -> tuple[Resource, ...]:
        """All clusters."""
        return (self.primary, *self.secondaries)


def global_clusters(plan: Plan) -> tuple[GlobalCluster, ...]:
    """Every global cluster that has a member in the plans."""
    owners = {r: r for r in plan.of("aws_rds_global_cluster")}
    members: defaultdict[Resource | str, list[Resource]] = defaultdict(list)
    for cluster in plan.of("aws_rds_cluster"):
        if cluster.is_set("global_cluster_identifier"):
            named = plan.targets(cluster, "global_cluster_identifier").of("aws_rds_global_cluster")
            members[named[0] if named else cluster.text("global_cluster_identifier")].append(
                cluster
            )
    for owner in owners:
        for source in plan.targets(owner, "source_db_cluster_identifier").of("aws_rds_cluster"):
            members[owner].insert(0, source)
    return tuple(
        _global_cluster(owner if isinstance(owner, Resource) else None, list(dict.fromkeys(found)))
        for owner, found in members.items()
    )


def _global_cluster(owner: Resource | None, members: list[Resource]) -> GlobalCluster:
    """Tell the primary: the source, else the one with a user, else the one beside the owner."""
    primary = max(members, key=lambda member: _primacy(member, owner))
    return GlobalCluster(
        resource=owner,
        primary=primary,
        secondaries=tuple(member for member in members if member is not primary),
    )


def _primacy(member: Resource, owner: Resource | None) -> tuple[bool, bool]:
    """Larger for what looks more like a primary; secondaries take no user and no snapshot."""
    started = any(
        member.is_set(name)
        for name in ("master_username", "snapshot_identifier", "restore_to_point_in_time")
    )
    return (
        started or not member.is_set("global_cluster_identifier"),
        owner is not None and member.region == owner.region,
    )
