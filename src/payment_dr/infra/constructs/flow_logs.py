"""Every connection of a site's network, accepted or refused, kept encrypted for as long as logs."""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktn_provider_aws.flow_log import FlowLog
from cdktn_provider_aws.iam_role import IamRole
from cdktn_provider_aws.iam_role_policy import IamRolePolicy
from constructs import Construct

from payment_dr.infra.constructs.keys import SiteKeys
from payment_dr.infra.constructs.policies import PolicyStatement, from_account, policy, trust
from payment_dr.infra.place import Place

_AGGREGATION_S: Final = 60
"""Shorter of the two that AWS offers; with 600 s a drill is over before its connections show."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowLogsProps:
    """What is logged, and with which key."""

    place: Place
    keys: SiteKeys
    vpc_id: str


class SiteFlowLogs(Construct):
    """Flow log of the VPC, its log group, and a role that may write to that group alone."""

    def __init__(self, scope: Construct, construct_id: str, props: FlowLogsProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        name = place.name("flow-logs")
        group_name = f"/aws/vpc/{name}"
        group = CloudwatchLogGroup(
            self,
            "group",
            name=group_name,
            retention_in_days=place.settings.deployment.log_retention_days,
            kms_key_id=props.keys.logs_arn,
        )
        FlowLog(
            self,
            "log",
            vpc_id=props.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=self._role(place, name, group_name),
            max_aggregation_interval=_AGGREGATION_S,
            tags={"Name": name},
        )

    def _role(self, place: Place, name: str, group_name: str) -> str:
        role = IamRole(
            self,
            "role",
            name=name,
            assume_role_policy=trust(
                "vpc-flow-logs.amazonaws.com",
                from_account(
                    place.settings.deployment.account_id, place.arn("ec2", "vpc-flow-log/*")
                ),
            ),
        )
        IamRolePolicy(
            self,
            "writes",
            name=name,
            role=role.id,
            policy=_writes(place, f"log-group:{group_name}"),
        )
        return role.arn


def _writes(place: Place, group: str) -> str:
    """Write to one group; finding it means listing them."""
    return policy(
        PolicyStatement(
            sid="Write",
            actions=("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
            resources=(place.arn("logs", group), place.arn("logs", f"{group}:*")),
        ),
        PolicyStatement(
            sid="Find",
            actions=("logs:DescribeLogGroups",),
            resources=(place.arn("logs", "log-group:*"),),
        ),
    )
