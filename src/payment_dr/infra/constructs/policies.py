"""Policy documents as data: what a key, bucket, vault, endpoint or role of a site allows.

Names and ARNs are known before anything exists, so that a plan shows each document in full.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any, Final

Conditions = Mapping[str, Mapping[str, str]]
"""Value by key by operator, as policies write it."""

_VERSION: Final = "2012-10-17"


@unique
class Effect(StrEnum):
    """Whether a statement gives or takes away."""

    ALLOW = "Allow"
    DENY = "Deny"


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyStatement:
    """One statement.

    Attributes:
        sid: its name, letters and digits, unique in the document.
        actions: e.g. `kms:Decrypt`.
        resources: ARNs; `*` in the policy of a key or a vault means itself; empty in one of trust.
        principal: kind of principal and who, e.g. `{"Service": "logs.amazonaws.com"}`; None in a
            policy of a role, which is about the role itself.
        conditions: all of which must hold.
        effect: allows unless said otherwise.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()
    principal: Mapping[str, str] | None = None
    conditions: Conditions = field(default_factory=dict[str, Mapping[str, str]])
    effect: Effect = Effect.ALLOW


def policy(*statements: PolicyStatement) -> str:
    """The document in JSON."""
    return json.dumps({"Version": _VERSION, "Statement": [_written(s) for s in statements]})


def trust(service: str, conditions: Conditions | None = None) -> str:
    """Trust of a role in an AWS service.

    A role can be handed to a service by its own account only. Conditions that name the source are
    for services that say it: with one, the others could not take the role at all.

    Args:
        service: e.g. `backup.amazonaws.com`.
        conditions: see `from_account`.
    """
    return policy(
        PolicyStatement(
            sid="Assume",
            actions=("sts:AssumeRole",),
            principal={"Service": service},
            conditions=conditions or {},
        )
    )


def from_account(account: str, source_arn: str) -> Conditions:
    """A service acts for resources of this account, those whose ARN is like the one given."""
    return {
        "StringEquals": {"aws:SourceAccount": account},
        "ArnLike": {"aws:SourceArn": source_arn},
    }


def _written(statement: PolicyStatement) -> dict[str, Any]:
    optional = {
        "Principal": statement.principal,
        "Resource": list(statement.resources),
        "Condition": statement.conditions,
    }
    return {
        "Sid": statement.sid,
        "Effect": statement.effect.value,
        "Action": list(statement.actions),
        **{name: value for name, value in optional.items() if value},
    }
