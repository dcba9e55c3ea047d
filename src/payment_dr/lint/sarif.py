"""Results as SARIF 2.1.0, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct, field

from payment_dr.lint.finding import Finding, Result
from payment_dr.lint.rule import Rule

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_FINGERPRINT: Final = "paymentDrRuleAndAddress/v1"


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Plain text, and Markdown where there is more."""

    text: str
    markdown: str | None = None


class Descriptor(Struct, frozen=True, kw_only=True, rename="camel"):
    """A rule."""

    id: str
    name: str
    short_description: Message
    full_description: Message
    help: Message
    default_configuration: dict[str, str]


class LogicalLocation(Struct, frozen=True, kw_only=True, rename="camel"):
    """A resource by its address."""

    fully_qualified_name: str
    kind: str = "resource"


class Location(Struct, frozen=True, kw_only=True, rename="camel"):
    """The plan file and the resource in it."""

    physical_location: dict[str, dict[str, str]]
    logical_locations: list[LogicalLocation]


class SarifResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """A finding."""

    rule_id: str
    rule_index: int
    level: str
    message: Message
    locations: list[Location]
    partial_fingerprints: dict[str, str]


class Notification(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something that was not judged."""

    message: Message
    level: str
    associated_rule: dict[str, str]


class Log(Struct, frozen=True, kw_only=True):
    """A SARIF log with one run."""

    runs: list[dict[str, Any]]
    version: str = "2.1.0"
    schema: str = field(name="$schema", default=SCHEMA)


def sarif(result: Result, *, rules: Sequence[Rule], plans: Sequence[str], version: str) -> Log:
    """The log of a run.

    Args:
        result: what was found.
        rules: all rules, whether they found something or not.
        plans: the plan files in the order given, as URIs relative to the repository.
        version: of payment-dr.
    """
    index = {rule.rule_id: place for place, rule in enumerate(rules)}
    driver = {
        "name": "payment-dr",
        "version": version,
        "rules": [_descriptor(rule) for rule in rules],
    }
    invocation = {
        "executionSuccessful": True,
        "toolExecutionNotifications": list(_notifications(result)),
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "results": [_result(finding, index, plans) for finding in result.findings],
        "columnKind": "unicodeCodePoints",
    }
    return Log(runs=[run])


def _descriptor(rule: Rule) -> Descriptor:
    return Descriptor(
        id=rule.rule_id,
        name="".join(word.capitalize() for word in rule.name.split("-")),
        short_description=Message(text=rule.title),
        full_description=Message(text=rule.why),
        help=Message(
            text=f"{rule.remedy}\nSee {rule.page}",
            markdown=f"**Remedy:** {rule.remedy}\n\n**Looked at:** {rule.looks_at}\n\n"
            f"See `{rule.page}` or run `payment-dr lint --explain {rule.rule_id}`.",
        ),
        default_configuration={"level": rule.severity.value},
    )


def _result(finding: Finding, index: dict[str, int], plans: Sequence[str]) -> SarifResult:
    address = finding.place.address
    location = Location(
        physical_location={"artifactLocation": {"uri": plans[finding.place.plan]}},
        logical_locations=[LogicalLocation(fully_qualified_name=address)],
    )
    return SarifResult(
        rule_id=finding.rule_id,
        rule_index=index[finding.rule_id],
        level=finding.severity.value,
        message=Message(text=f"{address} {finding.text}"),
        locations=[location],
        partial_fingerprints={_FINGERPRINT: f"{finding.rule_id}:{address}"},
    )


def _notifications(result: Result) -> Iterable[Notification]:
    for skipped in result.skipped:
        yield _notification(skipped.rule_id, f"not run: {skipped.reason}")
    for one in result.undecided:
        yield _notification(one.rule_id, f"{one.place.address} not judged: {one.reason}")


def _notification(rule_id: str, text: str) -> Notification:
    return Notification(message=Message(text=text), level="note", associated_rule={"id": rule_id})
