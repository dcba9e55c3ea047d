"""`payment-dr deploy`: both sites onto AWS, stack by stack; what failed is continued later."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from payment_dr.cli.deploy_view import Watch, confirmable
from payment_dr.cli.outputs import read_outputs
from payment_dr.cli.stacks import (
    INTERRUPTED,
    SETTINGS,
    AllowDestroy,
    AsJson,
    EngineChoice,
    Only,
    Out,
    Prepared,
    SettingsFile,
    Where,
    failing,
    prepare,
)
from payment_dr.cli.talk import duration, say
from payment_dr.core.errors import PaymentDrError
from payment_dr.infra.deployment import Deployment, Done, StoppedError
from payment_dr.infra.deployment_order import LINKS, choose
from payment_dr.infra.initialise import initialise
from payment_dr.infra.synthesis import OUT


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("deploy", epilog="Example: payment-dr deploy --settings prod.toml")(deploy)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Order:
    """What was asked for."""

    where: Where
    only: str | None
    start: str | None
    allowed: tuple[str, ...]
    yes: bool
    initialises: bool

    def next_command(self, start: str) -> str:
        """The command that continues at a stack."""
        place = ["--site", start] if self.only is not None else ["--from", start]
        allowed = [part for name in self.allowed for part in ("--allow-destroy", name)]
        rest = [*(["--yes"] if self.yes else [])]
        rest += [] if self.initialises else ["--no-initialise"]
        return self.where.command("deploy", *place, *allowed, *rest)


def deploy(
    *,
    settings: SettingsFile = SETTINGS,
    only: Only = None,
    start: Annotated[
        str | None, typer.Option("--from", help="The stack to start at, after a failure.")
    ] = None,
    allow_destroy: AllowDestroy = None,
    initialises: Annotated[
        bool,
        typer.Option(
            "--initialise/--no-initialise", help="Whether the ledger is initialised at the end."
        ),
    ] = True,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before each stack.")] = False,
    engine: EngineChoice = None,
    out: Out = OUT,
    as_json: AsJson = False,
) -> None:
    """Deploy: foundation, home site, other site, links; then initialise the ledger.

    Each stack is planned, shown, confirmed and applied as shown. A plan that would harm what
    holds data is refused. May be run again at any time: what is done is found done. With --site,
    nothing of another stack or region is touched.

    Exit code 1 when a stack failed, was refused or not confirmed; 130 when interrupted.
    """
    order = _Order(
        where=Where(settings=settings, out=out, engine=engine),
        only=only,
        start=start,
        allowed=tuple(allow_destroy or ()),
        yes=yes,
        initialises=initialises,
    )
    if not yes:
        confirmable("changes would be applied")
    prepared = prepare(order.where)
    stacks = choose(prepared.synthesis.stacks, only=only, start=start)
    watch = Watch(yes=yes, out=sys.stderr)
    deployment = Deployment(
        stacks=stacks,
        engine=prepared.engine,
        audience=watch,
        allowed=frozenset(order.allowed),
    )
    done = _deploy(deployment, order, watch)
    values: dict[str, Any] = {}
    if only is None or only == LINKS:
        values = _finish(deployment, prepared, order)
    say(f"\ndeployed: {_told(done)}")
    if as_json:
        sys.stdout.write(json.dumps(_document(done, values), indent=2) + "\n")


def _deploy(deployment: Deployment, order: _Order, watch: Watch) -> tuple[Done, ...]:
    try:
        return deployment.deploy()
    except StoppedError as error:
        say(f"\nerror: {error}")
        say(f"done before: {_told(error.done)}; of {error.stack}: {watch.so_far()}")
        say(f"to continue: {order.next_command(error.stack)}")
        raise typer.Exit(INTERRUPTED if error.interrupted else 1) from error


def _finish(deployment: Deployment, prepared: Prepared, order: _Order) -> dict[str, Any]:
    """The ledger's schema, roles and control record, and the file of outputs."""
    with failing():
        if order.initialises:
            say("\ninitialising the ledger: schema, roles, control record")
            try:
                say(f"  {json.dumps(initialise(prepared.settings))}")
            except PaymentDrError:
                say("every stack is deployed, only the ledger is not initialised")
                say(f"to continue: {order.next_command(LINKS)}")
                raise
        return read_outputs(deployment, write=True)


def _told(done: Sequence[Done]) -> str:
    texts = [
        f"{one.stack} ({duration(one.seconds) if one.changed else 'no changes'})" for one in done
    ]
    return ", ".join(texts) or "nothing"


def _document(done: Sequence[Done], values: dict[str, Any]) -> dict[str, Any]:
    return {
        "stacks": [
            {"name": one.stack, "changed": one.changed, "seconds": round(one.seconds, 1)}
            for one in done
        ],
        "outputs": values,
    }
