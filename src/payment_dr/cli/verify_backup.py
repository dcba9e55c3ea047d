"""`payment-dr verify-backup`: restores the backups of a site and checks them, now."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.function_call import call
from payment_dr.checks.backup_documents import VERIFICATION_EVIDENCE, VerificationEvidence
from payment_dr.checks.verdict import Verdict
from payment_dr.cli import options
from payment_dr.cli.talk import duration, say
from payment_dr.cli.target import Target, Where, lab_directory, target_of
from payment_dr.core.clock import Clock
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.stamp import SiteName
from payment_dr.functions.backup_pass import LIMIT_S
from payment_dr.functions.composition import aws_client
from payment_dr.lab.addresses import Addresses
from payment_dr.lab.http_call import call_json

LONGEST_S: Final = 2 * LIMIT_S
"""Both backups of a site, each as long as it may take."""

_PASS_S: Final = 910.0
"""A call of the function ends within the 15 minutes that Lambda allows."""

_PAUSE_AWS_S: Final = 20.0
_PAUSE_LAB_S: Final = 0.1

Advance = Callable[[str, str], Mapping[str, Any]]
"""One pass at a site, of a run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verifying(Where):
    """Options of `verify-backup`."""

    site: Annotated[
        str | None, typer.Option(metavar="SITE", help="Whose backups; by default of both.")
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    options.add(
        app,
        "verify-backup",
        Verifying,
        verify_backup,
        epilog="Example: payment-dr verify-backup --lab mine --site east",
    )


def verify_backup(given: Verifying) -> None:
    """Restore the latest snapshot and a point in time, check them, and delete them again.

    What the schedule does each day, now: evidence and metrics are the same, and readiness reads
    them. On AWS it takes about an hour a site and costs a small cluster for as long; Ctrl-C only
    ends this view, and the schedule deletes what is left. In a lab it restores a base backup and
    the archived log as a PostgreSQL of its own. Exit code 1 when a backup does not pass.
    """
    target = target_of(given)
    sites = tuple(target.environments) if given.site is None else (target.require(given.site),)
    clock = SystemClock()
    run = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    is_lab = all(environment.aws is not None for environment in target.environments.values())
    advance = _in_lab(given) if is_lab else _on_aws(target)
    pause_s = _PAUSE_LAB_S if is_lab else _PAUSE_AWS_S
    found = [one for site in sites for one in follow(advance, site, run, clock, pause_s)]
    if given.as_json:
        documents = [VERIFICATION_EVIDENCE.dump_python(one, mode="json") for one in found]
        sys.stdout.write(json.dumps({"run": run, "verifications": documents}, indent=2) + "\n")
    else:
        sys.stdout.write(table(found))
    if any(one.verdict is not Verdict.PASS for one in found):
        raise typer.Exit(1)


def follow(
    advance: Advance, site: str, run: str, clock: Clock, pause_s: float
) -> tuple[VerificationEvidence, ...]:
    """Pass after pass until the site's run is over, telling each; its evidence.

    Raises:
        PaymentDrError: a pass failed, or there is no verdict in `LONGEST_S`.
    """
    begun = clock.monotonic()
    while (took := clock.monotonic() - begun) < LONGEST_S:
        say(f"{site}, after {duration(took)}: {_next_of(took)}")
        document = advance(site, run)
        for did in document["did"]:
            say(f"  {did}")
        if document["verdicts"]:
            return tuple(VERIFICATION_EVIDENCE.validate_python(one) for one in document["verdicts"])
        clock.sleep(pause_s)
    raise PaymentDrError(
        f"no verdict on the backups of {site} within {duration(LONGEST_S)}",
        remedy="read the log of the function backup-verification",
    )


def _next_of(took_s: float) -> str:
    return "the next pass" if took_s else "the first pass"


def table(found: Sequence[VerificationEvidence]) -> str:
    """A line for each backup, and one for each claim that does not hold."""
    lines: list[str] = []
    for one in found:
        lines.append(
            f"{one.site:10} {one.point.kind:14} {one.verdict:8} {one.entries} entries, restored in "
            f"{_seconds(one.restore_s)}, checked in {_seconds(one.check_s)}, newest entry "
            f"{_seconds(one.newest_age_s)} before the backup"
        )
        for claim in one.claims:
            if claim.verdict is not Verdict.PASS:
                why = "" if claim.first is None else f": {claim.first.detail}"
                lines.append(f"  {claim.name} {claim.verdict}{why}")
    return "".join(f"{line}\n" for line in lines)


def _seconds(value: float | None) -> str:
    return "- s" if value is None else f"{value:.1f} s"


def _in_lab(given: Where) -> Advance:
    port = Addresses.read(lab_directory(given.lab)).control_port

    def advance(site: str, run: str) -> Any:
        path = f"/sites/{site}/backup-verification"
        return call_json(port, "POST", path, {"run": run}, timeout_s=_PASS_S)

    return advance


def _on_aws(target: Target) -> Advance:
    def advance(site: str, run: str) -> Any:
        environment = target.environments[SiteName(site)]
        name = target.settings.resource("backup-verification", SiteName(site))
        return call(aws_client(environment, "lambda", tight(_PASS_S)), name, {"run": run})

    return advance
