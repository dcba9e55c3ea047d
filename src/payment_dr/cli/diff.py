"""`payment-dr diff`: what a deployment would do, and whether that would harm data."""

import json
import sys
from collections.abc import Sequence

import typer

from payment_dr.adapters.clock import SystemClock
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
from payment_dr.cli.target import read_outputs
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import Settings
from payment_dr.infra import outputs
from payment_dr.infra.deployment import Deployment, Planned
from payment_dr.infra.deployment_order import choose
from payment_dr.infra.drift import file_drift
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

    Changes nothing. What a plan of the whole environment would change is filed where readiness
    finds it, as plan drift. Exit code 1 when a plan would detach, replace or destroy what holds
    data or the membership of a cluster, unless --allow-destroy names it, or when a plan fails.
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
    if only is None:
        _file(prepared.settings, plans)
    if as_json:
        sys.stdout.write(json.dumps({"stacks": [plan_json(p) for p in plans]}, indent=2) + "\n")
    refusals = [refusal for plan in plans if (refusal := deployment.refusal(plan))]
    for refusal in refusals:
        say(f"error: {refusal}")
    if refusals:
        raise typer.Exit(1)


def _file(settings: Settings, plans: Sequence[Planned]) -> None:
    """For readiness; the diff itself does not need it."""
    if not outputs.FILE.is_file():
        say(f"not filed for readiness, as there is no {outputs.FILE}: payment-dr outputs --write")
        return
    try:
        filed = file_drift(settings, plans, read_outputs(outputs.FILE), SystemClock().now())
    except PaymentDrError as error:
        say(f"not filed for readiness: {error}")
        return
    say(f"filed for readiness of {', '.join(filed) or 'no site: none is deployed'}")
