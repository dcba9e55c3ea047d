"""Runs a plan: whole, in one process, or one step of it at a time, in as many as it takes.

May be killed anywhere and started again by anyone: the end state is the same. What one call of
`run_step` hands to the next (`Carried`) makes it stricter and quicker than one that knows
nothing, and never decides whether a step is done.
"""

from contextlib import suppress
from dataclasses import dataclass

from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.settings import FailoverSettings
from payment_dr.core.stamp import Epoch
from payment_dr.recovery.context import MoveContext
from payment_dr.recovery.control import ControlRecord, Phase, StepName
from payment_dr.recovery.documents import EVIDENCE_NAME
from payment_dr.recovery.moves import MoveRequest, Superseded, request_of
from payment_dr.recovery.ports import Transition, World
from payment_dr.recovery.readiness import Refused
from payment_dr.recovery.rebuilding import LedgerDiffersError
from payment_dr.recovery.run import Progress, Run, Slice, StepError, StepState


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """Every step of the move is done; the target is active in this epoch."""

    move_id: str
    epoch: Epoch


@dataclass(frozen=True, kw_only=True, slots=True)
class AwaitsApproval:
    """The next step is past the point of no return and waits for an approval of this very move."""

    move_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped:
    """The run ended early: refused, superseded, or a step out of its budget."""

    error: Refused | Superseded | StepError | LedgerDiffersError


MoveOutcome = Completed | AwaitsApproval | Stopped


@dataclass(frozen=True, kw_only=True, slots=True)
class Carried:
    """What a step that runs alone is told by those before it.

    Attributes:
        open_from: epoch in which the move was first tried to be opened: in a later one it may
            have been opened, superseded, and be over.
        epoch: the move's own; None until it is open.
        reconciled_on: version of the control record that the latest reconciliation was based on.
    """

    open_from: Epoch | None = None
    epoch: Epoch | None = None
    reconciled_on: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StepCall:
    """One step to be run alone: which, for which part of its budget, after what, and by whom."""

    name: StepName
    part: Slice
    carried: Carried
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StepOutcome:
    """How far the step has come, and what the next call is to be told."""

    state: StepState
    carried: Carried


def _say_nothing(_: Transition) -> None:
    """Nobody watches."""


def start(
    world: World,
    request: MoveRequest,
    settings: FailoverSettings,
    *,
    progress: Progress = _say_nothing,
) -> MoveOutcome:
    """Open the move and run it to its end."""
    ctx = MoveContext(world=world, request=request, settings=settings, by=request.by)
    return _to_the_end(ctx, progress)


def resume(
    world: World,
    control: ControlRecord,
    settings: FailoverSettings,
    *,
    by: str,
    progress: Progress = _say_nothing,
) -> MoveOutcome:
    """Join the move that `control` names, wherever it is, and run it to its end.

    Raises:
        PaymentDrError: the control record names no move, or one that is finished.
    """
    move = control.move
    if move is None:
        raise PaymentDrError("there is no move to resume", remedy="payment-dr status")
    if control.phase is Phase.STEADY and _has_its_evidence(world, move.move_id):
        raise PaymentDrError(
            f"move {move.move_id} is finished: {control.active} is active in epoch "
            f"{control.epoch}, and its evidence is written",
            remedy="payment-dr status; to move again, start another move",
        )
    ctx = MoveContext(
        world=world,
        request=request_of(move),
        settings=settings,
        by=by,
        epoch=control.epoch,
    )
    return _to_the_end(ctx, progress)


def run_step(
    world: World,
    request: MoveRequest,
    settings: FailoverSettings,
    call: StepCall,
    *,
    progress: Progress = _say_nothing,
) -> StepOutcome:
    """Bring one step of a move to its end, or as far as a slice of its budget allows.

    Repeated, it does no harm; on its own, it asks the world all that the whole run would. An
    open-ledger that is told of no reconciliation reconciles by itself.

    Raises:
        Refused: the move was not opened, and nothing has changed.
        Superseded: another move has taken the place of this one.
        StepError: the last slice of the step's budget is used up.
        LedgerDiffersError: a rebuild has compared, and the ledger is not what it should be.
        PaymentDrError: this kind of move has no such step.
    """
    ctx = MoveContext(
        world=world,
        request=request,
        settings=settings,
        by=call.by,
        epoch=call.carried.epoch,
        open_from=call.carried.open_from,
        reconciled_on=call.carried.reconciled_on,
    )
    run = Run(ctx, progress)
    step = run.plan.step(call.name)
    try:
        state = run.finish(step, call.part)
    finally:
        run.flush()
    return StepOutcome(
        state=state,
        carried=Carried(open_from=ctx.open_from, epoch=ctx.epoch, reconciled_on=ctx.reconciled_on),
    )


def _to_the_end(ctx: MoveContext, progress: Progress) -> MoveOutcome:
    """Every step in its order; whatever ends the run early is said in the run log."""
    run = Run(ctx, progress)
    try:
        for step in run.plan.steps:
            if run.finish(step, Slice(seconds=step.budget_s)) is StepState.AWAITS_APPROVAL:
                return AwaitsApproval(move_id=ctx.request.move_id)
    except (Refused, Superseded, StepError, LedgerDiffersError) as error:
        return Stopped(error=error)
    finally:
        run.flush()
    return Completed(move_id=ctx.request.move_id, epoch=ctx.opened_epoch)


def _has_its_evidence(world: World, move_id: str) -> bool:
    """The last thing that a move leaves; without an answer it counts as missing."""
    with suppress(UnavailableError):
        return world.evidence.has(move_id, EVIDENCE_NAME)
    return False
