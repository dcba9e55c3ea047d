"""The `payment-dr` command: assembles the subcommands and turns errors into exit codes.

Exit codes: 0 done and every claim holds; 1 it ran, and a claim does not hold or the work failed;
2 it could not run: bad input or settings; 130 interrupted.
"""

import sys

import typer

from payment_dr.cli import check, drill, lab, move, settings
from payment_dr.core.errors import PaymentDrError


def build() -> typer.Typer:
    """The application with every subcommand."""
    app = typer.Typer(
        name="payment-dr",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Multi-region disaster recovery for a payment service, and a lab that measures it.",
        epilog="Start with: payment-dr drill",
    )
    for command in (drill, lab, check, move, settings):
        command.register(app)
    return app


def main() -> None:
    """Run the command line; never shows a traceback for an error that has a remedy."""
    try:
        build()()
    except PaymentDrError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
