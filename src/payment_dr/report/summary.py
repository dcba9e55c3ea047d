"""The end of a drill in the terminal: verdict, objectives, what failed, and where to look."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from payment_dr.report import words
from payment_dr.report.model import ClaimReport, Report, WitnessReport

STYLES: Final = {"pass": "green", "fail": "bold red", "unknown": "yellow"}


def summary(report: Report, path: Path) -> RenderableType:
    """What became of a run, and `path` of its page."""
    word, style = words.outcome(report)
    head = Text.assemble((f"{report.scenario} ({report.design}): ", "bold"), (word, STYLES[style]))
    parts: list[RenderableType] = [head, Text(words.headline(report))]
    if report.objectives:
        parts += [Text(), _objectives(report)]
    if broken := [claim for claim in report.claims if claim.verdict != "pass"]:
        parts += [Text(), claims_table(broken)]
    held = sum(claim.verdict == "pass" for claim in report.claims)
    parts += [Text(), Text(f"{held} of {len(report.claims)} claims hold. Report: {path}")]
    return Group(*parts)


def _objectives(report: Report) -> Table:
    table = _table("Objective", "Promised", "Measured", "")
    for objective in report.objectives:
        table.add_row(
            Text(objective.name),
            Text(f"{objective.objective:g} {objective.unit}"),
            Text(words.measured(objective)),
            Text(words.objective_word(objective), style="" if objective.met else "yellow"),
        )
    return table


def claims_table(claims: Iterable[ClaimReport]) -> Table:
    """Claims with their verdicts, and a witness of what broke them."""
    table = _table("Verdict", "Claim", "Violations", "Worst")
    for claim in claims:
        worst = claim.reason if claim.witness is None else _witness(claim.witness.worst)
        table.add_row(
            Text(claim.verdict, style=STYLES[claim.verdict]),
            Text(claim.name),
            Text(f"{claim.violations:,}"),
            Text(worst),
        )
    return table


def _witness(witness: WitnessReport) -> str:
    who = "" if witness.payment_id is None else f"{witness.payment_id}: "
    money = "" if witness.currency is None else f"{witness.minor_units:,} {witness.currency}, "
    return f"{who}{money}{witness.detail}"


def comparison(ours: Report, theirs: Report) -> Table:
    """Two designs under the same load, fault and seed."""
    table = _table("", ours.design, theirs.design)
    rows = zip(words.COMPARED, words.compared(ours), words.compared(theirs), strict=True)
    for name, our, their in rows:
        table.add_row(Text(name), Text(our), Text(their))
    return table


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(Text(head), overflow="fold")
    return table
