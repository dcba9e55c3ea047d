"""`payment-dr audit`: who did what, when, with which approval or override."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.evidence_store import AUDIT
from payment_dr.cli import options
from payment_dr.cli.talk import say
from payment_dr.cli.target import Target, Where, target_of
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.functions.desk import evidence_of
from payment_dr.recovery.audit import AUDIT_ENTRY, AuditEntry, compare_copies, verify_log
from payment_dr.recovery.evidence_chain import Problem

_AGES: Final = {"m": 60, "h": 3600, "d": 86_400}
_AGE: Final = re.compile(r"([0-9]{1,6})([mhd])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Auditing(Where):
    """Options of `audit`."""

    since: Annotated[
        str | None,
        typer.Option(metavar="AGE|TIME", help="Only since then: 90m, 12h, 7d or 2026-01-31."),
    ] = None
    copies: Annotated[
        bool, typer.Option("--copies", help="Compare with the copies in the evidence buckets.")
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    options.add(
        app, "audit", Auditing, audit, epilog="Example: payment-dr audit --since 7d --target aws"
    )


def audit(given: Auditing) -> None:
    """Print who did what, when, with which approval, and whether the log is whole.

    Entries are written once and chained. Who may change the table can rewrite all of it: compare
    with the copies, which are under object lock on AWS.

    Exit code 1 when something contradicts an append-only log.
    """
    target = target_of(given)
    since = 0.0 if given.since is None else since_of(given.since, SystemClock().now())
    entries = target.ask(lambda recovery: target.desk(recovery).audit.entries())
    problems = verify_log(entries)
    if given.copies:
        problems += _copies(target, entries)
    shown = [entry for _, entry in sorted(entries.items()) if entry.deed.at >= since]
    if given.as_json:
        document = {
            "entries": [AUDIT_ENTRY.dump_python(entry, mode="json") for entry in shown],
            "problems": [asdict(problem) for problem in problems],
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        sys.stdout.write("".join(line_of(entry) for entry in shown))
    for problem in problems:
        say(f"error: {problem.kind}: {problem.name} {problem.says}")
    if problems:
        raise typer.Exit(1)


def since_of(text: str, now: float) -> float:
    """Unix seconds of an age such as `7d`, or of a date or time, UTC unless it says otherwise.

    Raises:
        PaymentDrError: it is neither.
    """
    age = _AGE.fullmatch(text)
    if age is not None:
        return now - int(age[1]) * _AGES[age[2]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise PaymentDrError(
            f"--since {text!r} is no age and no time", remedy="e.g. 90m, 12h, 7d or 2026-01-31"
        ) from error
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def line_of(entry: AuditEntry) -> str:
    """One entry for people."""
    deed = entry.deed
    who = deed.who if deed.identity is None else f"{deed.who} ({deed.identity})"
    parts = [
        f"{entry.number:6}  {datetime.fromtimestamp(deed.at, UTC):%Y-%m-%d %H:%M:%S}Z",
        f"{deed.event:10} {deed.command:10} {deed.move_id}",
        f"to {deed.site}, by {who} on {deed.host}: {deed.reason}",
    ]
    if deed.overrides:
        parts.append(f"overrides {', '.join(deed.overrides)}")
    if deed.approvals:
        parts.append(f"approved by {', '.join(deed.approvals)}")
    if deed.detail:
        parts.append(f"-> {deed.detail.splitlines()[0]}")
    return "  ".join(parts) + "\n"


def _copies(target: Target, entries: Mapping[int, AuditEntry]) -> tuple[Problem, ...]:
    found: tuple[Problem, ...] = ()
    for site, environment in target.environments.items():
        try:
            kept = [
                AUDIT_ENTRY.validate_json(body)
                for key, body in evidence_of(environment).everything()
                if key.startswith(AUDIT)
            ]
        except UnavailableError as error:
            say(f"warning: the copies of {site} do not answer: {error.what}")
            continue
        found += compare_copies(entries, kept, f"the bucket of {site}")
    return found
