"""`payment-dr evidence list|fetch|verify`: the reports of moves, and whether they are untouched."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from payment_dr.adapters.evidence_directory import kept_of, read_directory, write_object
from payment_dr.adapters.report_chain import CHAIN, verify_runs
from payment_dr.cli import options
from payment_dr.cli.talk import say
from payment_dr.cli.target import Target, Where, target_of
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.functions.desk import evidence_of
from payment_dr.recovery.evidence_chain import Kept, Link, Problem, ProblemKind, report_name, verify
from payment_dr.report.move_page import move_page

Directory = Annotated[
    Path | None, typer.Argument(help="A copy of the evidence; else it is read from the target.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading(Where):
    """Options of what reads evidence."""

    directory: Directory = None
    as_json: AsJson = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetching(Where):
    """Options of `fetch`."""

    directory: Annotated[Path, typer.Argument(help="Where to write it.")]
    as_json: AsJson = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What was verified in one place: how many reports, the latest's SHA-256, what is wrong."""

    place: str
    reports: int
    last_sha256: str | None
    problems: tuple[Problem, ...]


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    evidence = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="List, fetch and verify the reports of moves and drills.",
        epilog="Start with: payment-dr evidence list --lab mine",
    )
    options.add(
        evidence, "list", Reading, list_reports, epilog="Example: payment-dr evidence list copied"
    )
    options.add(
        evidence,
        "fetch",
        Fetching,
        fetch,
        epilog="Example: payment-dr evidence fetch copied --target aws",
    )
    options.add(
        evidence,
        "verify",
        Reading,
        verify_reports,
        epilog="Examples: payment-dr evidence verify copied; payment-dr evidence verify reports",
    )
    app.add_typer(evidence, name="evidence")


def list_reports(given: Reading) -> None:
    """List the reports of moves, oldest first in each site."""
    rows = [_row(place, link) for place, kept in _kept(given).items() for link in verify(kept)[0]]
    if given.as_json:
        sys.stdout.write(_json(rows))
        return
    for row in rows:
        sys.stdout.write(
            f"{row['place']:8} {row['number']:5}  {row['end']:10} {row['move_id']:24} "
            f"{row['from']} -> {row['to']}, {row['deficiencies']} deficiencies, {row['by']}: "
            f"{row['reason']}\n"
        )
    say(f"{len(rows)} reports")


def fetch(given: Fetching) -> None:
    """Copy the evidence of both sites into a directory, and write a page beside each report.

    Exit code 1 when a site does not answer; what was fetched of the other one stays.
    """
    target = target_of(given)
    files = 0
    silent: list[str] = []
    for site in target.environments:
        try:
            objects = _objects(target, site)
        except UnavailableError as error:
            silent.append(site)
            say(f"error: {site} does not answer: {error.what}")
            continue
        for key, body in objects:
            write_object(given.directory, site, key, body)
            files += 1
        for link in verify(kept_of(objects))[0]:
            key = f"reports/{report_name(link.number).removesuffix('.json')}.html"
            write_object(given.directory, site, key, move_page(link.report, link.sha256))
    if given.as_json:
        document = {"directory": str(given.directory), "files": files, "silent": silent}
        sys.stdout.write(_json(document))
    say(f"{files} files are in {given.directory}; payment-dr evidence verify {given.directory}")
    if silent:
        raise typer.Exit(1)


def verify_reports(given: Reading) -> None:
    """Find reports that were changed, taken away, reordered or inserted; works without a network.

    A directory of drills is verified by its chain.jsonl. Whoever may rewrite every file is not
    found out from the files: compare the last SHA-256 with the run log or the audit log.

    Exit code 1 when anything contradicts the chain, or there is nothing to verify.
    """
    found: list[Verified] = []
    if given.directory is not None and (given.directory / CHAIN).is_file():
        found.append(_drills(given.directory))
    else:
        found += [_verified(place, kept) for place, kept in _kept(given).items()]
    if given.as_json:
        sys.stdout.write(_json([asdict(one) for one in found]))
    else:
        sys.stdout.write("".join(_text(one) for one in found))
    if any(one.problems for one in found) or not any(one.reports for one in found):
        raise typer.Exit(1)


def _kept(given: Reading) -> Mapping[str, Kept]:
    if given.directory is not None:
        return read_directory(given.directory)
    target = target_of(given)
    found: dict[str, Kept] = {}
    for site in target.environments:
        try:
            found[site] = kept_of(_objects(target, site))
        except UnavailableError as error:
            say(f"warning: {site} does not answer, and is left out: {error.what}")
    if not found:
        raise PaymentDrError("no site's evidence answers", remedy="verify a copy of it")
    return found


def _objects(target: Target, site: str) -> list[tuple[str, str]]:
    return list(evidence_of(target.environments[target.require(site)]).everything())


def _verified(place: str, kept: Kept) -> Verified:
    links, problems = verify(kept)
    last = max(links, key=lambda link: link.number, default=None)
    return Verified(
        place=place,
        reports=len(links),
        last_sha256=None if last is None else last.sha256,
        problems=problems,
    )


def _drills(reports: Path) -> Verified:
    lines, problems = verify_runs(reports)
    return Verified(place=str(reports), reports=len(lines), last_sha256=None, problems=problems)


def _row(place: str, link: Link) -> dict[str, Any]:
    report = link.report
    return {
        "place": place,
        "number": link.number,
        "sha256": link.sha256,
        "move_id": report.move.move_id,
        "kind": report.move.kind,
        "end": report.end,
        "from": report.scope.source,
        "to": report.scope.target,
        "by": report.move.started_by,
        "reason": report.move.reason,
        "written_at": report.written_at,
        "deficiencies": len(report.deficiencies),
    }


def _text(one: Verified) -> str:
    head = f"{one.place}: {one.reports} reports"
    if not one.problems:
        tail = "" if one.last_sha256 is None else f", the last has SHA-256 {one.last_sha256}"
        return f"{head}, nothing contradicts their chain{tail}\n"
    lines = [f"  {kind_of(problem.kind)} {problem.name} {problem.says}" for problem in one.problems]
    return "\n".join([f"{head}, {len(one.problems)} contradictions", *lines]) + "\n"


def kind_of(kind: ProblemKind) -> str:
    """For a table."""
    return f"{kind:10}"


def _json(document: object) -> str:
    return json.dumps(document, indent=2) + "\n"
