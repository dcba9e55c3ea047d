"""`payment-dr check`: judge what a run left behind, without the lab that made it."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from payment_dr.adapters.evidence_check import check_directory
from payment_dr.checks.checker import CheckResult
from payment_dr.checks.verdict import Verdict
from payment_dr.cli.talk import as_json
from payment_dr.report.builder import claims_of, data_loss_of, payments_of
from payment_dr.report.model import ClaimReport, DataLoss, Payments
from payment_dr.report.summary import claims_table
from payment_dr.report.terminal import console


class CheckReport(Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    directory: str
    verdict: str
    claims: tuple[ClaimReport, ...]
    payments: Payments
    data_loss: DataLoss
    double_charges: int | None


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command(
        "check",
        epilog="Examples: payment-dr check reports/latest; payment-dr check reports/latest --json",
    )(check)


def check(
    directory: Annotated[
        Path, typer.Argument(help="Directory of a run, as `payment-dr drill` writes it.")
    ],
    json: Annotated[
        bool, typer.Option("--json", help="Print verdicts and figures as JSON.")
    ] = False,
) -> None:
    """Judge every claim about a run from its files; exit code 0 only if all of them pass."""
    result = check_directory(directory)
    if json:
        sys.stdout.write(as_json(_report(directory, result)))
    else:
        console(sys.stdout).print(claims_table(claims_of(result)))
    raise typer.Exit(0 if result.verdict is Verdict.PASS else 1)


def _report(directory: Path, result: CheckResult) -> CheckReport:
    return CheckReport(
        directory=str(directory),
        verdict=result.verdict.value,
        claims=claims_of(result),
        payments=payments_of(result.counts),
        data_loss=data_loss_of(result),
        double_charges=None if result.doubles is None else result.doubles.charges,
    )
