"""Roles: named actions on named resources, one service that may take each, nothing unused."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import pytest

from payment_dr.infra.constructs import fault_injection_role
from payment_dr.infra.permission_parts import UNAVOIDABLE
from policy.granted import Role, Statement, roles
from policy.planned import Stacks

EVERYWHERE: Final = {**UNAVOIDABLE, **fault_injection_role.UNAVOIDABLE}
"""Actions that AWS allows on every resource or on none."""

ANY_OF_A_TYPE: Final = {
    "JoinNetwork": "Lambda makes the interfaces; a statement beside it denies them to the code",
    "FindBackups": "the list is asked for by cluster, which AWS names as all snapshots",
    "FindRestored": "leftovers are found by their tags among all clusters; it changes nothing",
    "RestoreClusters": "backups have names of AWS's own making; they are read",
    "MakeInstances": "RDS's own default groups, read",
    "ObserveCertificates": "certificates have ids of AWS's own making; it changes nothing",
    "Find": "flow logs look their group up in the list of groups",
    "ExchangeAcl": "a list that an experiment makes has no name before; the subnets are limited",
    "ReadPrefixLists": "AWS's own lists of addresses; it changes nothing",
}
"""Statements without a condition that name all resources of a type: why. By their Sid."""

NO_SOURCE: Final = {
    "backup.amazonaws.com": "AWS Backup passes no source",
    "lambda.amazonaws.com": "Lambda passes no source when it takes a function's role",
    "rds.amazonaws.com": "a proxy takes its role without a source",
}
"""Services that pass neither account nor ARN of what they act for, so that none can be asked."""

ATTACHED: Final = {
    "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
    "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
}
"""Policies of AWS: what AWS Backup and RDS ask for, and keep up to date, themselves."""

_ANY: Final = re.compile(
    r"arn:aws:[a-z0-9-]+:[^:]*:[^:]*:(\*/\*|([a-z0-9:-]+[:/])?(default[.:])?\*)"
)

_IN_BUCKET: Final = re.compile(r"arn:aws:s3:::[a-z0-9-]+/\*")
"""Objects of one bucket."""


def all_roles(stacks: Stacks) -> Iterator[Role]:
    for stack in stacks.settled.values():
        yield from roles(stack).values()


def too_wide(statement: Statement) -> Iterator[str]:
    """What a statement of a role allows without need."""
    if statement.effect != "Allow":
        return
    for action in statement.actions:
        if "*" in action or "?" in action:
            yield f"{action} is more than one action"
        elif "*" in statement.resources and action not in EVERYWHERE:
            yield f"{action} can be allowed on named resources"
    if not statement.conditions and statement.sid not in ANY_OF_A_TYPE:
        for resource in statement.resources:
            if _ANY.fullmatch(resource) and not _IN_BUCKET.fullmatch(resource):
                yield f"{statement.sid}: {resource} is every one of its type"


def distrusted(role: Role) -> Iterator[str]:
    """What is wrong with who may take a role."""
    if len(role.trusted) != 1:
        yield "is not taken by one service"
    for one in role.trusted:
        service = one.principals.get("Service")
        if not isinstance(service, str):
            yield "is taken by several services, or by none"
        if one.actions != ("sts:AssumeRole",) or one.principals.keys() != {"Service"}:
            yield "can be taken by others than a service"
        if str(service) in NO_SOURCE:
            continue
        equal, like = one.conditions.get("StringEquals"), one.conditions.get("ArnLike")
        if "aws:SourceAccount" not in str(equal) or "aws:SourceArn" not in str(like):
            yield "serves any account and resource"


def test_no_role_may_do_more_than_can_be_named(stacks: Stacks) -> None:
    found = [
        (one.where, problem)
        for role in all_roles(stacks)
        for one in role.statements
        for problem in too_wide(one)
    ]
    assert found == []


def test_what_is_allowed_everywhere_is_used_and_explained(stacks: Stacks) -> None:
    statements = [one for role in all_roles(stacks) for one in role.statements]
    allowed = [one for one in statements if one.effect == "Allow"]
    used = {action for one in allowed if "*" in one.resources for action in one.actions}
    assert used == EVERYWHERE.keys()
    assert all(EVERYWHERE.values())
    wide = {one.sid for one in allowed if any(_ANY.fullmatch(each) for each in one.resources)}
    assert wide >= ANY_OF_A_TYPE.keys()


def test_each_role_is_taken_by_one_service_for_one_source(stacks: Stacks) -> None:
    found = [(role.address, one) for role in all_roles(stacks) for one in distrusted(role)]
    assert found == []
    services = {
        str(one.principals["Service"]) for role in all_roles(stacks) for one in role.trusted
    }
    assert services >= NO_SOURCE.keys()


def test_policies_of_aws_are_those_that_its_services_ask_for(stacks: Stacks) -> None:
    assert {arn for role in all_roles(stacks) for arn in role.attached} == ATTACHED


_GOOD: Final = Statement(
    where="aws_iam_role_policy.planted",
    sid="Read",
    effect="Allow",
    actions=("dynamodb:GetItem",),
    resources=("arn:aws:dynamodb:us-east-1:1:table/payments",),
    principals={},
    conditions={},
)
_TRUST: Final = replace(
    _GOOD,
    actions=("sts:AssumeRole",),
    resources=(),
    principals={"Service": "events.amazonaws.com"},
    conditions={
        "StringEquals": {"aws:SourceAccount": "1"},
        "ArnLike": {"aws:SourceArn": "arn:aws:events:us-east-1:1:rule/r"},
    },
)


@pytest.mark.parametrize(
    "fault",
    [
        replace(_GOOD, actions=("dynamodb:*",)),
        replace(_GOOD, actions=("*",)),
        replace(_GOOD, actions=("dynamodb:Get?tem",)),
        replace(_GOOD, resources=("*",)),
        replace(_GOOD, resources=("arn:aws:dynamodb:us-east-1:1:table/*",)),
        replace(_GOOD, resources=("arn:aws:s3:::*",)),
    ],
)
def test_a_statement_that_allows_too_much_is_found(fault: Statement) -> None:
    assert not list(too_wide(_GOOD))
    assert list(too_wide(fault))


@pytest.mark.parametrize(
    "trusted",
    [
        (),
        (_TRUST, _TRUST),
        (replace(_TRUST, principals={"Service": ["events.amazonaws.com", "x.amazonaws.com"]}),),
        (replace(_TRUST, principals={"AWS": "*"}),),
        (replace(_TRUST, actions=("sts:AssumeRole", "sts:TagSession")),),
        (replace(_TRUST, conditions={}),),
        (replace(_TRUST, conditions={"StringEquals": {"aws:SourceAccount": "1"}}),),
    ],
)
def test_a_role_that_too_many_may_take_is_found(trusted: Iterable[Statement]) -> None:
    good = Role(address="aws_iam_role.good", arn="", trusted=(_TRUST,))
    assert not list(distrusted(good))
    assert list(distrusted(replace(good, trusted=tuple(trusted))))
