"""`payment-dr failover|switchover|failback|resume|status|approve|abort`: moves by hand.

A move runs in this process, at the site that it leads to. It may be interrupted and resumed by
anyone: what has happened is asked of the world, not remembered here.
"""

import getpass
import sys
import uuid
from typing import Annotated, assert_never

import typer

from payment_dr.cli import move_view
from payment_dr.cli.target import Target, target_of
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.stamp import SiteName
from payment_dr.functions.recovery_composition import Recovery
from payment_dr.recovery.abort import abort_request
from payment_dr.recovery.control import ControlRecord, Move, MoveKind
from payment_dr.recovery.moves import MoveRequest
from payment_dr.recovery.moves import approve as write_approval
from payment_dr.recovery.plan import plan_for
from payment_dr.recovery.readiness import Gate, move_gates
from payment_dr.recovery.runner import AwaitsApproval, Completed, MoveOutcome, Stopped
from payment_dr.recovery.runner import resume as resume_move
from payment_dr.recovery.runner import start as start_move
from payment_dr.recovery.survey import Survey, survey

Lab = Annotated[
    str | None,
    typer.Option(help="Name or directory of a running lab; else the PAYMENT_DR_* variables."),
]
To = Annotated[str, typer.Option(help="The site that is to be active.")]
MoveId = Annotated[str, typer.Argument(help="The move's name, as status shows it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for the site's name first.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option(help="Why, for the evidence.")]
Override = Annotated[
    list[Gate] | None, typer.Option(help="A blocking item that you take upon yourself.")
]
Supersede = Annotated[
    str | None, typer.Option(help="Name of the unfinished move whose place this one takes.")
]


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    app.command("failover", epilog="Example: payment-dr failover --to west --lab mine")(failover)
    app.command("switchover", epilog="Example: payment-dr switchover --to west --dry-run")(
        switchover
    )
    app.command("failback", epilog="Example: payment-dr failback --lab mine --yes")(failback)
    app.command("resume", epilog="Example: payment-dr resume failover-1a2b3c4d")(resume)
    app.command("status", epilog="Example: payment-dr status --lab mine --json")(status)
    app.command("approve", epilog="Example: payment-dr approve failover-1a2b3c4d")(approve)
    app.command("abort", epilog="Example: payment-dr abort switchover-1a2b3c4d")(abort)


def failover(
    *,
    to: To,
    lab: Lab = None,
    reason: Reason = "unplanned, by hand",
    override: Override = None,
    supersede: Supersede = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Move to a site without asking the other one; what its ledger lost is posted again.

    Exit code 0 when every step is done, 1 when the move is unfinished, refused or waits.
    """
    target = target_of(lab)
    request = _request(
        target, MoveKind.FAILOVER, to, reason=reason, override=override, supersede=supersede
    )
    _move(target, request, yes=yes, dry_run=dry_run, as_json=as_json)


def switchover(
    *,
    to: To,
    lab: Lab = None,
    reason: Reason = "planned, by hand",
    override: Override = None,
    supersede: Supersede = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Move to a healthy standby as planned, without loss; accepting payments goes on.

    Exit code 0 when every step is done, 1 when the move is unfinished or refused.
    """
    target = target_of(lab)
    request = _request(
        target, MoveKind.SWITCHOVER, to, reason=reason, override=override, supersede=supersede
    )
    _move(target, request, yes=yes, dry_run=dry_run, as_json=as_json)


def failback(
    *,
    lab: Lab = None,
    reason: Reason = "failback, by hand",
    override: Override = None,
    supersede: Supersede = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Switch over to home, once its ledger is a healthy replica again.

    Exit code 0 when every step is done, 1 when the move is unfinished or refused.
    """
    target = target_of(lab)
    home = target.settings.home
    request = _request(
        target, MoveKind.FAILBACK, home, reason=reason, override=override, supersede=supersede
    )
    _move(target, request, yes=yes, dry_run=dry_run, as_json=as_json)


def resume(move_id: MoveId, lab: Lab = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Join an unfinished move, whoever began it, and bring it to its end.

    Exit code 0 when every step is done, 1 when the move is unfinished or waits.
    """
    target = target_of(lab)
    control, move = _in_record(target, move_id)
    _confirm(move.target, yes=yes)
    with target.at(move.target) as recovery:
        outcome = resume_move(
            recovery.world,
            control,
            target.settings.failover,
            by=_operator(),
            progress=move_view.Progress(plan_for(move.kind)),
        )
    _end(outcome, as_json=as_json)


def status(lab: Lab = None, as_json: AsJson = False) -> None:
    """Show who is active, the latest move, and what platform, ledgers and DNS say.

    Exit code 1 when they contradict each other and a repair is needed.
    """
    target = target_of(lab)
    sites = tuple(site.name for site in target.settings.sites)

    def ask(recovery: Recovery) -> Survey:
        return survey(recovery.world, recovery.environment.site, sites)

    found = target.ask(ask)
    sys.stdout.write(move_view.status_json(found) if as_json else move_view.status_text(found))
    if found.repair is not None:
        raise typer.Exit(1)


def approve(move_id: MoveId, lab: Lab = None) -> None:
    """Approve the promotion of this very move; whoever runs or resumes it then goes on."""
    target = target_of(lab)

    def write(recovery: Recovery) -> ControlRecord:
        world = recovery.world
        return write_approval(world.control, move_id, by=_operator(), now=world.clock.now())

    target.ask(write)
    move_view.say(f"{move_id} is approved by {_operator()}")


def abort(move_id: MoveId, lab: Lab = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Take an unfinished move back, as long as no promotion was tried.

    Exit code 0 when the former state is restored, 1 when that is unfinished.
    """
    target = target_of(lab)
    control, _ = _in_record(target, move_id)
    _confirm(control.active, yes=yes)
    with target.at(control.active) as recovery:
        request = abort_request(
            control,
            recovery.world.clusters.describe(),
            aborted=move_id,
            move_id=_new_id(MoveKind.FAILOVER),
            by=_operator(),
        )
        outcome = _start(target, recovery, request)
    _end(outcome, as_json=as_json)


def _move(target: Target, request: MoveRequest, *, yes: bool, dry_run: bool, as_json: bool) -> None:
    if dry_run:
        control = target.ask(lambda recovery: recovery.world.control.read())
        now = target.ask(lambda recovery: recovery.world.clock.now())
        settings = target.settings.failover
        plan = plan_for(request.kind, settings.budgets)
        items = move_gates(request, control, settings, now)
        write = move_view.plan_json if as_json else move_view.plan_text
        sys.stdout.write(write(plan, request.target, items))
        return
    _confirm(request.target, yes=yes)
    with target.at(request.target) as recovery:
        outcome = _start(target, recovery, request)
    _end(outcome, as_json=as_json)


def _start(target: Target, recovery: Recovery, request: MoveRequest) -> MoveOutcome:
    progress = move_view.Progress(plan_for(request.kind))
    return start_move(recovery.world, request, target.settings.failover, progress=progress)


def _request(
    target: Target,
    kind: MoveKind,
    to: str,
    *,
    reason: str,
    override: list[Gate] | None,
    supersede: str | None,
) -> MoveRequest:
    site = target.require(to)
    return MoveRequest(
        move_id=_new_id(kind),
        kind=kind,
        source=target.settings.peer(site).name,
        target=site,
        by=_operator(),
        reason=reason,
        overrides=tuple(override or ()),
        supersedes=supersede,
    )


def _in_record(target: Target, move_id: str) -> tuple[ControlRecord, Move]:
    """The control record and the move in it.

    Raises:
        PaymentDrError: it is another move, or none.
    """
    control = target.ask(lambda recovery: recovery.world.control.read())
    move = control.move
    if move is None or move.move_id != move_id:
        there = "none" if move is None else move.move_id
        raise PaymentDrError(
            f"the latest move is {there}, not {move_id}", remedy="payment-dr status"
        )
    return control, move


def _confirm(site: SiteName, *, yes: bool) -> None:
    if yes:
        return
    if not _interactive():
        raise PaymentDrError(
            f"{site} would become active, and nobody is there to confirm it", remedy="give --yes"
        )
    if typer.prompt(f"{site} becomes active. Type its name to go on", err=True) != site:
        raise PaymentDrError(f"not confirmed: that was not {site!r}; nothing was changed")


def _interactive() -> bool:
    return sys.stdin.isatty()


def _end(outcome: MoveOutcome, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(move_view.outcome_json(outcome))
    match outcome:
        case Completed():
            move_view.say(f"{outcome.move_id} is complete in epoch {outcome.epoch}")
            return
        case AwaitsApproval():
            move_view.say(
                f"{outcome.move_id} waits: payment-dr approve {outcome.move_id}, then resume it"
            )
        case Stopped():
            move_view.say(f"error: {outcome.error}")
        case unreachable:
            assert_never(unreachable)
    raise typer.Exit(1)


def _operator() -> str:
    """Who does this, for the evidence: LOGNAME or USER, else the user that the process has."""
    return getpass.getuser()


def _new_id(kind: MoveKind) -> str:
    return f"{kind}-{uuid.uuid4().hex[:8]}"
