"""Which AWS actions a function's code can call: read from the code itself, not from its needs.

From the handler on, a definition counts as called when its name stands in a body that counts. That
takes too much where two things share a name, and too little where a name is made up at run time,
which no code here does.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import grimp
from botocore import xform_name
from botocore.session import get_session

from payment_dr.infra.package_contents import ROOT, SERVICES

_PREFIXES: Final[Mapping[str, str]] = {"stepfunctions": "states", "service-quotas": "servicequotas"}
"""IAM's name of a service where boto3 has another."""

ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "dynamodb:BatchGetItem": ("dynamodb:BatchGetItem",),
    "s3:HeadObject": ("s3:GetObject",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "rds:CreateDBInstance": ("rds:AddTagsToResource", "rds:CreateDBInstance"),
    "rds:RestoreDBClusterFromSnapshot": (
        "rds:AddTagsToResource",
        "rds:RestoreDBClusterFromSnapshot",
    ),
    "rds:RestoreDBClusterToPointInTime": (
        "rds:AddTagsToResource",
        "rds:RestoreDBClusterToPointInTime",
    ),
}
"""IAM's actions of a call, where it is not the one of the same name.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/.
"""

SECRETS: Final = frozenset(
    {"canary", "ledger", "ledger-admin", "ledger-master", "provider", "webhooks"}
)
"""Things that are secrets."""


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A function, a method, or a class less its methods.

    `owner` is the class of a method, which is called as an attribute only: `attributes` are the
    names after a dot that stand in it, `names` all names.
    """

    name: str
    owner: str | None
    names: frozenset[str]
    attributes: frozenset[str]
    calls: frozenset[str]
    secrets: frozenset[str]


@cache
def _operations() -> Mapping[str, str]:
    """IAM's action, as `service:Operation`, by the name of the client's method."""
    session = get_session()
    # No operation of RDS: it signs, and what it signs is asked of the database.
    found: dict[str, str] = {"generate_db_auth_token": "rds-db:connect"}
    for service in sorted(SERVICES):
        operations: list[str] = list(session.get_service_model(service).operation_names)
        for operation in operations:
            # A name that two services have is not told apart, so it must not be one that we use.
            name = xform_name(operation)
            found[name] = "" if name in found else f"{_PREFIXES.get(service, service)}:{operation}"
    return found


@cache
def modules_of(handler: str) -> frozenset[str]:
    """Modules of the project that a handler's module imports, itself included."""
    return frozenset({handler} | _graph().find_upstream_modules(handler))


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(ROOT, exclude_type_checking_imports=True, cache_dir=None)


def called(handler: str) -> tuple[frozenset[str], frozenset[str]]:
    """IAM actions that a handler, `module:function`, can call; and things that are secrets."""
    module, _, function = handler.partition(":")
    known = [one for each in sorted(modules_of(module)) for one in definitions(each)]
    return reached(known, {function})


def reached(
    known: Iterable[Definition], names: Iterable[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """The same from definitions, and the names from which to start."""
    seen, attributes = set(names), set[str]()
    waiting = list(known)
    counted: list[Definition] = []
    while True:
        now = [
            one
            for one in waiting
            if (one.name in seen if one.owner is None else one.name in attributes)
            and one.owner in {None, *seen}
        ]
        if not now:
            break
        waiting = [one for one in waiting if one not in now]
        counted += now
        seen.update(*(one.names for one in now))
        attributes.update(*(one.attributes for one in now))
    calls = {action for one in counted for call in one.calls for action in _actions(call)}
    return frozenset(calls), frozenset(secret for one in counted for secret in one.secrets)


def _actions(call: str) -> tuple[str, ...]:
    operation = _operations()[call]
    assert operation, f"{call} is a method of several services' clients"
    return ACTIONS.get(operation, (operation,))


@cache
def definitions(module: str) -> tuple[Definition, ...]:
    """What a module defines; what runs when it is imported is taken to belong to everything."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return tuple(defined(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))))


def defined(tree: ast.Module) -> Iterator[Definition]:
    """The same of a module's text."""
    for node in tree.body:
        match node:
            case ast.FunctionDef():
                yield _definition(node.name, None, [node])
            case ast.ClassDef(name=name, body=body):
                methods = [one for one in body if isinstance(one, ast.FunctionDef)]
                others = [one for one in body if not isinstance(one, ast.FunctionDef)]
                yield _definition(name, None, [*others, *node.bases, *node.decorator_list])
                for method in methods:
                    yield _definition(method.name, name, [method])
                    if method.name.startswith("__"):
                        yield _definition(name, None, [method])
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield _definition(name, None, [node])
            case _:
                pass


def _definition(name: str, owner: str | None, nodes: Iterable[ast.AST]) -> Definition:
    inside = [one for node in nodes for one in ast.walk(node)]
    return Definition(
        name=name,
        owner=owner,
        names=frozenset(_names(inside)),
        attributes=frozenset(one.attr for one in inside if isinstance(one, ast.Attribute)),
        calls=frozenset(_client_calls(inside)),
        secrets=frozenset(_secrets(inside)),
    )


def _names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case _:
                pass


def _client_calls(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Methods of clients: `client.get_item(...)`, `client.get_paginator("list_objects_v2")`."""
    for node in nodes:
        match node:
            case ast.Call(
                func=ast.Attribute(attr="get_paginator" | "get_waiter"),
                args=[ast.Constant(value=str() as name)],
            ):
                yield name
            case ast.Call(func=ast.Attribute(value=receiver, attr=name)) if (
                name in _operations() and "client" in ast.unparse(receiver)
            ):
                yield name
            case _:
                pass


def _secrets(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Secrets that are named: `secret_of(environment, "ledger", ...)`, `resource("ledger")`."""
    for node in nodes:
        match node:
            case ast.Call(
                func=ast.Name(id="secret_of") | ast.Attribute(attr="resource"), args=arguments
            ):
                given = {one.value for one in arguments if isinstance(one, ast.Constant)}
                yield from (thing for thing in SECRETS if thing in given)
            case _:
                pass
