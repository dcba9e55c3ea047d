"""Nothing that is deployed can be reached in clear: each kind of endpoint refuses it by itself."""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

import pytest

from payment_dr.lint.values import listed
from policy.planned import Stacks

BY_POLICY: Final = {
    "aws_s3_bucket": "aws_s3_bucket_policy",
    "aws_secretsmanager_secret": "aws_secretsmanager_secret_policy",
    "aws_sns_topic": "aws_sns_topic_policy",
    "aws_sqs_queue": "aws_sqs_queue_policy",
}
"""What takes requests in clear unless a policy of its own refuses them."""

BY_ARGUMENT: Final = {
    "aws_apigatewayv2_domain_name": ("domain_name_configuration", "security_policy", "TLS_1_2"),
    "aws_db_proxy": (None, "require_tls", True),
}
"""What has an argument for it: the block that holds it, its name, the value that is wanted."""


def in_clear(resources: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What of a stack could be reached without TLS."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for one in resources:
        kinds.setdefault(one["type"], []).append(one)
    yield from _by_policy(kinds)
    yield from _by_argument(kinds)
    for one in kinds.get("aws_rds_cluster_parameter_group", []):
        found = {each["name"]: each["value"] for each in one["values"]["parameter"]}
        if found.get("rds.force_ssl") != "1":
            yield f"{one['address']}: takes logins in clear"


def _by_policy(kinds: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[str]:
    for kind, policy in BY_POLICY.items():
        refusing = [one for one in kinds.get(policy, []) if _refuses(one["values"]["policy"])]
        if len(refusing) != len(kinds.get(kind, [])):
            yield f"{len(kinds[kind])} {kind}, {len(refusing)} of which refuse plain HTTP"


def _by_argument(kinds: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[str]:
    for kind, (block, name, wanted) in BY_ARGUMENT.items():
        for one in kinds.get(kind, []):
            holders = [one["values"]] if block is None else listed(one["values"][block])
            if any(_value(holder, name) != wanted for holder in holders):
                yield f"{one['address']}: {name} is not {wanted}"


def _value(holder: object, name: str) -> object:
    assert isinstance(holder, dict)
    return holder.get(name)


def _refuses(document: str) -> bool:
    return any(
        one["Effect"] == "Deny"
        and one["Condition"].get("Bool", {}).get("aws:SecureTransport") == "false"
        for one in json.loads(document)["Statement"]
        if "Condition" in one
    )


def test_nothing_that_is_deployed_is_reached_in_clear(stacks: Stacks) -> None:
    found = [
        (name, problem)
        for name, stack in stacks.settled.items()
        for problem in in_clear(stack.resources)
    ]
    assert found == []


def test_every_kind_that_is_judged_is_deployed(stacks: Stacks) -> None:
    deployed = {one["type"] for stack in stacks.settled.values() for one in stack.resources}
    judged = {*BY_POLICY, *BY_ARGUMENT, "aws_rds_cluster_parameter_group"}
    assert judged <= deployed


@pytest.mark.parametrize(
    ("kind", "argument", "value"),
    [
        ("aws_s3_bucket_policy", "policy", '{"Statement": []}'),
        ("aws_sqs_queue_policy", "policy", '{"Statement": [{"Effect": "Deny"}]}'),
        ("aws_db_proxy", "require_tls", False),
        ("aws_rds_cluster_parameter_group", "parameter", []),
    ],
)
def test_one_that_answers_in_clear_is_found(
    stacks: Stacks, kind: str, argument: str, value: object
) -> None:
    changed = deepcopy(stacks.settled["east"].resources)
    next(one for one in changed if one["type"] == kind)["values"][argument] = value
    assert len(list(in_clear(changed))) == 1
