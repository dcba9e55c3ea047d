"""What roles may do, as far as plans show it: inline and attached policies, documents as data."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from payment_dr.lint.plan import Plan
from payment_dr.lint.resource import Node, Resource
from payment_dr.lint.values import listed, mapping, text

POLICY_KINDS: Final = (
    "aws_iam_policy",
    "aws_iam_role_policy",
    "aws_iam_user_policy",
    "aws_iam_group_policy",
)
ATTACHMENT_KINDS: Final = (
    "aws_iam_role_policy_attachment",
    "aws_iam_user_policy_attachment",
    "aws_iam_group_policy_attachment",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """An allowing statement; other statements only take away."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    inverted: bool
    """Whether it allows all but what it lists: NotAction or NotResource."""


class Policies:
    """IAM policies of the plans."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.statements: dict[Resource, tuple[Statement, ...] | None] = {
            policy: self._read(policy, "policy") for policy in plan.of(*POLICY_KINDS)
        }
        """Statements by policy; None where the text is known only after the apply."""
        self._of_role = self._by_role()
        self._attached = plan.referring("aws_iam_role_policy_attachment", "role")

    def of_role(self, role: Resource) -> Iterator[tuple[Resource, tuple[Statement, ...] | None]]:
        """Every policy of a role with its statements."""
        for policy in self._of_role.get(role, ()):
            yield policy, self.statements[policy]

    def managed_by_aws(self, role: Resource) -> list[str]:
        """ARNs attached to a role that are policies of none of the plans."""
        attached = (one.text("policy_arn") for one in self._attached.get(role, ()))
        return [arn for arn in (*attached, *_texts(role.known("managed_policy_arns"))) if arn]

    def _by_role(self) -> Mapping[Resource, list[Resource]]:
        plan = self._plan
        policies: defaultdict[Resource, list[Resource]] = defaultdict(list)
        for role, inline in plan.referring("aws_iam_role_policy", "role").items():
            policies[role] += inline
        for role, attachments in plan.referring("aws_iam_role_policy_attachment", "role").items():
            for attachment in attachments:
                policies[role] += plan.targets(attachment, "policy_arn").of("aws_iam_policy")
        return policies

    def _read(self, policy: Resource, attribute: str) -> tuple[Statement, ...] | None:
        written = policy.text(attribute)
        if written:
            return tuple(_parsed(written))
        documents = [
            target
            for target in self._plan.targets(policy, attribute).resources
            if target.kind == "aws_iam_policy_document"
        ]
        if not documents:
            return None
        return tuple(one for document in documents for one in _from_blocks(document))


def _parsed(written: str) -> Iterator[Statement]:
    """Statements of a policy in JSON; none when it is no JSON, which AWS will refuse anyway."""
    try:
        body = mapping(msgspec.json.decode(written))
    except (msgspec.DecodeError, RecursionError):
        return
    for item in listed(body.get("Statement")):
        statement = mapping(item)
        if statement.get("Effect") == "Allow":
            yield Statement(
                actions=_texts(statement.get("Action")),
                resources=_texts(statement.get("Resource")),
                inverted="NotAction" in statement or "NotResource" in statement,
            )


def _from_blocks(document: Node) -> Iterator[Statement]:
    """Statements of a policy document as data source."""
    for block in document.blocks("statement"):
        if block.text("effect") in ("", "Allow"):
            yield Statement(
                actions=_texts(block.known("actions")),
                resources=_texts(block.known("resources")),
                inverted=block.is_set("not_actions") or block.is_set("not_resources"),
            )


def _texts(value: object) -> tuple[str, ...]:
    items: Sequence[object] = listed(value)
    return tuple(text(item) for item in items if isinstance(item, str))
