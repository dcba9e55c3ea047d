"""`payment-dr drill`: the main job."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from payment_dr.adapters import settings_file
from payment_dr.adapters.report_chain import append_run
from payment_dr.lab import scenario as scenarios
from payment_dr.lab.drill.design import Design
from payment_dr.lab.drill.run import Order, new_seed, run_drill
from payment_dr.lab.drill.verdict import judge, point_latest
from payment_dr.lab.scenario import Scenario
from payment_dr.report.files import report_text
from payment_dr.report.live import LiveView
from payment_dr.report.model import Comparison, Report
from payment_dr.report.summary import comparison, summary
from payment_dr.report.terminal import console

NOT_CAUGHT = 3
"""Exit code when a negative control's planted fault went unnoticed."""


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command(
        "drill",
        epilog="Examples: payment-dr drill; payment-dr drill switchover --seed 7; "
        "payment-dr drill --compare --json; payment-dr drill acknowledge-before-commit",
    )(drill)


def drill(
    scenario: Annotated[
        str, typer.Argument(help="Name of a scenario (see --list), or a TOML file.")
    ] = "region-loss",
    *,
    design: Annotated[
        Design, typer.Option(help="What an acknowledgement rests on.")
    ] = Design.RECORD_FIRST,
    compare: Annotated[
        bool, typer.Option("--compare", help="Run both designs and set them side by side.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of load and faults; random if not given.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=1, max=2000, help="New payments per second.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="Settings file; the development example if not given.")
    ] = None,
    reports: Annotated[Path, typer.Option(help="Directory that holds the runs.")] = Path("reports"),
    json: Annotated[
        bool, typer.Option("--json", help="Print report.json to standard output.")
    ] = False,
    show_list: Annotated[bool, typer.Option("--list", help="List the scenarios.")] = False,
) -> None:
    """Lose a site under load, fail over, bring it back, check every payment, and report.

    Exit code 0 only if every claim holds; with --compare, of payment-dr's own run. A negative
    control must exit with 1; 3 means that its planted fault was not caught.
    """
    if show_list:
        _list()
        return
    chosen = _with_rate(scenarios.load(scenario), rate)
    used = (
        settings_file.example("development") if settings is None else settings_file.load(settings)
    )
    seed = new_seed() if seed is None else seed
    designs = tuple(reversed(Design)) if compare else (design,)
    runs: list[tuple[Report, Path]] = []
    for one in designs:
        order = Order(scenario=chosen, design=one, seed=seed, settings=used, reports=reports)
        runs.append(_run(order, runs[-1][0] if runs else None))
    ours, theirs = runs[-1], runs[0]
    point_latest(ours[1])
    _show(ours, theirs[0] if compare else None, json=json)
    raise typer.Exit(_exit_code(ours[0]))


def _run(order: Order, other: Report | None) -> tuple[Report, Path]:
    title = f"drill {order.scenario.name}, {order.design}, seed {order.seed}"
    with LiveView(sys.stderr, title=title) as view:
        directory = run_drill(order, view)
        view.event("judging the evidence")
        report = judge(directory, other=other)
    append_run(directory)
    return report, directory


def _show(ours: tuple[Report, Path], theirs: Report | None, *, json: bool) -> None:
    report, directory = ours
    out = console(sys.stderr if json else sys.stdout)
    out.print(summary(report, directory))
    if theirs is not None:
        out.print(comparison(report, theirs))
    if json and theirs is not None:
        sys.stdout.write(report_text(Comparison(runs=(report, theirs))))
    elif json:
        sys.stdout.write(report_text(report))


def _exit_code(report: Report) -> int:
    control = report.negative_control
    if control is not None and not control.caught:
        return NOT_CAUGHT
    return 0 if report.verdict == "pass" else 1


def _with_rate(scenario: Scenario, rate: float | None) -> Scenario:
    if rate is None:
        return scenario
    return scenario.model_copy(
        update={"load": scenario.load.model_copy(update={"rate_per_s": rate})}
    )


def _list() -> None:
    for name in scenarios.names():
        one = scenarios.load(name)
        control = " (negative control: must fail)" if one.negative_control else ""
        sys.stdout.write(f"{name}: {one.summary}{control}\n")
