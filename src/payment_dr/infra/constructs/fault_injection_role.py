"""What fault injection may break at a site: its own subnets, replica and cluster, nothing else.

Permissions are those that AWS lists for each action
(https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html), narrowed to the site.
"""

from collections.abc import Mapping
from typing import Final

from payment_dr.infra.constructs.policies import PolicyStatement, from_account, policy, trust
from payment_dr.infra.place import Place

UNAVOIDABLE: Final[Mapping[str, str]] = {
    "dynamodb:InjectError": "names no resource; conditions name the action and the replica instead",
    "ec2:DescribeManagedPrefixLists": "EC2's describing calls take no resource",
    "ec2:DescribeNetworkAcls": "EC2's describing calls take no resource",
    "ec2:DescribeSubnets": "EC2's describing calls take no resource",
    "ec2:DescribeVpcs": "EC2's describing calls take no resource",
    "logs:CreateLogDelivery": "deliveries are made before they have a name",
    "logs:DescribeLogGroups": "is asked for the group that the log is delivered to",
    "logs:DescribeResourcePolicies": "resource policies of logs have no ARN",
    "logs:PutResourcePolicy": "resource policies of logs have no ARN",
    "tag:GetResources": "finds targets by their tags; there is no resource to name",
}
"""Why an action is allowed on every resource: AWS offers no other.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/.
"""

PAUSE_TABLE: Final = "aws:dynamodb:global-table-pause-replication"

_OURS: Final = {"managedByFIS": "true"}
"""Tag of what an experiment makes and takes away again."""


def trusted(place: Place) -> str:
    """Trust in experiments of this account and the site's region."""
    return trust(
        "fis.amazonaws.com",
        from_account(place.settings.deployment.account_id, place.arn("fis", "experiment/*")),
    )


def permissions(place: Place) -> str:
    """The policy of the role."""
    return policy(
        *_subnets(place),
        *_replica(place),
        _cluster(place),
        PolicyStatement(
            sid="FindTargets",
            actions=("tag:GetResources", *(a for a in UNAVOIDABLE if a.startswith("ec2:"))),
            resources=("*",),
        ),
        PolicyStatement(
            sid="DeliverLog",
            actions=tuple(a for a in UNAVOIDABLE if a.startswith("logs:")),
            resources=("*",),
        ),
    )


def cluster_arn(place: Place) -> str:
    """The site's cluster."""
    return place.arn("rds", f"cluster:{place.name('cluster')}")


def _subnets(place: Place) -> tuple[PolicyStatement, ...]:
    """Exchanging the network ACL of the site's subnets for a copy that denies, and back."""
    acls, vpcs = place.arn("ec2", "network-acl/*"), place.arn("ec2", "vpc/*")
    site = {
        "aws:ResourceTag/Site": place.site.name,
        "aws:ResourceTag/Environment": place.settings.environment_suffix,
    }
    made = {f"aws:RequestTag/{key}": value for key, value in _OURS.items()}
    theirs = {f"aws:ResourceTag/{key}": value for key, value in _OURS.items()}
    return (
        PolicyStatement(
            sid="CopyAcl",
            actions=("ec2:CreateNetworkAcl",),
            resources=(acls,),
            conditions={"StringEquals": made},
        ),
        PolicyStatement(
            sid="CopyAclInVpc",
            actions=("ec2:CreateNetworkAcl",),
            resources=(vpcs,),
            conditions={"StringEquals": site},
        ),
        PolicyStatement(
            sid="MarkAcl",
            actions=("ec2:CreateTags",),
            resources=(acls,),
            conditions={"StringEquals": {"ec2:CreateAction": "CreateNetworkAcl", **made}},
        ),
        PolicyStatement(
            sid="FillAndRemoveAcl",
            actions=("ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAcl"),
            resources=(acls,),
            conditions={"StringEquals": theirs},
        ),
        PolicyStatement(
            sid="ExchangeAclOfSubnet",
            actions=("ec2:ReplaceNetworkAclAssociation",),
            resources=(place.arn("ec2", "subnet/*"),),
            conditions={"StringEquals": site},
        ),
        PolicyStatement(
            sid="ExchangeAcl", actions=("ec2:ReplaceNetworkAclAssociation",), resources=(acls,)
        ),
        PolicyStatement(
            sid="ReadPrefixLists",
            actions=("ec2:GetManagedPrefixListEntries",),
            resources=(place.arn("ec2", "prefix-list/*"),),
        ),
    )


def _replica(place: Place) -> tuple[PolicyStatement, ...]:
    """Cutting the site's replica off, which with strong consistency makes it answer errors."""
    table = place.table_arn
    return (
        PolicyStatement(
            sid="PauseReplica",
            actions=(
                "dynamodb:DeleteResourcePolicy",
                "dynamodb:DescribeTable",
                "dynamodb:GetResourcePolicy",
                "dynamodb:PutResourcePolicy",
            ),
            resources=(table,),
        ),
        PolicyStatement(
            sid="PauseStrongReplica",
            actions=("dynamodb:InjectError",),
            resources=("*",),
            conditions={
                "StringEquals": {"dynamodb:FisActionId": PAUSE_TABLE},
                "ForAllValues:ArnEquals": {"dynamodb:FisTargetArns": table},
            },
        ),
    )


def _cluster(place: Place) -> PolicyStatement:
    return PolicyStatement(
        sid="ChangeWriterInSite",
        actions=("rds:DescribeDBClusters", "rds:FailoverDBCluster"),
        resources=(cluster_arn(place),),
    )
