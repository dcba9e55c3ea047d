"""What functions may do, against what their code calls: neither lacks the other."""

import ast
from dataclasses import replace
from functools import cache
from typing import Final

import pytest

from payment_dr.functions.catalogue import FUNCTIONS, Function
from payment_dr.infra.permissions import statements
from payment_dr.infra.place import places
from policy.called import SECRETS, called, defined, reached
from policy.granted import Role, roles
from policy.planned import Stacks

BY_LAMBDA: Final = frozenset(
    {
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:SendMessage",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
)
"""What Lambda does itself in a function's name."""

BY_SERVICES: Final = frozenset(
    {"kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"}
)
"""What services that encrypt do in the name of whoever calls them."""

NOT_CALLED: Final = {
    ("readiness", "dynamodb:DescribeTable"): "asks no rebuild about the size of the table",
    ("readiness", "dynamodb:PutItem"): "is made of the parts of a move, of which it only looks",
    ("webhooks", "dynamodb:PutItem"): "is made of the parts of a payment, of which it writes none",
}
"""Calls that the search takes for reached and that are not: why."""

NOT_READ: Final = {
    **dict.fromkeys(
        [
            *((one, "webhooks") for one in ("poster", "confirmer", "sweeper")),
            *((one, "provider") for one in ("poster", "confirmer", "webhooks")),
            *(
                (one, thing)
                for one in ("watcher", "recovery")
                for thing in ("webhooks", "provider")
            ),
        ],
        "is made of the parts of a payment; a secret is read when it is first used",
    ),
    ("api", "ledger"): "is told by the settings to log in by a token",
    **dict.fromkeys(
        [("readiness", thing) for thing in ("canary", "ledger")],
        "is made of the parts of a move; a secret is read when it is first used",
    ),
}
"""Secrets that the search takes for read and that are not: why."""

NAMES: Final = [one.name for one in FUNCTIONS]

NAMED_ELSEWHERE: Final = frozenset({"initialise"})
"""Functions that read secrets whose names stand in a list."""


@cache
def calls_of(function: Function) -> tuple[frozenset[str], frozenset[str]]:
    return called(function.handler)


def role_of(stacks: Stacks, site: str, function: Function) -> Role:
    stack = stacks.settled[site]
    name = stacks.settings.resource(function.name, site)
    arn = next(
        one["values"]["role"]
        for one in stack.resources
        if one["type"] == "aws_lambda_function" and one["values"]["function_name"] == name
    )
    return next(one for one in roles(stack).values() if one.arn == arn)


def secrets_of(role: Role) -> set[str]:
    """Shared secrets that a role may read."""
    arns = [
        arn
        for one in role.statements
        if one.effect == "Allow" and "secretsmanager:GetSecretValue" in one.actions
        for arn in one.resources
    ]
    return {thing for thing in SECRETS for arn in arns if f":secret:payments-{thing}-prod-" in arn}


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_a_function_may_do_what_its_code_calls(stacks: Stacks, function: Function) -> None:
    calls, secrets = calls_of(function)
    for site in stacks.sites:
        role = role_of(stacks, site, function)
        lacking = calls - role.allowed
        assert lacking == {call for name, call in NOT_CALLED if name == function.name}
        unread = secrets - secrets_of(role)
        assert unread == {thing for name, thing in NOT_READ if name == function.name}


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_each_need_of_a_function_is_of_use_to_its_code(stacks: Stacks, function: Function) -> None:
    """Needs are of things, not of calls: of the actions that each brings, some are called."""
    place = places(stacks.settings)[0]
    calls, secrets = calls_of(function)
    without = statements(replace(function, needs=frozenset()), place)
    for need in sorted(function.needs, key=lambda one: one.name):
        alone = statements(replace(function, needs=frozenset({need})), place)
        brought = [one for one in alone if one not in without]
        actions = {action for one in brought for action in one.actions} - BY_SERVICES
        assert not actions or actions & calls, need
    if function.name not in NAMED_ELSEWHERE:
        for site in stacks.sites:
            assert secrets_of(role_of(stacks, site, function)) <= secrets


def test_whatever_is_allowed_somebody_calls(stacks: Stacks) -> None:
    calls = frozenset[str]().union(*(calls_of(function)[0] for function in FUNCTIONS))
    for site in stacks.sites:
        granted = [role_of(stacks, site, function).allowed for function in FUNCTIONS]
        assert frozenset[str]().union(*granted) - BY_LAMBDA - BY_SERVICES == calls - BY_SERVICES


_CODE: Final = """
LOOKS = (one,)

def handler(event, context):
    records = Table(client).read()
    return secret_of(environment, "ledger", clock)

def one(settings):
    return settings.resource("table"), settings.resource("canary")

def never():
    rds_client.failover_global_cluster()

class Table(Base):
    def __init__(self, client):
        self._client = client
        for each in LOOKS:
            each()

    def read(self):
        for page in self._client.get_paginator("list_objects_v2").paginate():
            self._client.head_object()

    def records(self):
        self._client.scan()

class Other:
    def read(self):
        self._client.put_item()
"""


def test_the_search_follows_what_is_named_and_nothing_else() -> None:
    known = list(defined(ast.parse(_CODE)))
    calls, secrets = reached(known, {"handler"})
    # Neither a variable that is called as a method nor the method of another class counts.
    assert calls == {"s3:GetObject", "s3:ListBucket"}
    assert secrets == {"canary", "ledger"}
    calls, secrets = reached(known, {"never"})
    assert calls == {"rds:FailoverGlobalCluster"}
    assert not secrets


def test_an_action_taken_from_a_role_is_missed(stacks: Stacks) -> None:
    function = next(one for one in FUNCTIONS if one.name == "watcher")
    role = role_of(stacks, "west", function)
    assert "states:StartExecution" in calls_of(function)[0] & role.allowed
    kept = [one for one in role.statements if one.sid != "StartMove"]
    lessened = Role(address=role.address, arn=role.arn, trusted=role.trusted, statements=kept)
    assert calls_of(function)[0] - lessened.allowed == {"states:StartExecution"}
