"""`payment-dr outputs`: what a deployment is called and where it is, for people and for tests."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from payment_dr.cli.deploy_view import Watch
from payment_dr.cli.stacks import (
    SETTINGS,
    AsJson,
    EngineChoice,
    Only,
    Out,
    SettingsFile,
    Where,
    failing,
    prepare,
)
from payment_dr.cli.talk import say
from payment_dr.infra import outputs as flat_outputs
from payment_dr.infra.deployment import Deployment
from payment_dr.infra.deployment_order import choose
from payment_dr.infra.synthesis import OUT


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("outputs", epilog="Example: payment-dr outputs --write --settings prod.toml")(
        outputs
    )


def outputs(
    *,
    settings: SettingsFile = SETTINGS,
    only: Only = None,
    write: Annotated[
        bool, typer.Option("--write", help=f"Also write {flat_outputs.FILE}.")
    ] = False,
    engine: EngineChoice = None,
    out: Out = OUT,
    as_json: AsJson = False,
) -> None:
    """Print the outputs of every stack as the states have them, sensitive ones left out.

    Exit code 1 when a state cannot be read.
    """
    prepared = prepare(Where(settings=settings, out=out, engine=engine))
    deployment = Deployment(
        stacks=choose(prepared.synthesis.stacks, only=only),
        engine=prepared.engine,
        audience=Watch(yes=False, out=sys.stderr),
    )
    with failing():
        values = read_outputs(deployment, write=write)
    sys.stdout.write(flat_outputs.text(values) if as_json else _text(values))


def read_outputs(deployment: Deployment, *, write: bool) -> dict[str, Any]:
    """Outputs of the deployment's stacks under their flat names; written to the file if wanted.

    Raises:
        EngineError: a state cannot be read.
    """
    found = deployment.outputs()
    empty = [stack for stack, values in found.items() if not values]
    if empty:
        say(f"nothing is deployed of {', '.join(empty)}")
    values = flat_outputs.flat(found)
    if write:
        flat_outputs.write(values, flat_outputs.FILE)
        say(f"{len(values)} outputs are in {flat_outputs.FILE}")
    return values


def _text(values: Mapping[str, Any]) -> str:
    width = max((len(name) for name in values), default=0)
    return "".join(f"{name:{width}}  {value}\n" for name, value in values.items())
