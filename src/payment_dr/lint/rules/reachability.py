"""PDR401: a function in a private subnet can reach what it calls."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from payment_dr.lint.finding import Observation, Severity, found, not_judged
from payment_dr.lint.resource import Resource
from payment_dr.lint.rule import Rule
from payment_dr.lint.subject import Subject

_BY_ACTION: Final[Mapping[str, str]] = {
    "cloudwatch": "monitoring",
    "dynamodb": "dynamodb",
    "events": "events",
    "kms": "kms",
    "lambda": "lambda",
    "rds": "rds",
    "rds-data": "rds-data",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
    "states": "states",
    "sts": "sts",
}
"""Endpoint service by IAM prefix.

Logs and traces of a function do not pass its VPC, `ec2` actions are the service's own.
"""

_BY_KIND: Final[Mapping[str, str]] = {
    "aws_dynamodb_table": "dynamodb",
    "aws_kms_key": "kms",
    "aws_lambda_function": "lambda",
    "aws_s3_bucket": "s3",
    "aws_secretsmanager_secret": "secretsmanager",
    "aws_sfn_state_machine": "states",
    "aws_sns_topic": "sns",
    "aws_sqs_queue": "sqs",
    "aws_ssm_parameter": "ssm",
}
"""Endpoint service by what the function's environment refers to."""

_BY_MANAGED_POLICY: Final = re.compile(
    r"(?i)policy/(?:service-role/)?(?:Amazon|AWS)?(dynamodb|secretsmanager|sqs|sns|s3|ssm|rds)"
)


def _private_function(subject: Subject) -> Iterator[Observation]:
    for function in subject.plan.of("aws_lambda_function"):
        if any(block.is_set("subnet_ids") for block in function.blocks("vpc_config")):
            yield from _judge(subject, function)


def _judge(subject: Subject, function: Resource) -> Iterator[Observation]:
    calls = _called(subject, function)
    if not calls:
        return
    targets = subject.plan.targets(function, "vpc_config")
    subnets = targets.of("aws_subnet")
    if not subnets:
        yield not_judged(function, "its subnets are in none of the plans or behind a local")
        return
    for subnet in subnets:
        network = subject.network
        if network.has_way_out(subnet):
            continue
        served, complete = network.endpoints(subnet)
        missing = sorted(calls - served)
        if missing and network.complete and complete:
            yield found(
                function,
                f"calls {', '.join(missing)} from {subnet.address}, which has neither a default "
                "route to a NAT gateway nor an endpoint for it",
            )
            return
        if missing:
            yield not_judged(
                function, f"routes or endpoints of {subnet.address} cannot be followed"
            )
            return


def _called(subject: Subject, function: Resource) -> set[str]:
    """Services that a function calls, by its environment and by what its role may do."""
    plan = subject.plan
    called = {
        _BY_KIND[target.kind]
        for target in plan.targets(function, "environment").resources
        if target.kind in _BY_KIND
    }
    for role in plan.targets(function, "role").of("aws_iam_role"):
        for arn in subject.policies.managed_by_aws(role):
            called |= {matched[1].lower() for matched in _BY_MANAGED_POLICY.finditer(arn)}
        for _, statements in subject.policies.of_role(role):
            prefixes = {
                action.split(":", 1)[0] for one in statements or () for action in one.actions
            }
            called |= {_BY_ACTION[prefix] for prefix in prefixes if prefix in _BY_ACTION}
    return called


PRIVATE_FUNCTION: Final = Rule(
    rule_id="PDR401",
    name="private-function-without-way-out",
    title="Function in a private subnet that cannot reach what it calls",
    severity=Severity.ERROR,
    why="A function in a VPC has no public address: without a NAT gateway or an endpoint its calls "
    "to AWS time out. At the standby nobody notices until the first payment after the failover.",
    looks_at="Functions with subnets: routes of each subnet and endpoints of its VPC against the "
    "services that the role may call and the environment refers to.",
    remedy="Add gateway endpoints for DynamoDB and S3 and interface endpoints for the other "
    "services, or a default route to a NAT gateway, at both sites.",
    check=_private_function,
)
