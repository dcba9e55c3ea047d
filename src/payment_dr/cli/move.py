"""`payment-dr failover|switchover|failback|resume|status|approve|abort`: moves by hand.

A move runs at the site that it leads to: in this process, or by the site's state machine if the
settings say so. It may be interrupted and resumed by anyone: what has happened is asked of the
world, not remembered here.
"""

import sys
import uuid
from typing import Final

import typer

from payment_dr.cli import move_view, options
from payment_dr.cli.auditing import Intent, approvals_of, audited, operator
from payment_dr.cli.move_options import Anywhere, Approving, Confirmed, Home, OfMove, Showing
from payment_dr.cli.moving import conclude, mover
from payment_dr.cli.talk import interactive, say
from payment_dr.cli.target import Target, target_of
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.stamp import SiteName
from payment_dr.functions.desk import Asked
from payment_dr.functions.recovery_composition import Recovery
from payment_dr.recovery.abort import abort_request
from payment_dr.recovery.audit import AuditEvent
from payment_dr.recovery.control import ControlRecord, Move, MoveKind
from payment_dr.recovery.moves import MoveRequest
from payment_dr.recovery.moves import approve as write_approval
from payment_dr.recovery.plan import plan_for
from payment_dr.recovery.readiness import OVERRIDABLE, Gate, move_gates
from payment_dr.recovery.readiness_items import ITEMS
from payment_dr.recovery.steps import rebuild_items
from payment_dr.recovery.survey import Survey, survey

_DEFAULT_REASONS: Final = {
    MoveKind.FAILOVER: "unplanned, by hand",
    MoveKind.SWITCHOVER: "planned, by hand",
    MoveKind.FAILBACK: "failback, by hand",
    MoveKind.REBUILD: "rebuild of the ledger, by hand",
}


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    options.add(
        app,
        "failover",
        Anywhere,
        failover,
        epilog="Examples: payment-dr failover --to west --lab mine; "
        "payment-dr failover --to west --target aws --yes-move-to west --reason 'region lost'",
    )
    options.add(
        app,
        "switchover",
        Anywhere,
        switchover,
        epilog="Example: payment-dr switchover --to west --dry-run",
    )
    options.add(
        app, "failback", Home, failback, epilog="Example: payment-dr failback --lab mine --yes"
    )
    options.add(
        app, "resume", OfMove, resume, epilog="Example: payment-dr resume failover-1a2b3c4d"
    )
    options.add(
        app, "status", Showing, status, epilog="Example: payment-dr status --lab mine --json"
    )
    options.add(
        app, "approve", Approving, approve, epilog="Example: payment-dr approve failover-1a2b3c4d"
    )
    options.add(app, "abort", OfMove, abort, epilog="Example: payment-dr abort switchover-1a2b3c4d")


def failover(given: Anywhere) -> None:
    """Move to a site without asking the other one; what its ledger lost is posted again.

    Exit code 0 when every step is done, 1 when the move is unfinished, refused or waits.
    """
    target = target_of(given)
    carry_out(target, given, MoveKind.FAILOVER, target.require(given.to))


def switchover(given: Anywhere) -> None:
    """Move to a healthy standby as planned, without loss; accepting payments goes on.

    Exit code 0 when every step is done, 1 when the move is unfinished or refused.
    """
    target = target_of(given)
    carry_out(target, given, MoveKind.SWITCHOVER, target.require(given.to))


def failback(given: Home) -> None:
    """Switch over to home, once its ledger is a healthy replica again.

    Exit code 0 when every step is done, 1 when the move is unfinished or refused.
    """
    target = target_of(given)
    carry_out(target, given, MoveKind.FAILBACK, target.settings.home)


def resume(given: OfMove) -> None:
    """Join an unfinished move, whoever began it, and bring it to its end.

    Exit code 0 when every step is done, 1 when the move is unfinished or waits.
    """
    target = target_of(given)
    control, move = _in_record(target, given.move_id)
    _confirm(move.target, given)
    with target.at(move.target) as recovery:
        outcome = mover(target, recovery, "resume", here=given.here).join(control, move)
    conclude(outcome, as_json=given.as_json)


def status(given: Showing) -> None:
    """Show who is active, the latest move, and what platform, ledgers and DNS say.

    Exit code 1 when they contradict each other and a repair is needed.
    """
    target = target_of(given)
    sites = tuple(site.name for site in target.settings.sites)

    def ask(recovery: Recovery) -> Survey:
        return survey(recovery.world, recovery.environment.site, sites)

    found = target.ask(ask)
    write = move_view.status_json if given.as_json else move_view.status_text
    sys.stdout.write(write(found))
    if found.repair is not None:
        raise typer.Exit(1)


def approve(given: Approving) -> None:
    """Approve the promotion of this very move; whoever runs or resumes it then goes on."""
    target = target_of(given)
    control = target.ask(lambda recovery: recovery.world.control.read())
    site = control.active if control.move is None else control.move.target
    with target.at(site) as recovery:
        world = recovery.world
        intent = Intent(command="approve", site=site, move_id=given.move_id)
        with audited(target.desk(recovery), world.clock, intent) as deed:
            written = write_approval(
                world.control, given.move_id, by=operator(), now=world.clock.now()
            )
            approvals = () if written.move is None else approvals_of(written.move)
            deed.end(AuditEvent.FINISHED, f"approved: {', '.join(approvals)}")
    if given.as_json:
        sys.stdout.write(move_view.approval_json(given.move_id, approvals))
    say(f"{given.move_id} is approved by {operator()}")


def abort(given: OfMove) -> None:
    """Take an unfinished move back, as long as no promotion was tried.

    Exit code 0 when the former state is restored, 1 when that is unfinished.
    """
    target = target_of(given)
    control, _ = _in_record(target, given.move_id)
    _confirm(control.active, given)
    with target.at(control.active) as recovery:
        request = abort_request(
            control,
            recovery.world.clusters.describe(),
            aborted=given.move_id,
            move_id=_new_id(MoveKind.FAILOVER),
            by=operator(),
        )
        outcome = mover(target, recovery, "abort", here=given.here).open(request)
    conclude(outcome, as_json=given.as_json)


def carry_out(target: Target, given: Home, kind: MoveKind, to: SiteName) -> None:
    """Ask for a move, have it confirmed, and run it; or show its plan.

    Raises:
        typer.Exit: with 1, if it is not complete.
        PaymentDrError: it was not confirmed, or an option is wrong.
    """
    request = _request(target, given, kind, to)
    if given.dry_run:
        with target.at(to) as recovery:
            preview = _preview(target, recovery, request)
        write = move_view.plan_json if given.as_json else move_view.plan_text
        sys.stdout.write(write(preview))
        return
    _confirm(to, given)
    with target.at(to) as recovery:
        outcome = mover(target, recovery, kind, here=given.here).open(request)
    conclude(outcome, as_json=given.as_json)


def _preview(target: Target, recovery: Recovery, request: MoveRequest) -> move_view.Preview:
    """Asked at the site that the move would lead to, like the move itself."""
    world, settings = recovery.world, target.settings.failover
    control = world.control.read()
    readiness = target.desk(recovery).readiness
    asked = Asked.BOTH_REGIONS if request.kind.planned else Asked.THIS_REGION
    return move_view.Preview(
        plan=plan_for(request.kind, settings.budgets),
        target=request.target,
        control=control,
        gates=(
            *move_gates(request, control, settings, world.clock.now()),
            *rebuild_items(world, request, control),
        ),
        readiness=readiness(world, asked),
    )


def _request(target: Target, given: Home, kind: MoveKind, site: SiteName) -> MoveRequest:
    overrides = tuple(given.override or ())
    # What readiness finds is overridden item by item.
    known = sorted({*OVERRIDABLE, *(item.name for item in ITEMS)} - {Gate.READINESS})
    if unknown := [name for name in overrides if name not in known]:
        raise PaymentDrError(
            f"nothing that blocks is named {', '.join(unknown)}",
            remedy=f"--override takes {', '.join(known)}",
        )
    if overrides and given.reason is None:
        raise PaymentDrError(
            "an override is evidence of a decision, and needs its reason", remedy="give --reason"
        )
    return MoveRequest(
        move_id=_new_id(kind),
        kind=kind,
        source=target.settings.peer(site).name,
        target=site,
        by=operator(),
        reason=_DEFAULT_REASONS[kind] if given.reason is None else given.reason,
        overrides=overrides,
        supersedes=given.supersede,
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


def _confirm(site: SiteName, given: Confirmed) -> None:
    """Have the site named that becomes active, by whoever is there.

    Raises:
        PaymentDrError: it was not, or another one was.
    """
    named = given.yes_move_to
    if named is None and given.yes:
        return
    if named is None:
        if not interactive():
            raise PaymentDrError(
                f"{site} would become active, and nobody is there to confirm it",
                remedy=f"give --yes-move-to {site}",
            )
        named = typer.prompt(f"{site} becomes active. Type its name to go on", err=True)
    if named != site:
        raise PaymentDrError(f"not confirmed: {site}, not {named!r}; nothing was changed")


def _new_id(kind: MoveKind) -> str:
    return f"{kind}-{uuid.uuid4().hex[:8]}"
