"""`payment-dr rebuild-ledger`: completes a restored or empty ledger from the payments table."""

from dataclasses import dataclass
from typing import Annotated

import typer

from payment_dr.cli import options
from payment_dr.cli.move import carry_out
from payment_dr.cli.move_options import Home
from payment_dr.cli.target import target_of
from payment_dr.recovery.control import MoveKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored(Home):
    """Options of a rebuild."""

    at: Annotated[str, typer.Option(help="The site whose ledger is restored, or made anew.")]


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    options.add(
        app,
        "rebuild-ledger",
        Restored,
        rebuild_ledger,
        epilog="Example: payment-dr rebuild-ledger --at west --target aws --yes-move-to west "
        "--reason 'both ledgers lost, snapshot of Monday'",
    )


def rebuild_ledger(given: Restored) -> None:
    """Complete an older backup, or an empty database, from the payments table.

    Start it before the restored database gets the ledger's name. It stops posting and confirming,
    waits for the database, scans every payment twice, to post and to compare, and opens the ledger.
    Interrupted, it goes on with payment-dr resume. Exit code 0 when every step is done, 1 when it
    is unfinished or refused.
    """
    target = target_of(given)
    carry_out(target, given, MoveKind.REBUILD, target.require(given.at))
