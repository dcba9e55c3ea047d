"""`payment-dr diff`: what a deployment would do, and whether that would harm data."""

import json
import sys

import typer

from payment_dr.cli.deploy_view import Watch
from payment_dr.cli.plan_view import plan_json
from payment_dr.cli.stacks import (
    SETTINGS,
    AllowDestroy,
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
from payment_dr.infra.deployment import Deployment
from payment_dr.infra.deployment_order import choose
from payment_dr.infra.synthesis import OUT


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("diff", epilog="Example: payment-dr diff --site west --settings prod.toml")(diff)


def diff(
    *,
    settings: SettingsFile = SETTINGS,
    only: Only = None,
    allow_destroy: AllowDestroy = None,
    engine: EngineChoice = None,
    out: Out = OUT,
    as_json: AsJson = False,
) -> None:
    """Plan every stack and show what would be created, changed, replaced or destroyed.

    Changes nothing. Exit code 1 when a plan would detach, replace or destroy what holds data or
    the membership of a cluster, unless --allow-destroy names it, or when a plan fails.
    """
    prepared = prepare(Where(settings=settings, out=out, engine=engine))
    deployment = Deployment(
        stacks=choose(prepared.synthesis.stacks, only=only),
        engine=prepared.engine,
        audience=Watch(yes=False, out=sys.stderr if as_json else sys.stdout),
        allowed=frozenset(allow_destroy or ()),
    )
    with failing():
        plans = deployment.diff()
    if as_json:
        sys.stdout.write(json.dumps({"stacks": [plan_json(p) for p in plans]}, indent=2) + "\n")
    refusals = [refusal for plan in plans if (refusal := deployment.refusal(plan))]
    for refusal in refusals:
        say(f"error: {refusal}")
    if refusals:
        raise typer.Exit(1)
