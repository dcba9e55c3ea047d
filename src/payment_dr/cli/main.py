"""The `payment-dr` command: assembles the subcommands and turns errors into exit codes.

Exit codes: 0 done and every claim holds; 1 it ran, and a claim does not hold or the work failed;
2 it could not run: bad input or settings; 130 interrupted.
"""

import sys
from importlib import import_module

import typer

from payment_dr.cli.commands import BY_NAME, COMMANDS
from payment_dr.core.errors import PaymentDrError


def build(only: str | None = None) -> typer.Typer:
    """The application.

    Args:
        only: a subcommand: nothing but its module is imported, which is most of what a short
            command takes. With None all of them are there.
    """
    app = _empty()
    modules = [c.module for c in COMMANDS] if only is None else [BY_NAME[only].module]
    for name in dict.fromkeys(modules):
        import_module(f"payment_dr.cli.{name}").register(app)
    return app


def overview() -> typer.Typer:
    """The application with names and summaries only: for help, and to refuse what is no command."""
    app = _empty()
    for command in COMMANDS:
        app.command(command.name, help=command.summary)(_nothing)
    return app


def main() -> None:
    """Run the command line; never shows a traceback for an error that has a remedy."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        (build(name) if name in BY_NAME else overview())()
    except PaymentDrError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)


def _empty() -> typer.Typer:
    app = typer.Typer(
        name="payment-dr",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        epilog="Start with: payment-dr drill",
    )
    # Also keeps Typer from folding an application of one command into that command.
    app.callback()(_group)
    return app


def _group() -> None:
    """Multi-region disaster recovery for a payment service, and a lab that measures it."""


def _nothing() -> None:  # pragma: no cover - stands for commands, and is never called
    """Stands for a command whose module is not imported; it is never called."""
