"""The page of a move's report: what its JSON says, for people; self-contained, all text escaped."""

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import Final

from payment_dr.recovery.move_report import (
    CheckVerdict,
    MoveEnd,
    MoveObjective,
    MoveReport,
    StepTime,
)
from payment_dr.report import words
from payment_dr.report.parts import chip, document, table

_NAMED_MAX: Final = 200
"""Payments and entries named on the page; the JSON names all."""


def move_page(report: MoveReport, sha256: str) -> str:
    """The page of a report that has that SHA-256."""
    sections = [
        _header(report),
        _tiles(report),
        _deficiencies(report),
        _objectives(report),
        _checks(report),
        _steps(report),
        _data(report),
        _decisions(report),
        _timeline(report),
        _answers(report),
        _footer(report, sha256),
    ]
    return document(f"{report.move.move_id}: {_word(report)[0]}", sections)


def _word(report: MoveReport) -> tuple[str, str]:
    """How it ended, and how that looks: with a check that failed it is no pass."""
    if report.end is MoveEnd.SUPERSEDED:
        return "superseded", "unknown"
    verdicts = {check.verdict for check in report.checks}
    missed = any(one.met is False for one in report.objectives)
    if CheckVerdict.FAIL in verdicts or missed:
        return "completed, not as promised", "fail"
    return "completed", "unknown" if CheckVerdict.UNKNOWN in verdicts else "pass"


def _header(report: MoveReport) -> str:
    scope, move = report.scope, report.move
    word, style = _word(report)
    regions = ", ".join(f"{site} in {region}" for site, region in sorted(scope.regions.items()))
    ended = "" if report.replaced_by is None else f" Its place took {report.replaced_by}."
    return (
        f'<header><div class="kicker">payment-dr, {escape(scope.platform)}, environment '
        f"{escape(scope.environment)}, report {report.chain.number} of "
        f"{escape(report.chain.site)}</div>"
        f"<h1>{escape(move.move_id)}{chip(word, style, big=True)}</h1>"
        f'<p class="lead">{escape(_sentence(report))}{escape(ended)}</p>'
        f'<p class="meta">{escape(regions)}. The plan ran at {escape(scope.ran_at)}, opened '
        f"{_at(move.started_at)}.</p></header>"
    )


def _sentence(report: MoveReport) -> str:
    scope, move = report.scope, report.move
    return (
        f"{move.kind.value.capitalize()} from {scope.source} to {scope.target}, asked for by "
        f"{move.started_by}: {move.reason}."
    )


def _tiles(report: MoveReport) -> str:
    found = report.data
    route, ledger, *_ = report.objectives
    tiles = (
        (words.number(found.lost_payments), "acknowledged payments lost"),
        (words.seconds(route.measured), "until clients were sent to the target"),
        (words.seconds(ledger.measured), "until the ledger was open"),
        (f"{len(found.unconfirmed):,}", "payments that reconciliation looked at"),
        (f"{len(found.posted):,}", "entries posted again"),
        (f"{len(report.deficiencies):,}", "deficiencies"),
    )
    cells = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for value, name in tiles
    )
    return f'<section class="tiles">{cells}</section>'


def _deficiencies(report: MoveReport) -> str:
    rows = [(f"<b>{escape(one.name)}</b>", escape(one.says)) for one in report.deficiencies]
    if not rows:
        return "<h2>Deficiencies</h2><p class='soft'>None was found.</p>"
    return "<h2>Deficiencies</h2>" + table(("", "What did not hold, or is not known"), rows)


def _objectives(report: MoveReport) -> str:
    rows = [
        (
            f'<b>{escape(one.name)}</b><br><span class="soft">{escape(one.says)}</span>',
            f"{one.objective:g} {escape(one.unit)}",
            escape(_measured(one)),
            _met(one),
        )
        for one in report.objectives
    ]
    return "<h2>Objectives</h2>" + table(("", "Promised", "Measured", ""), rows)


def _measured(one: MoveObjective) -> str:
    return words.NOT_MEASURED if one.measured is None else f"{one.measured:.4g} {one.unit}"


def _met(one: MoveObjective) -> str:
    if one.met is None:
        return chip(words.UNKNOWN, "unknown")
    return chip("met", "pass") if one.met else chip("missed", "fail")


def _checks(report: MoveReport) -> str:
    rows = [
        (
            chip(check.verdict, check.verdict),
            f'<b>{escape(check.name)}</b><br><span class="soft">{escape(check.checked)}</span>',
            escape(check.witness),
        )
        for check in report.checks
    ]
    return "" if not rows else "<h2>Checks</h2>" + table(("", "Read back", "Witness"), rows)


def _steps(report: MoveReport) -> str:
    rows = [
        (
            escape(step.step),
            words.seconds(step.seconds),
            f"{step.budget_s:g} s",
            escape(", ".join(step.by)),
        )
        for step in report.steps
    ]
    heads = ("Step", "Took", "Budget", "By")
    return "" if not rows else "<h2>Steps</h2>" + _bars(report.steps) + table(heads, rows)


def _bars(steps: tuple[StepTime, ...]) -> str:
    """How the time divides, as one line of text per step that took a share of it."""
    total = sum(step.seconds or 0.0 for step in steps)
    if not total:
        return ""
    told = [
        f"{step.step} {100 * (step.seconds or 0.0) / total:.0f} %"
        for step in steps
        if (step.seconds or 0.0) >= total / 100
    ]
    return f'<p class="soft">{total:.2f} s in all: {escape(", ".join(told))}.</p>'


def _data(report: MoveReport) -> str:
    found = report.data
    rows = [
        ("Money of the entries posted again, minor units", escape(words.money(dict(found.money)))),
        ("Payments seen unconfirmed", _named(found.unconfirmed)),
        ("Entries posted again", _named(found.posted)),
    ]
    return "<h2>What the promoted ledger lacked, and has since</h2>" + table(("", ""), rows)


def _named(names: tuple[str, ...]) -> str:
    if not names:
        return "none"
    shown = " ".join(f"<code>{escape(name)}</code>" for name in names[:_NAMED_MAX])
    more = len(names) - _NAMED_MAX
    tail = f" and {more:,} more, in the JSON" if more > 0 else ""
    return (
        f"<details><summary>{len(names):,}</summary>"
        f'<div style="overflow-wrap:anywhere">{shown}{tail}</div></details>'
    )


def _decisions(report: MoveReport) -> str:
    rows = list(_decided(report))
    return "<h2>Who decided</h2>" + table(("", "Who", "When, what"), rows)


def _decided(report: MoveReport) -> Iterator[tuple[str, str, str]]:
    move = report.move
    yield "asked for it", escape(move.started_by), f"{_at(move.started_at)}: {escape(move.reason)}"
    for approval in move.approvals:
        yield "approved the promotion", escape(approval.by), _at(approval.at)
    for name in move.overrides:
        yield "took upon themselves", escape(move.started_by), escape(name)
    yield "wrote this report", escape(report.written_by), _at(report.written_at)


def _timeline(report: MoveReport) -> str:
    began = report.move.started_at
    rows = [
        (
            f"{line.at - began:.3f}",
            escape(line.step),
            escape(line.event.value),
            escape(line.detail),
            escape(line.by),
        )
        for line in report.timeline
    ]
    events = table(("s", "Step", "Event", "Detail", "By"), rows)
    return f"<h2>Timeline</h2><details open><summary>{len(rows)} events</summary>{events}</details>"


def _answers(report: MoveReport) -> str:
    rows = [(escape(a.framework), escape(a.item), escape(a.answer)) for a in report.answers]
    return (
        "<h2>What auditors ask</h2><p class='soft'>Evidence for these items; it is no statement "
        "that they are met.</p>" + table(("", "Item", "Where in this report"), rows)
    )


def _footer(report: MoveReport, sha256: str) -> str:
    attached = "".join(
        f"<li>{escape(name)} <code>{escape(digest)}</code></li>"
        for name, digest in sorted(report.attachments.items())
    )
    before = report.chain.previous_sha256
    previous = "It is the first." if before is None else f"The one before it has {before}."
    seconds = ""
    if report.scope.platform != "aws":
        seconds = "<p>Measured in a lab on one machine: these seconds are not those of AWS.</p>"
    return (
        f"<footer>{seconds}<p>SHA-256 of this report as canonical JSON: <code>{escape(sha256)}"
        f"</code>. {escape(previous)} Settings <code>{escape(report.settings_sha256)}</code>, code "
        f"<code>{escape(report.code_sha256)}</code>.</p>"
        f'<ul class="witness">{attached}</ul>'
        "<p>Amounts are minor units. Check the whole chain with <code>payment-dr evidence verify "
        "DIRECTORY</code>.</p></footer>"
    )


def _at(unix_s: float) -> str:
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
