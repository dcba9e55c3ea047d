"""What rules say and what a run of the linter found."""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from payment_dr.lint.resource import Resource


@unique
class Severity(StrEnum):
    """ERROR: recovery fails, loses data or charges twice. WARNING: it is slower or unnoticed."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


RANK: Final = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What an observation is about. `plan` is the number of the plan, from 0."""

    address: str
    region: str
    plan: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A rule is broken at a place; `text` says by what."""

    place: Place
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NotJudged:
    """A rule cannot decide about a place; never taken for a pass."""

    place: Place
    reason: str


Observation = Found | NotJudged


def found(resource: Resource, text: str) -> Found:
    """A rule is broken by a resource."""
    return Found(place=_place(resource), text=text)


def not_judged(resource: Resource, reason: str) -> NotJudged:
    """A rule cannot decide about a resource."""
    return NotJudged(place=_place(resource), reason=reason)


def _place(resource: Resource) -> Place:
    return Place(address=resource.address, region=resource.region, plan=resource.plan)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A rule broken at a place."""

    rule_id: str
    severity: Severity
    place: Place
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Undecided:
    """A rule that could not decide about a place."""

    rule_id: str
    place: Place
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A rule that did not run at all."""

    rule_id: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A run. `sites` are the regions that hold a site; `ignored` counts findings left out."""

    findings: tuple[Finding, ...]
    undecided: tuple[Undecided, ...]
    skipped: tuple[Skipped, ...]
    resources: int
    rules: int
    sites: tuple[str, ...]
    ignored: int

    def count(self, severity: Severity) -> int:
        """Findings of a severity."""
        return sum(1 for finding in self.findings if finding.severity is severity)
