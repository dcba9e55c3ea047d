"""Runs a plan. May be killed anywhere and started again by anyone: the end state is the same.

It keeps nothing that matters: each step asks the world whether it is done. Before every look and
every act the control record is read again, and a move that is no longer ours ends the run. Two
runners of one move do no harm: they act by compare-and-set, or in ways that may be done twice.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.settings import FailoverSettings, Promotion
from payment_dr.core.stamp import Epoch
from payment_dr.recovery.context import MoveContext, hold_route, ours
from payment_dr.recovery.control import ControlRecord, Move, MoveKind, Phase
from payment_dr.recovery.moves import MoveRequest, Superseded, request_of
from payment_dr.recovery.plan import Plan, Step, plan_for
from payment_dr.recovery.ports import Transition, TransitionEvent, World
from payment_dr.recovery.readiness import Refused
from payment_dr.recovery.steps import StepName, mark

POLL_S: Final = 0.02
POLL_S_MAX: Final = 1.0
_POLL_GROWTH: Final = 1.2
_DETAIL_MAX: Final = 500
"""Characters of a run log's line: all lines of a move are one item of at most 400 KB."""

NOTE_EVERY_S: Final = 2.5
"""A runner that waits says so this often; `detection` takes over one that says nothing."""


class StepError(PaymentDrError):
    """A step ran out of its budget; the move is unfinished and can be resumed."""

    def __init__(self, step: Step, move_id: str, trouble: UnavailableError | None) -> None:
        reason = "what it reads back did not come" if trouble is None else trouble.what
        super().__init__(
            f"step {step.name} of move {move_id} is not done within {step.budget_s:g} s: {reason}",
            remedy=f"mend that, then payment-dr resume {move_id}; until then nothing else happens",
            definite=trouble is not None and trouble.definite,
        )
        self.step = step.name


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

    error: Refused | Superseded | StepError


MoveOutcome = Completed | AwaitsApproval | Stopped

Progress = Callable[[Transition], None]


def start(
    world: World,
    request: MoveRequest,
    settings: FailoverSettings,
    *,
    progress: Progress = lambda _: None,
) -> MoveOutcome:
    """Open the move and run it to its end."""
    ctx = MoveContext(world=world, request=request, settings=settings, by=request.by)
    return _Run(ctx, progress).to_the_end()


def resume(
    world: World,
    control: ControlRecord,
    settings: FailoverSettings,
    *,
    by: str,
    progress: Progress = lambda _: None,
) -> MoveOutcome:
    """Join the move that `control` names, wherever it is, and run it to its end.

    Raises:
        PaymentDrError: the control record names no move.
    """
    if control.move is None:
        raise PaymentDrError("there is no move to resume", remedy="payment-dr status")
    ctx = MoveContext(
        world=world,
        request=request_of(control.move),
        settings=settings,
        by=by,
        epoch=control.epoch,
    )
    return _Run(ctx, progress).to_the_end()


def awaits_approval(move: Move, settings: FailoverSettings) -> bool:
    """Whether the promotion of this move still needs somebody to approve it by name."""
    return (
        settings.promotion is Promotion.APPROVAL
        and move.kind is MoveKind.FAILOVER
        and not move.approvals
    )


class _Run:
    """One run of one plan."""

    def __init__(self, ctx: MoveContext, progress: Progress) -> None:
        self._ctx = ctx
        self._plan: Plan = plan_for(ctx.request.kind, ctx.settings.budgets)
        self._progress = progress
        self._said_at = ctx.world.clock.monotonic()
        self._unsaid: list[Transition] = []

    def to_the_end(self) -> MoveOutcome:
        """Every step in its order; whatever ends the run early is said in the run log."""
        try:
            return self._every_step()
        finally:
            self._flush()

    def _every_step(self) -> MoveOutcome:
        for step in self._plan.steps:
            try:
                finished = self._finish(step)
            except (Refused, Superseded, StepError) as error:
                self._say(step, TransitionEvent.FAILED, error.what)
                return Stopped(error=error)
            if not finished:
                self._say(step, TransitionEvent.AWAITS_APPROVAL, "of this very move, by name")
                return AwaitsApproval(move_id=self._ctx.request.move_id)
            if step.name is StepName.ROUTE:
                # Also when it was found done: from here on the switch has to be held.
                self._ctx.routed = True
                self._hold_route()
        return Completed(move_id=self._ctx.request.move_id, epoch=self._ctx.opened_epoch)

    def _finish(self, step: Step) -> bool:
        """Bring one step to its end, within its budget; False if it waits for an approval."""
        clock = self._ctx.world.clock
        deadline = clock.monotonic() + step.budget_s
        began = False
        pauses = _pauses()
        while True:
            trouble: UnavailableError | None = None
            try:
                if self._stands(step):
                    self._say(
                        step,
                        TransitionEvent.DONE if began else TransitionEvent.FOUND_DONE,
                        self._ctx.note,
                    )
                    self._ctx.note = ""
                    return True
                if self._waits(step):
                    return False
                if not began:
                    self._say(step, TransitionEvent.BEGAN, step.does)
                    self._flush()
                    began = True
                step.run(self._ctx)
            except UnavailableError as error:
                trouble = error
            if clock.monotonic() >= deadline:
                raise StepError(step, self._ctx.request.move_id, trouble)
            self._while_waiting(step, trouble)
            clock.sleep(next(pauses))

    def _stands(self, step: Step) -> bool:
        """Whether the move is still ours, and the world shows the step done."""
        if self._ctx.epoch is not None:
            control, move = ours(self._ctx)
            if (
                step.marked
                and control.phase is Phase.MOVING
                and not self._plan.reached(move.step, step.name)
            ):
                mark(self._ctx, control, replace(move, step=step.name))
        return step.is_done(self._ctx)

    def _waits(self, step: Step) -> bool:
        ctx = self._ctx
        return (
            step.point_of_no_return
            and ctx.settings.promotion is Promotion.APPROVAL
            and awaits_approval(ours(ctx)[1], ctx.settings)
            # Nothing can be lost where the target is the writer already, as in an abort.
            and ctx.world.clusters.describe().writer != ctx.request.target
        )

    def _while_waiting(self, step: Step, trouble: UnavailableError | None) -> None:
        """Hold the takeover switch, and show that this runner lives."""
        self._hold_route()
        if self._ctx.world.clock.monotonic() - self._said_at >= NOTE_EVERY_S:
            detail = step.reads_back if trouble is None else trouble.what
            self._say(step, TransitionEvent.WAITS, detail)
            self._flush()

    def _hold_route(self) -> None:
        with suppress(UnavailableError):
            hold_route(self._ctx)

    def _say(self, step: Step, event: TransitionEvent, detail: str) -> None:
        """To whoever watches at once, and into the run log with the next `_flush`."""
        clock = self._ctx.world.clock
        transition = Transition(
            move_id=self._ctx.request.move_id,
            step=step.name,
            event=event,
            detail=detail[:_DETAIL_MAX],
            by=self._ctx.by,
            at=clock.now(),
        )
        self._said_at = clock.monotonic()
        self._unsaid.append(transition)
        self._progress(transition)

    def _flush(self) -> None:
        """Write the run log: before each act, and at the end. A move that never opened has none.

        Nothing depends on the run log, so it may fail.
        """
        if self._unsaid and self._ctx.epoch is not None:
            with suppress(UnavailableError):
                self._ctx.world.control.log(tuple(self._unsaid))
            self._unsaid.clear()


def _pauses() -> Iterator[float]:
    """Look again at once, then soon, then ever later; bounded by the step's budget."""
    yield 0.0
    pause = POLL_S
    while True:
        yield pause
        pause = min(pause * _POLL_GROWTH, POLL_S_MAX)
