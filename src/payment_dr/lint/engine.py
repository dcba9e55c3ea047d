"""Runs rules over plans: linear in the number of resources and references."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from payment_dr.lint.configuration import Configuration
from payment_dr.lint.finding import RANK, Finding, Found, NotJudged, Result, Skipped, Undecided
from payment_dr.lint.plan import Plan
from payment_dr.lint.rule import Rule
from payment_dr.lint.rules import RULES
from payment_dr.lint.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignored:
    """Findings that were accepted: of a rule, everywhere or at one address."""

    rule_id: str
    address: str | None


def lint(
    plan: Plan,
    *,
    configurations: Sequence[Configuration | None],
    acceptance_s: float,
    ignored: Sequence[Ignored] = (),
    rules: Iterable[Rule] = RULES,
) -> Result:
    """Judge plans by every rule.

    Args:
        plan: the resources of all plans.
        configurations: of each plan, in the same order; rules that need a missing one are skipped.
        acceptance_s: promised longest time without an accepted payment, seconds.
        ignored: findings to leave out; they are counted.
        rules: by default all.
    """
    subject = Subject(plan, configurations, acceptance_s)
    accepted = {(one.rule_id, one.address) for one in ignored}
    findings: list[Finding] = []
    undecided: list[Undecided] = []
    skipped: list[Skipped] = []
    left_out = ran = 0
    for rule in rules:
        if rule.needs_configuration and None in configurations:
            skipped.append(_skipped(rule))
            continue
        ran += 1
        for observation in rule.check(subject):
            match observation:
                case Found(place=place, text=text):
                    if accepted & {(rule.rule_id, None), (rule.rule_id, place.address)}:
                        left_out += 1
                        continue
                    findings.append(
                        Finding(
                            rule_id=rule.rule_id, severity=rule.severity, place=place, text=text
                        )
                    )
                case NotJudged(place=place, reason=reason):
                    undecided.append(Undecided(rule_id=rule.rule_id, place=place, reason=reason))
                case unreachable:
                    assert_never(unreachable)
    findings.sort(key=lambda one: (RANK[one.severity], one.rule_id, one.place.plan))
    return Result(
        findings=tuple(findings),
        undecided=tuple(undecided),
        skipped=tuple(skipped),
        resources=sum(1 for resource in plan.resources if resource.managed),
        rules=ran,
        sites=subject.sites,
        ignored=left_out,
    )


def _skipped(rule: Rule) -> Skipped:
    return Skipped(
        rule_id=rule.rule_id,
        reason="a plan holds neither lifecycle nor backend: give the configuration with --config",
    )
