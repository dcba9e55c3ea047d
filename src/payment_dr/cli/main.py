"""The `payment-dr` command: assembles the subcommands and turns errors into exit codes.

Exit codes: 0 done and every claim holds; 1 it ran, and a claim does not hold or the work failed;
2 it could not run: bad input or settings; 130 interrupted.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Final

import typer

from payment_dr.core.errors import PaymentDrError

MODULES: Final[Mapping[str, str]] = {
    "drill": "drill",
    "lab": "lab",
    "check": "check",
    "status": "move",
    "failover": "move",
    "switchover": "move",
    "failback": "move",
    "resume": "move",
    "approve": "move",
    "abort": "move",
    "lint": "lint",
    "package": "package",
    "cost": "cost",
    "synth": "synth",
    "diff": "diff",
    "deploy": "deploy",
    "destroy": "destroy",
    "outputs": "outputs",
    "settings": "settings",
}
"""The module of `payment_dr.cli` that registers a subcommand; tests/repo keeps it whole."""


def build(only: str | None = None) -> typer.Typer:
    """The application.

    Args:
        only: a subcommand: nothing but its module is imported, which is most of what a short
            command takes. With None, or what is no subcommand, all of them are there.
    """
    app = typer.Typer(
        name="payment-dr",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        epilog="Start with: payment-dr drill",
    )
    # Also keeps Typer from folding an application of one command into that command.
    app.callback()(_group)
    known = MODULES.get(only or "")
    wanted = [known] if known else dict.fromkeys(MODULES.values())
    for name in wanted:
        import_module(f"payment_dr.cli.{name}").register(app)
    return app


def _group() -> None:
    """Multi-region disaster recovery for a payment service, and a lab that measures it."""


def main() -> None:
    """Run the command line; never shows a traceback for an error that has a remedy."""
    try:
        build(sys.argv[1] if len(sys.argv) > 1 else None)()
    except PaymentDrError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
