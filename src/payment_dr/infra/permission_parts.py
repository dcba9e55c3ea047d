"""What several roles are allowed alike, and what AWS lets nobody name more narrowly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from payment_dr.infra.constructs.policies import PolicyStatement
from payment_dr.infra.place import Place

UNAVOIDABLE: Final[Mapping[str, str]] = {
    "acm:ListCertificates": "lists what the account has; there is no resource to name",
    "ec2:DescribeNetworkInterfaces": "EC2's describing calls take no resource",
    "ec2:DescribeSubnets": "EC2's describing calls take no resource",
    "lambda:GetAccountSettings": "is about the account itself",
    "logs:CreateLogDelivery": "deliveries are made before they have a name",
    "logs:DeleteLogDelivery": "deliveries have no ARN",
    "logs:DescribeLogGroups": "Step Functions lists the groups when it sets a delivery up",
    "logs:DescribeResourcePolicies": "resource policies of logs have no ARN",
    "logs:GetLogDelivery": "deliveries have no ARN",
    "logs:ListLogDeliveries": "deliveries have no ARN",
    "logs:PutResourcePolicy": "resource policies of logs have no ARN",
    "logs:UpdateLogDelivery": "deliveries have no ARN",
    "xray:PutTelemetryRecords": "traces have no ARN",
    "xray:PutTraceSegments": "traces have no ARN",
}
"""Why an action is allowed on every resource: AWS offers no other.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/, and for the deliveries
https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyArns:
    """Keys of the site: of its data, and of its messages."""

    data: str
    messages: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerIds:
    """What IAM names the site's cluster and its proxy by: ids of AWS's own making."""

    cluster: str
    proxy: str


def log_in(sid: str, place: Place, resource_id: str, user: str) -> PolicyStatement:
    """Logging in as one user of one cluster, or through one proxy, by a token."""
    return PolicyStatement(
        sid=sid,
        actions=("rds-db:connect",),
        resources=(place.arn("rds-db", f"dbuser:{resource_id}/{user}"),),
    )


def use_key(sid: str, key: str, service: str, place: Place) -> PolicyStatement:
    """Encrypting and opening with a key, through one service of the place's region alone."""
    return PolicyStatement(
        sid=sid,
        actions=("kms:Decrypt", "kms:GenerateDataKey"),
        resources=(key,),
        conditions=via(service, place),
    )


def send_dead_letters(place: Place) -> PolicyStatement:
    """Putting what failed into the site's queue."""
    return PolicyStatement(
        sid="SendDeadLetters",
        actions=("sqs:SendMessage",),
        resources=(place.arn("sqs", place.name("dead-letters")),),
    )


def trace() -> PolicyStatement:
    """Sending traces."""
    return PolicyStatement(
        sid="Trace",
        actions=("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
        resources=("*",),
    )


def via(service: str, place: Place) -> Mapping[str, Mapping[str, str]]:
    """The condition that a key is used through one service of the place's region alone."""
    return {"StringEquals": {"kms:ViaService": f"{service}.{place.site.region}.amazonaws.com"}}
