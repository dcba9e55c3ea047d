"""How `payment-dr lint` prints: text for people, JSON and SARIF for programs."""

import sys
import textwrap
from collections.abc import Sequence
from importlib.metadata import version
from itertools import groupby
from typing import Final

from msgspec import Struct
from rich.console import Console
from rich.text import Text

from payment_dr.cli.talk import as_json
from payment_dr.lint.finding import Finding, Place, Result, Severity
from payment_dr.lint.rule import Rule
from payment_dr.lint.sarif import sarif
from payment_dr.report.terminal import console

_INDENT: Final = "  "
_STYLE: Final = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "bold yellow",
    Severity.NOTE: "bold cyan",
}


class FindingLine(Struct, frozen=True, kw_only=True):
    """A finding, with what to do about it."""

    rule: str
    severity: str
    title: str
    plan: str
    address: str
    region: str
    message: str
    remedy: str
    page: str


class NotJudgedLine(Struct, frozen=True, kw_only=True):
    """What a rule could not decide, or a whole rule when `address` is null."""

    rule: str
    plan: str | None
    address: str | None
    reason: str


class LintReport(Struct, frozen=True, kw_only=True):
    """What `--format json` prints."""

    plans: tuple[str, ...]
    sites: tuple[str, ...]
    resources: int
    rules: int
    errors: int
    warnings: int
    notes: int
    ignored: int
    findings: tuple[FindingLine, ...]
    not_judged: tuple[NotJudgedLine, ...]


def json_text(result: Result, rules: Sequence[Rule], plans: Sequence[str]) -> str:
    """The result as JSON, for other programs."""
    by_id = {rule.rule_id: rule for rule in rules}
    report = LintReport(
        plans=tuple(plans),
        sites=result.sites,
        resources=result.resources,
        rules=result.rules,
        errors=result.count(Severity.ERROR),
        warnings=result.count(Severity.WARNING),
        notes=result.count(Severity.NOTE),
        ignored=result.ignored,
        findings=tuple(_line(one, by_id[one.rule_id], plans) for one in result.findings),
        not_judged=(
            *(
                NotJudgedLine(rule=one.rule_id, plan=None, address=None, reason=one.reason)
                for one in result.skipped
            ),
            *(
                NotJudgedLine(
                    rule=one.rule_id,
                    plan=plans[one.place.plan],
                    address=one.place.address,
                    reason=one.reason,
                )
                for one in result.undecided
            ),
        ),
    )
    return as_json(report)


def sarif_text(result: Result, rules: Sequence[Rule], plans: Sequence[str]) -> str:
    """The result as SARIF 2.1.0."""
    log = sarif(result, rules=rules, plans=plans, version=version("payment-dr"))
    return as_json(log)


def rules_text(rules: Sequence[Rule]) -> str:
    """All rules, a line each."""
    return "".join(f"{rule.rule_id}  {rule.severity:<8}{rule.title}\n" for rule in rules)


def show(result: Result, rules: Sequence[Rule], plans: Sequence[str]) -> None:
    """Print findings by rule to standard output, and a summary."""
    out = console(sys.stdout)
    by_id = {rule.rule_id: rule for rule in rules}
    for rule_id, findings in groupby(result.findings, key=lambda one: one.rule_id):
        _show_rule(out, by_id[rule_id], list(findings), plans)
    _show_not_judged(out, result, plans)
    out.print(_summary(result))


def _show_rule(out: Console, rule: Rule, findings: list[Finding], plans: Sequence[str]) -> None:
    head = Text.assemble((rule.severity.value, _STYLE[rule.severity]), f" {rule.rule_id} ")
    out.print(head.append(rule.title, "bold"))
    for finding in findings:
        where = _where(finding.place, plans)
        line = _indented(out, f"{where} {finding.text}", "")
        line.stylize("cyan", len(_INDENT), len(_INDENT) + len(where))
        out.print(line)
    out.print(_indented(out, f"remedy: {rule.remedy}", "dim"))
    out.print(_indented(out, f"more: payment-dr lint --explain {rule.rule_id}\n", "dim"))


def _show_not_judged(out: Console, result: Result, plans: Sequence[str]) -> None:
    lines = [f"{one.rule_id}: {one.reason}" for one in result.skipped]
    lines += [f"{one.rule_id} {_where(one.place, plans)}: {one.reason}" for one in result.undecided]
    if lines:
        out.print(Text("not judged", "bold"))
        for line in lines:
            out.print(_indented(out, line, ""))
        out.print()


def _indented(out: Console, line: str, style: str) -> Text:
    """The line wrapped and indented, without the spaces that rich fills lines with."""
    body, newline, _ = line.partition("\n")
    filled = textwrap.fill(
        body,
        out.width,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return Text(filled + newline, style)


def _summary(result: Result) -> Text:
    sites = ", ".join(result.sites) or "none"
    judged = f"{result.resources} resources, {result.rules} rules, sites: {sites}"
    errors, warnings = result.count(Severity.ERROR), result.count(Severity.WARNING)
    ignored = f", {result.ignored} ignored" if result.ignored else ""
    return Text(f"{errors} errors, {warnings} warnings{ignored} ({judged})", "bold")


def _where(place: Place, plans: Sequence[str]) -> str:
    """The address, with its plan when there are several, and its region."""
    plan = f"{plans[place.plan]}: " if len(plans) > 1 else ""
    return f"{plan}{place.address}" + (f" ({place.region})" if place.region else "")


def _line(finding: Finding, rule: Rule, plans: Sequence[str]) -> FindingLine:
    return FindingLine(
        rule=finding.rule_id,
        severity=finding.severity.value,
        title=rule.title,
        plan=plans[finding.place.plan],
        address=finding.place.address,
        region=finding.place.region,
        message=finding.text,
        remedy=rule.remedy,
        page=rule.page,
    )
