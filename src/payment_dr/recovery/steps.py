"""What each step of a move does, and how the world shows that it is done.

Every `..._is_done` asks the world and acts on nothing. Every `run_...` brings the world one act
closer and is called again until it is done, so it looks before it acts.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.recovery.context import MoveContext, ours
from payment_dr.recovery.control import ControlRecord, Move, MoveKind, Phase, StepName
from payment_dr.recovery.documents import (
    RECONCILIATION_EVIDENCE,
    RECONCILIATION_PREFIX,
    ReconciliationEvidence,
)
from payment_dr.recovery.moves import (
    MoveRequest,
    Superseded,
    concluded,
    opened,
    settled,
    with_move,
)
from payment_dr.recovery.ports import LedgerView, World
from payment_dr.recovery.readiness import (
    BlockingItem,
    Refused,
    move_gates,
    rebuild_gates,
    standby_gates,
)
from payment_dr.recovery.rebuilding import require_rebuilt

_AGAIN_AFTER_REFUSAL_S: Final = 1.0
_AGAIN_AFTER_CALL_S: Final = 15.0


def ready_is_done(ctx: MoveContext) -> bool:
    """Nothing forbids the planned move, or it is open already."""
    return ctx.epoch is not None or not _standby_items(ctx)


def run_ready(ctx: MoveContext) -> None:
    """Refuse, naming what blocks: waiting before a planned move would hide its reason."""
    items = _standby_items(ctx)
    if items:
        raise Refused(ctx.request.move_id, items)


def _standby_items(ctx: MoveContext) -> tuple[BlockingItem, ...]:
    world = ctx.world
    control = world.control.read()
    items = move_gates(ctx.request, control, ctx.settings, world.clock.now()) or standby_gates(
        ctx.request, control, world.clusters.describe(), world.ledgers.view(ctx.request.target)
    )
    if not items:
        # The old writer must answer, or posting cannot be paused; and asking it opens the
        # connection now, while postings still go on, not in the gap between them.
        world.ledgers.view(ctx.request.source)
    return items


def open_move_is_done(ctx: MoveContext) -> bool:
    """The control record names our move; from then on only its epoch is ours."""
    if ctx.epoch is None:
        control = ctx.world.control.read()
        if control.move is not None and control.move.move_id == ctx.request.move_id:
            ctx.epoch = control.epoch
    return ctx.epoch is not None


def run_open_move(ctx: MoveContext) -> None:
    """Ask the gates and take the epoch after the one that was found at the first try.

    After a try that is in doubt, only the same epoch may be tried again: in a later one the move
    may have been opened, superseded, and be over.
    """
    control = ctx.world.control.read()
    if ctx.open_from not in {None, control.epoch}:
        raise Superseded(ctx.request.move_id, control)
    now = ctx.world.clock.now()
    items = move_gates(ctx.request, control, ctx.settings, now) or rebuild_items(
        ctx.world, ctx.request, control
    )
    if items:
        raise Refused(ctx.request.move_id, items)
    ctx.open_from = control.epoch
    record = opened(control, ctx.request, step=StepName.OPEN_MOVE, now=now)
    if not settled(ctx.world.control, record, based_on=control.version) and not open_move_is_done(
        ctx
    ):
        raise Superseded(ctx.request.move_id, ctx.world.control.read())


def rebuild_items(
    world: World, request: MoveRequest, control: ControlRecord
) -> tuple[BlockingItem, ...]:
    """What forbids a rebuild, and it alone: a ledger that is alive."""
    if request.kind is not MoveKind.REBUILD:
        return ()
    ledger: LedgerView | None = None
    with suppress(UnavailableError):
        ledger = world.ledgers.view(control.active)
    return rebuild_gates(request, control, ledger)


def pause_posting_is_done(ctx: MoveContext) -> bool:
    """A ledger carries our epoch: the old writer as paused, or the target as promoted since."""
    return drain_is_done(ctx) or _carries_epoch(ctx, ctx.request.source)


def run_pause_posting(ctx: MoveContext) -> None:
    """Stamp (epoch, none) on the old writer: nobody's postings equal it."""
    ctx.world.ledgers.stamp(ctx.request.source, Stamp(epoch=ctx.opened_epoch, site=None))


def drain_is_done(ctx: MoveContext) -> bool:
    """The pause has replicated to the target, hence every posting before it has."""
    return _carries_epoch(ctx, ctx.request.target)


def run_drain(_: MoveContext) -> None:
    """Nothing: replication does it."""


def _carries_epoch(ctx: MoveContext, site: SiteName) -> bool:
    stamp = ctx.world.ledgers.view(site).stamp
    return stamp is not None and stamp.epoch == ctx.opened_epoch


def route_is_done(ctx: MoveContext) -> bool:
    """The zone's own name servers answer with the target, and a request there succeeds."""
    routing, target = ctx.world.routing, ctx.request.target
    return routing.answer() == target and routing.healthy(target)


def run_route(_: MoveContext) -> None:
    """Nothing: the control record says that the move has come here, and Route 53 follows it."""


def promote_is_done(ctx: MoveContext) -> bool:
    """The target's ledger is writable under our stamp, and the platform names it the writer.

    Neither alone is enough: an old writer that came back unrebuilt is writable too.
    """
    target = ctx.request.target
    view = ctx.world.ledgers.view(target)
    if not view.writable or view.stamp != ctx.stamp:
        return False
    return ctx.world.clusters.describe().writer == target


def run_restore(ctx: MoveContext) -> None:
    """Stamp the database that was restored, once the platform names it the writer.

    The control record is written first: what is restored later is known not to be this one.
    """
    world, target = ctx.world, ctx.request.target
    writer = world.clusters.describe().writer
    if writer != target:
        ctx.note = f"the platform's writer is {writer}, not {target}"
        return
    if not world.ledgers.view(target).writable:
        ctx.note = f"the ledger of {target} takes no writes"
        return
    control, move = ours(ctx)
    mark(ctx, control, replace(move, step=StepName.RESTORE, attempts=move.attempts + 1))
    world.ledgers.stamp(target, ctx.stamp)
    ctx.note = ""


def run_promote(ctx: MoveContext) -> None:
    """Promote unless the platform did so already, then stamp what has become writable."""
    world, target = ctx.world, ctx.request.target
    if world.clusters.describe().writer != target:
        if world.clock.monotonic() < ctx.promote_not_before:
            return
        _call_promote(ctx)
        if world.clusters.describe().writer != target:
            return
    if world.ledgers.view(target).writable:
        ours(ctx)
        world.ledgers.stamp(target, ctx.stamp)


def _call_promote(ctx: MoveContext) -> None:
    """One counted call. The count is written first, so a call that lands late is known of."""
    clusters, target = ctx.world.clusters, ctx.request.target
    control, move = ours(ctx)
    mark(ctx, control, replace(move, step=StepName.PROMOTE, attempts=move.attempts + 1))
    call = clusters.failover if ctx.request.kind is MoveKind.FAILOVER else clusters.switchover
    pause = _AGAIN_AFTER_CALL_S
    try:
        call(target)
    except UnavailableError as error:
        if error.definite:
            pause = _AGAIN_AFTER_REFUSAL_S
        raise
    finally:
        ctx.promote_not_before = ctx.world.clock.monotonic() + pause


def reconcile_is_done(ctx: MoveContext) -> bool:
    """The ledger is open already, or nothing was written since before our own reconciliation.

    That the run log tells of a reconciliation is nothing: what was promoted since would be lost.
    """
    return open_ledger_is_done(ctx) or _reconciled_as_seen(ctx) is not None


def _reconciled_as_seen(ctx: MoveContext) -> tuple[ControlRecord, Move] | None:
    """What the latest reconciliation was based on, if nothing was written since."""
    seen = ctx.seen
    if seen is None or seen.move is None or seen.version != ctx.reconciled_on:
        return None
    return seen, seen.move


def run_reconcile(ctx: MoveContext) -> None:
    """Post what the promoted ledger lacks, and keep what that was."""
    control, _ = _reconcile(ctx)
    ctx.reconciled_on = control.version


def _reconcile(ctx: MoveContext) -> tuple[ControlRecord, Move]:
    """Reconcile; returns the control record, and our move in it, as read before."""
    control, move = ours(ctx)
    if not promote_is_done(ctx):
        raise UnavailableError(
            f"the ledger of {ctx.request.target} is no longer the writer under {ctx.stamp}",
            remedy="payment-dr resume promotes it again",
        )
    if move.keeps_full_scan:
        require_rebuilt(ctx)
    found = ctx.world.reconciler.reconcile(ctx.stamp)
    now = ctx.world.clock.now()
    evidence = ReconciliationEvidence(
        move_id=move.move_id, kind=move.kind, by=ctx.by, at=now, stamp=ctx.stamp, found=found
    )
    # Opening the ledger does not wait for evidence: the run log has the sums, the ledger the rest.
    with suppress(UnavailableError):
        ctx.world.evidence.put(
            move.move_id,
            f"{RECONCILIATION_PREFIX}{control.version}-{round(now * 1_000_000)}.json",
            RECONCILIATION_EVIDENCE.dump_json(evidence).decode(),
        )
    money = ", ".join(f"{amount} {name}" for name, amount in sorted(found.money.items()))
    ctx.note = f"saw {len(found.seen)} unconfirmed, posted {len(found.posted)} ({money or 'none'})"
    return control, move


def open_ledger_is_done(ctx: MoveContext) -> bool:
    """The control record, as just seen with our move in it, is steady."""
    return ctx.seen is not None and ctx.seen.phase is Phase.STEADY


def run_open_ledger(ctx: MoveContext) -> None:
    """Change the roles, on the version read before the latest reconciliation and no other."""
    control, move = _reconciled_as_seen(ctx) or _reconcile(ctx)
    record = concluded(control, move, step=StepName.OPEN_LEDGER, now=ctx.world.clock.now())
    if not settled(ctx.world.control, record, based_on=control.version):
        raise UnavailableError("the control record has changed since the reconciliation")


def verify_is_done(ctx: MoveContext) -> bool:
    """The move's canary stands with its outcome, and the writer is still ours."""
    return ctx.world.canary.passed(ctx.request.move_id) and promote_is_done(ctx)


def run_verify(ctx: MoveContext) -> None:
    """Send the canary through the site's own address."""
    ctx.world.canary.send(ctx.request.move_id)


def mark(ctx: MoveContext, control: ControlRecord, move: Move) -> None:
    """Write into the control record, as just read, where our move is.

    Raises:
        UnavailableError: somebody else wrote meanwhile; look again whether the move is ours.
    """
    record = with_move(control, move)
    if not settled(ctx.world.control, record, based_on=control.version):
        raise UnavailableError("the control record has changed; looking again")
    ctx.seen = record
