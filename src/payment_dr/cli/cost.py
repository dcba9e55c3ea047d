"""`payment-dr cost`: what a deployment costs in a month, and what each choice would change."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from rich.table import Table

from payment_dr.adapters.settings_file import load
from payment_dr.cli.talk import as_json
from payment_dr.core.settings import Settings
from payment_dr.infra.cost.choices import Choice, choices
from payment_dr.infra.cost.estimate import Estimate, estimate
from payment_dr.infra.cost.prices import Prices
from payment_dr.infra.cost.quantities import synthesized
from payment_dr.report.terminal import console


class LineReport(Struct, frozen=True, kw_only=True):
    """An item of the bill: `quantity` of `unit` at `price_usd` each."""

    scope: str
    item: str
    quantity: float
    unit: str
    price_usd: float
    month_usd: float


class ChoiceReport(Struct, frozen=True, kw_only=True):
    """Another setting: its bill, and the difference to that of the settings."""

    name: str
    month_usd: float
    difference_usd: float
    price_of_it: str


class CostReport(Struct, frozen=True, kw_only=True):
    """What `--json` prints."""

    prices_of: str
    region: str
    payments_per_month: float
    month_usd: float
    scopes: dict[str, float]
    lines: tuple[LineReport, ...]
    choices: tuple[ChoiceReport, ...]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command(
        "cost",
        epilog="Examples: payment-dr cost; payment-dr cost --payments 5000000 --json",
    )(cost)


def cost(
    settings: Annotated[Path, typer.Option(help="Settings file.")] = Path("payment-dr.toml"),
    payments: Annotated[float, typer.Option(min=0, help="Payments in a month.")] = 1_000_000,
    json: Annotated[bool, typer.Option("--json", help="Print every line as JSON.")] = False,
) -> None:
    """Estimate a month at list prices, by site, and what each choice would change."""
    prices = Prices.packaged()
    wanted = load(settings)
    offered = choices(wanted, prices)
    sys.stderr.write(f"cost: synthesizing the stacks {1 + len(offered)} times\n")
    found = _estimate(wanted, prices, payments)
    others = [(choice, _estimate(choice.settings, prices, payments)) for choice in offered]
    report = _report(found, others, prices, payments)
    if json:
        sys.stdout.write(as_json(report))
    else:
        out = console(sys.stdout)
        out.print(_bill(report))
        out.print(_choices(report))
        sys.stdout.write(
            f"list prices of {report.prices_of} in {report.region}, without tax, discount and "
            f"free tier\n"
        )


def _estimate(settings: Settings, prices: Prices, payments: float) -> Estimate:
    with tempfile.TemporaryDirectory(prefix="payment-dr-cost-") as scratch:
        stacks = synthesized(settings, Path(scratch))
    return estimate(stacks, settings, prices, payments_per_month=payments)


def _report(
    found: Estimate, others: list[tuple[Choice, Estimate]], prices: Prices, payments: float
) -> CostReport:
    return CostReport(
        prices_of=prices.date.isoformat(),
        region=prices.region,
        payments_per_month=payments,
        month_usd=round(found.month, 2),
        scopes={scope: round(found.of(scope), 2) for scope in found.scopes},
        lines=tuple(
            LineReport(
                scope=line.scope,
                item=line.item,
                quantity=round(line.quantity, 3),
                unit=line.unit,
                price_usd=line.price,
                month_usd=round(line.month, 2),
            )
            for line in found.lines
        ),
        choices=tuple(
            ChoiceReport(
                name=choice.name,
                month_usd=round(other.month, 2),
                difference_usd=round(other.month - found.month, 2),
                price_of_it=choice.price_of_it,
            )
            for choice, other in others
        ),
    )


def _bill(report: CostReport) -> Table:
    table = Table("where", "what", title=f"{report.month_usd:,.2f} USD a month")
    for heading in ("quantity", "unit", "USD each", "USD a month"):
        table.add_column(heading, justify="right" if heading != "unit" else "left")
    for scope, total in report.scopes.items():
        for line in report.lines:
            if line.scope == scope:
                table.add_row(
                    scope,
                    line.item,
                    f"{line.quantity:,.1f}",
                    line.unit,
                    f"{line.price_usd:g}",
                    f"{line.month_usd:,.2f}",
                )
        table.add_row(scope, "all", "", "", "", f"{total:,.2f}", end_section=True, style="bold")
    return table


def _choices(report: CostReport) -> Table:
    table = Table("choice", title="What other settings would change")
    table.add_column("USD a month", justify="right")
    table.add_column("what it means")
    for choice in report.choices:
        table.add_row(choice.name, f"{choice.difference_usd:+,.2f}", choice.price_of_it)
    return table
