"""Roles and what they may do, read from plans of stacks that were applied: nothing is unknown."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from payment_dr.lint.values import listed, mapping, text
from policy.planned import PlannedStack


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement of a policy; `where` is the resource that holds it."""

    where: str
    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: Mapping[str, object]
    conditions: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role.

    Attributes:
        address: in its stack.
        arn: as the stand-in invented it.
        trusted: statements of who may take it.
        statements: of what it may do.
        attached: ARNs of policies of AWS.
    """

    address: str
    arn: str
    trusted: tuple[Statement, ...]
    statements: list[Statement] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)

    @property
    def allowed(self) -> frozenset[str]:
        """Actions that some statement allows."""
        return frozenset(
            action for one in self.statements if one.effect == "Allow" for action in one.actions
        )


def roles(stack: PlannedStack) -> dict[str, Role]:
    """Roles of a stack by their name."""
    of: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for resource in stack.resources:
        of[resource["type"]].append(resource)
    found = {
        one["values"]["name"]: Role(
            address=one["address"],
            arn=one["values"]["arn"],
            trusted=tuple(_statements(one["address"], one["values"]["assume_role_policy"])),
        )
        for one in of["aws_iam_role"]
    }
    by_reference = found | {
        one["values"]["id"]: found[one["values"]["name"]] for one in of["aws_iam_role"]
    }
    for one in of["aws_iam_role_policy"]:
        statements = _statements(one["address"], one["values"]["policy"])
        by_reference[one["values"]["role"]].statements.extend(statements)
    for one in of["aws_iam_role_policy_attachment"]:
        by_reference[one["values"]["role"]].attached.append(one["values"]["policy_arn"])
    assert not of["aws_iam_policy"], "read here are policies of roles alone"
    return found


def _statements(where: str, document: str) -> Iterator[Statement]:
    for item in listed(json.loads(document)["Statement"]):
        one = mapping(item)
        assert not one.keys() & {"NotAction", "NotResource", "NotPrincipal"}
        yield Statement(
            where=where,
            sid=text(one.get("Sid")),
            effect=text(one.get("Effect")),
            actions=tuple(str(each) for each in listed(one.get("Action"))),
            resources=tuple(str(each) for each in listed(one.get("Resource"))),
            principals=mapping(one.get("Principal")),
            conditions=mapping(one.get("Condition")),
        )
