"""Options of the commands that move something, as Typer takes them."""

from dataclasses import dataclass
from typing import Annotated

import typer

from payment_dr.cli.target import Where

MoveId = Annotated[str, typer.Argument(help="The move's name, as status shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Here = Annotated[
    bool, typer.Option("--here", help="Run the steps in this process, not by the state machine.")
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmed(Where):
    """Options of what makes a site active: it has to be named."""

    yes_move_to: Annotated[
        str | None, typer.Option(metavar="SITE", help="Confirm by naming the site beforehand.")
    ] = None
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the site's name first.")] = (
        False
    )
    here: Here = False
    as_json: AsJson = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Home(Confirmed):
    """Options of a move to home."""

    reason: Annotated[str | None, typer.Option(help="Why, for the evidence.")] = None
    override: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A blocking item that you take upon yourself."),
    ] = None
    supersede: Annotated[
        str | None, typer.Option(help="Name of the unfinished move whose place this one takes.")
    ] = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")] = (
        False
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Anywhere(Home):
    """Options of a move to a named site."""

    to: Annotated[str, typer.Option(help="The site that is to be active.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class OfMove(Confirmed):
    """Options of a command about an unfinished move."""

    move_id: MoveId


@dataclass(frozen=True, kw_only=True, slots=True)
class Approving(Where):
    """Options of an approval."""

    move_id: MoveId
    as_json: AsJson = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Showing(Where):
    """Options of what only shows."""

    as_json: AsJson = False
