"""`payment-dr destroy`: all of an environment, or nothing of it."""

import sys
from typing import Annotated

import typer

from payment_dr.cli.deploy_view import Watch
from payment_dr.cli.stacks import (
    INTERRUPTED,
    SETTINGS,
    EngineChoice,
    Out,
    SettingsFile,
    Where,
    failing,
    prepare,
)
from payment_dr.cli.talk import interactive, say
from payment_dr.core.errors import PaymentDrError
from payment_dr.infra.deployment import Deployment, StoppedError
from payment_dr.infra.destruction import Destruction, survey
from payment_dr.infra.destruction import destroy as destroy_surveyed
from payment_dr.infra.synthesis import OUT


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("destroy", epilog="Example: payment-dr destroy --settings dev.toml")(destroy)


def destroy(
    *,
    settings: SettingsFile = SETTINGS,
    yes_destroy: Annotated[
        str | None,
        typer.Option(metavar="SUFFIX", help="The environment's suffix, instead of typing it."),
    ] = None,
    engine: EngineChoice = None,
    out: Out = OUT,
) -> None:
    """Destroy everything of an environment, in the reverse order of its deployment.

    Lists what holds data, and refuses before the first thing goes when something would stop it
    on its way. The environment's suffix must be typed. May be run again after a failure.

    Exit code 1 when it was refused, not confirmed or failed; 130 when interrupted.
    """
    where = Where(settings=settings, out=out, engine=engine)
    if yes_destroy is None and not interactive():
        raise PaymentDrError(
            "everything would be destroyed, and nobody is there to confirm it",
            remedy="give --yes-destroy and the environment's suffix",
        )
    prepared = prepare(where)
    suffix = prepared.settings.environment_suffix
    watch = Watch(yes=True, out=sys.stderr)
    deployment = Deployment(
        stacks=prepared.synthesis.stacks,
        engine=prepared.engine,
        audience=watch,
    )
    with failing():
        destruction = survey(deployment, prepared.settings)
        _tell(destruction)
        destruction.require_clear()
        _confirm(suffix, yes_destroy)
    try:
        destroy_surveyed(deployment, destruction)
    except StoppedError as error:
        say(f"\nerror: {error}")
        gone = ", ".join(one.stack for one in error.done) or "nothing"
        say(f"destroyed before: {gone}; of {error.stack}: {watch.so_far()}")
        say(f"to continue: {where.command('destroy')}")
        raise typer.Exit(INTERRUPTED if error.interrupted else 1) from error
    say(f"\nnothing is left of environment {suffix} but its state buckets")


def _tell(destruction: Destruction) -> None:
    say("")
    for address, holds in destruction.holding:
        say(f"holds data: {address}: {holds}")
    for address in destruction.must_be_empty:
        say(f"must be empty by then: {address}")


def _confirm(suffix: str, given: str | None) -> None:
    typed = given
    if typed is None:
        typed = typer.prompt(f"All of {suffix} is destroyed. Type its name to go on", err=True)
    if typed != suffix:
        raise PaymentDrError(f"not confirmed: that was not {suffix!r}; nothing was destroyed")
