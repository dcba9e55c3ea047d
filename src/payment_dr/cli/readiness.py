"""`payment-dr readiness`: could the standby take over now?"""

import json
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from payment_dr.cli import move_view, options
from payment_dr.cli.target import Target, Where, target_of
from payment_dr.core.stamp import SiteName
from payment_dr.functions.desk import Asked


@dataclass(frozen=True, kw_only=True, slots=True)
class Readying(Where):
    """Options of `readiness`."""

    at: Annotated[
        str | None, typer.Option(metavar="SITE", help="Asked from there; from the standby if not.")
    ] = None
    local: Annotated[
        bool, typer.Option("--local", help="Ask nothing in the other site's region.")
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    options.add(
        app, "readiness", Readying, readiness, epilog="Example: payment-dr readiness --lab mine"
    )


def readiness(given: Readying) -> None:
    """Judge whether the standby could take over now: each item, its evidence, its remedy.

    Exit code 1 when something blocks a planned move.
    """
    target = target_of(given)
    site = _standby(target) if given.at is None else target.require(given.at)
    asked = Asked.THIS_REGION if given.local else Asked.BOTH_REGIONS
    with target.at(site) as recovery:
        desk = target.desk(recovery)
        items = desk.readiness(recovery.world, asked)
    blocking = [item.name for item in items if item.blocks]
    if given.as_json:
        document = {
            "site": site,
            "blocking": blocking,
            "items": move_view.items_document(items),
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        sys.stdout.write(move_view.items_text(items))
    if blocking:
        raise typer.Exit(1)


def _standby(target: Target) -> SiteName:
    """The site that is not active, if its environment is known here, else the one that is."""
    active = target.ask(lambda recovery: recovery.world.control.read()).active
    standby = target.settings.peer(active).name
    return standby if standby in target.environments else active
