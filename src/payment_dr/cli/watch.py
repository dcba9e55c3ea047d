"""`payment-dr watch`: follow a move that somebody else runs."""

from dataclasses import dataclass
from typing import Annotated

import typer

from payment_dr.cli import options
from payment_dr.cli.moving import conclude, watcher
from payment_dr.cli.target import Where, target_of
from payment_dr.cli.watching import longest_s
from payment_dr.core.errors import PaymentDrError
from payment_dr.recovery.plan import plan_for


@dataclass(frozen=True, kw_only=True, slots=True)
class Watching(Where):
    """Options of `watch`."""

    move_id: Annotated[
        str | None, typer.Argument(help="The move's name; the latest one if not given.")
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print how it ended as JSON.")] = False


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    options.add(app, "watch", Watching, watch, epilog="Example: payment-dr watch --lab mine")


def watch(given: Watching) -> None:
    """Follow a move until it ends, with the time and the budget of each step.

    It changes nothing.

    Exit code 0 when every step is done, 1 when it ended otherwise.
    """
    target = target_of(given)
    move = target.ask(lambda recovery: recovery.world.control.read()).move
    if move is None or given.move_id not in {None, move.move_id}:
        there = "there is none" if move is None else f"the latest is {move.move_id}"
        raise PaymentDrError(
            f"no move {given.move_id or ''} to watch: {there}", remedy="payment-dr status"
        )
    plan = plan_for(move.kind, target.settings.failover.budgets)
    with target.at(move.target) as recovery:
        found = watcher(recovery.world, move.move_id, plan, None).follow(longest_s(plan))
    conclude(found, as_json=given.as_json)
