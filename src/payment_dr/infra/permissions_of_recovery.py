"""What moves, readiness and restored backups may do with clusters and with what surrounds them."""

from collections.abc import Sequence
from typing import Final

from payment_dr.adapters.control_table import CONTROL_KEY
from payment_dr.adapters.function_call import ALIAS
from payment_dr.functions import state_machine_start
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.infra.constructs.policies import PolicyStatement
from payment_dr.infra.place import Place

RESTORED: Final = "restored"
"""Thing in the names of what a verification restores, `payments-restored-<site>-<suffix>-...`.

Only what is named so can be changed or deleted by it.
"""

_UUID: Final = "-".join("?" * length for length in (8, 4, 4, 4, 12))

_COPIES: Final = ("cluster-snapshot:rds:", "cluster-snapshot:awsbackup:", "cluster-auto-backup:")
"""Backups of clusters: the service's daily ones, those of AWS Backup, and the continuous one."""


def global_cluster_arn(place: Place) -> str:
    """ARN of the global cluster, which has no region."""
    account = place.settings.deployment.account_id
    return f"arn:aws:rds::{account}:global-cluster:{place.shared('global')}"


def clusters_read(place: Place) -> tuple[PolicyStatement, ...]:
    """The global cluster and both members, wherever they are."""
    return (
        PolicyStatement(
            sid="SeeGlobalCluster",
            actions=("rds:DescribeGlobalClusters",),
            resources=(global_cluster_arn(place),),
        ),
        PolicyStatement(
            sid="SeeClusters", actions=("rds:DescribeDBClusters",), resources=member_clusters(place)
        ),
    )


def clusters_move(place: Place) -> tuple[PolicyStatement, ...]:
    """Promotion and switchover of the one global cluster, from whichever region is up; its log."""
    return (
        move_global_cluster(place),
        PolicyStatement(
            sid="RebuildFromPayments",
            actions=("dynamodb:DescribeTable", "dynamodb:Scan"),
            resources=(place.table_arn,),
        ),
        append_to_run_log(place),
    )


def move_global_cluster(place: Place) -> PolicyStatement:
    """Promotion and switchover of the one global cluster."""
    return PolicyStatement(
        sid="MoveGlobalCluster",
        actions=("rds:FailoverGlobalCluster", "rds:SwitchoverGlobalCluster"),
        resources=(global_cluster_arn(place), *member_clusters(place)),
    )


def append_to_run_log(place: Place) -> PolicyStatement:
    """Writing the log of a move's steps, which lies in the payments table."""
    return PolicyStatement(
        sid="AppendToRunLog",
        actions=("dynamodb:UpdateItem",),
        resources=(place.table_arn,),
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{CONTROL_KEY}#run#*"}},
    )


def expire(place: Place) -> tuple[PolicyStatement, ...]:
    """Walking through the payments table, and deleting what has the key of a payment, a UUID."""
    table = place.table_arn
    return (
        PolicyStatement(sid="WalkPayments", actions=("dynamodb:Scan",), resources=(table,)),
        PolicyStatement(
            sid="ExpirePayments",
            actions=("dynamodb:DeleteItem",),
            resources=(table,),
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": _UUID}},
        ),
    )


def start_move(place: Place) -> tuple[PolicyStatement, ...]:
    """Starting the site's own state machine; it never starts that of the other site."""
    return (
        PolicyStatement(
            sid="StartMove",
            actions=("states:StartExecution",),
            resources=(state_machine_arn(place),),
        ),
    )


def state_machine_arn(place: Place) -> str:
    """ARN of the site's recovery state machine, as the functions know it."""
    return state_machine_start.state_machine_arn(place.settings, place.site.name)


def restore(place: Place) -> tuple[PolicyStatement, ...]:
    """Restoring into clusters of a name of their own, and deleting those.

    The source is read and never changed: no action that deletes or modifies is allowed on it.
    """
    clusters = place.arn("rds", f"cluster:{place.name(RESTORED)}-*")
    instances = place.arn("rds", f"db:{place.name(RESTORED)}-*")
    return (
        PolicyStatement(
            sid="RestoreClusters",
            actions=("rds:RestoreDBClusterFromSnapshot", "rds:RestoreDBClusterToPointInTime"),
            resources=(
                clusters,
                place.arn("rds", f"cluster:{place.name('cluster')}"),
                *(place.arn("rds", f"{copy}*") for copy in _COPIES),
                *_groups(place, "cluster-pg", "subgrp"),
            ),
        ),
        PolicyStatement(
            sid="OpenAndDeleteRestored",
            actions=("rds:DeleteDBCluster", "rds:ModifyDBCluster"),
            resources=(clusters,),
        ),
        PolicyStatement(
            sid="MakeInstances",
            actions=("rds:CreateDBInstance",),
            resources=(instances, clusters, *_groups(place, "pg", "subgrp")),
        ),
        PolicyStatement(
            sid="DeleteInstances", actions=("rds:DeleteDBInstance",), resources=(instances,)
        ),
        PolicyStatement(
            sid="TagRestored",
            actions=("rds:AddTagsToResource",),
            resources=(clusters, instances),
        ),
        PolicyStatement(
            sid="SeeInstances", actions=("rds:DescribeDBInstances",), resources=(instances,)
        ),
        PolicyStatement(
            sid="FindBackups",
            actions=("rds:DescribeDBClusterSnapshots",),
            resources=(
                place.arn("rds", f"cluster:{place.name('cluster')}"),
                place.arn("rds", "cluster-snapshot:*"),
            ),
        ),
        # Leftovers are found by their tags among all clusters of the region.
        PolicyStatement(
            sid="FindRestored",
            actions=("rds:DescribeDBClusters",),
            resources=(place.arn("rds", "cluster:*"),),
        ),
        PolicyStatement(
            sid="CompareWithPayments",
            actions=("dynamodb:Scan",),
            resources=(place.table_arn,),
        ),
    )


def observe(place: Place) -> tuple[PolicyStatement, ...]:
    """What readiness judges: both sites' functions and parameters, this site's keys and secrets.

    It changes nothing.
    """
    names = [function.name for function in FUNCTIONS]
    return observe_functions(place, names)


def observe_functions(place: Place, names: Sequence[str]) -> tuple[PolicyStatement, ...]:
    """The same, of functions by their names in the catalogue; `*` is every one of them."""
    both = tuple(Place(settings=place.settings, site=site) for site in place.settings.sites)
    functions = [one.arn("lambda", f"function:{one.name(name)}") for one in both for name in names]
    return (
        PolicyStatement(
            sid="ObserveFunctions",
            actions=("lambda:GetFunctionConcurrency",),
            resources=tuple(functions),
        ),
        PolicyStatement(
            sid="ObserveAliases",
            actions=("lambda:GetFunctionConfiguration", "lambda:GetProvisionedConcurrencyConfig"),
            resources=tuple(f"{function}:{ALIAS}" for function in functions),
        ),
        PolicyStatement(
            sid="ObserveParameters",
            actions=("rds:DescribeDBClusterParameters",),
            resources=tuple(one.arn("rds", f"cluster-pg:{one.name('cluster')}") for one in both),
        ),
        PolicyStatement(
            sid="ObserveSecrets",
            actions=("secretsmanager:DescribeSecret",),
            resources=(place.arn("secretsmanager", f"secret:{place.shared('*')}-??????"),),
        ),
        PolicyStatement(
            sid="ObserveKeys",
            actions=("kms:DescribeKey",),
            resources=(place.arn("kms", "key/*"),),
            conditions={
                "ForAnyValue:StringLike": {"kms:ResourceAliases": f"alias/{place.shared('*')}"}
            },
        ),
        PolicyStatement(
            sid="ObserveCertificates",
            actions=("acm:DescribeCertificate",),
            resources=(place.arn("acm", "certificate/*"),),
        ),
        PolicyStatement(
            sid="ObserveAccount",
            actions=("acm:ListCertificates", "lambda:GetAccountSettings"),
            resources=("*",),
        ),
    )


def member_clusters(place: Place) -> tuple[str, ...]:
    """ARNs of both members: whoever promotes one names it in its own region."""
    settings = place.settings
    return tuple(
        place.arn("rds", f"cluster:{settings.resource('cluster', site.name)}", region=site.region)
        for site in settings.sites
    )


def _groups(place: Place, *kinds: str) -> tuple[str, ...]:
    """Groups that a restored cluster refers to: the site's own, and RDS's own of options."""
    return (
        *(place.arn("rds", f"{kind}:{place.name('*')}") for kind in kinds),
        place.arn("rds", "og:default:*"),
        *([place.arn("rds", "pg:default.*")] if "pg" in kinds else []),
    )
