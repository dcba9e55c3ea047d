"""`payment-dr settings`: check a settings file, or print an example to start from."""

import sys
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated

import typer

from payment_dr.adapters.settings_file import example_text, load


@unique
class ExampleName(StrEnum):
    """The examples that come with payment-dr."""

    DEVELOPMENT = "development"
    REHEARSAL = "rehearsal"
    PRODUCTION = "production"


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command(
        "settings",
        epilog="Examples: payment-dr settings --example production > payment-dr.toml; "
        "payment-dr settings payment-dr.toml",
    )(settings)


def settings(
    file: Annotated[
        Path | None, typer.Argument(help="TOML file to check; its values are printed as JSON.")
    ] = None,
    example: Annotated[
        ExampleName | None, typer.Option(help="Print this example instead, as TOML.")
    ] = None,
) -> None:
    """Check a settings file under the environment's overrides, or print an example."""
    if file is not None and example is None:
        sys.stdout.write(load(file).model_dump_json(indent=2) + "\n")
    elif file is None and example is not None:
        sys.stdout.write(example_text(example.value))
    else:
        raise typer.BadParameter("give a FILE or --example, one of the two")
