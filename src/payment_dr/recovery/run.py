"""One runner at its work: brings the steps of a plan to their ends, whole or slice by slice.

It keeps nothing that matters: each step asks the world whether it is done. Before every look and
every act the control record is read again, and a move that is no longer ours ends the run. Two
runners of one move do no harm: they act by compare-and-set, or in ways that may be done twice.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Final

from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.settings import FailoverSettings, Promotion
from payment_dr.recovery.context import MoveContext, ours
from payment_dr.recovery.control import Move, MoveKind, Phase
from payment_dr.recovery.moves import Superseded
from payment_dr.recovery.plan import Plan, Step, plan_for
from payment_dr.recovery.ports import Transition, TransitionEvent
from payment_dr.recovery.readiness import Refused
from payment_dr.recovery.rebuilding import LedgerDiffersError
from payment_dr.recovery.reporting import Outline
from payment_dr.recovery.steps import mark

POLL_S: Final = 0.02
POLL_S_MAX: Final = 1.0
_POLL_GROWTH: Final = 1.2
_DETAIL_MAX: Final = 500
"""Characters of a run log's line: all lines of a move are one item of at most 400 KB."""

NOTE_EVERY_S: Final = 2.5
"""A runner that waits says so this often; `detection` takes over one that says nothing."""

LONG_S: Final = 1800.0
NOTES_MAX: Final = 120
"""Notes in the run log of a step whose budget is longer than that: the log of a move is bounded."""

Progress = Callable[[Transition], None]


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


@unique
class StepState(StrEnum):
    """How far a step has come when its runner lets go of it.

    WAITS: this slice of its budget is used up, and more of it is left. AWAITS_APPROVAL: it is past
    the point of no return and waits for an approval of this very move.
    """

    DONE = "done"
    WAITS = "waits"
    AWAITS_APPROVAL = "awaits-approval"


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """A part of a step's budget: its length, and whether other parts precede or follow it."""

    seconds: float
    first: bool = True
    last: bool = True


def awaits_approval(move: Move, settings: FailoverSettings) -> bool:
    """Whether the promotion of this move still needs somebody to approve it by name."""
    return (
        settings.promotion is Promotion.APPROVAL
        and move.kind is MoveKind.FAILOVER
        and not move.approvals
    )


class Run:
    """One runner of one plan; `flush` at its end, whatever that is."""

    def __init__(self, ctx: MoveContext, progress: Progress) -> None:
        self.plan: Plan = plan_for(ctx.request.kind, ctx.settings.budgets)
        ctx.outline = tuple(
            Outline(name=step.name, reads_back=step.reads_back, budget_s=step.budget_s)
            for step in self.plan.steps
        )
        self._ctx = ctx
        self._progress = progress
        self._said_at = self._logged_at = ctx.world.clock.monotonic()
        self._unsaid: list[Transition] = []

    def finish(self, step: Step, part: Slice) -> StepState:
        """Bring one step to its end, or as far as a slice of its budget allows.

        Raises:
            Refused: the move was not opened.
            Superseded: another move has taken the place of this one.
            StepError: the last slice of the budget is used up.
            LedgerDiffersError: a rebuild has compared, and the ledger is not what it should be.
        """
        try:
            state = self._finish(step, part)
        except (Refused, Superseded, StepError, LedgerDiffersError) as error:
            self._say(step, TransitionEvent.FAILED, error.what)
            raise
        if state is StepState.AWAITS_APPROVAL:
            self._say_that_it_awaits_approval(step)
        return state

    def flush(self) -> None:
        """Write the run log: before each act, and at the end. A move that never opened has none.

        Nothing depends on the run log, so it may fail.
        """
        if self._unsaid and self._ctx.epoch is not None:
            with suppress(UnavailableError):
                self._ctx.world.control.log(tuple(self._unsaid))
            self._unsaid.clear()

    def _finish(self, step: Step, part: Slice) -> StepState:
        """Look and act by turns; the last look comes after the last act, however long that took."""
        clock = self._ctx.world.clock
        deadline = clock.monotonic() + part.seconds
        pauses = _pauses()
        began, over = not part.first, False
        while True:
            trouble: UnavailableError | None = None
            try:
                state = self._looked(step, began=began)
                if state is not None:
                    return state
                if not over:
                    self._act(step, began=began)
                    began = True
            except UnavailableError as error:
                trouble = error
            if over:
                break
            over = clock.monotonic() >= deadline
            if not over:
                self._while_waiting(step, trouble)
                clock.sleep(0.0 if step.works else next(pauses))
        if part.last:
            raise StepError(step, self._ctx.request.move_id, trouble)
        return StepState.WAITS

    def _looked(self, step: Step, *, began: bool) -> StepState | None:
        """How the step stands, if there is nothing to do about it; None if there is."""
        if self._stands(step):
            event = TransitionEvent.DONE if began else TransitionEvent.FOUND_DONE
            self._say(step, event, self._ctx.note)
            self._ctx.note = ""
            return StepState.DONE
        return StepState.AWAITS_APPROVAL if self._waits(step) else None

    def _act(self, step: Step, *, began: bool) -> None:
        if not began:
            self._say(step, TransitionEvent.BEGAN, step.does)
            self.flush()
        step.run(self._ctx)

    def _stands(self, step: Step) -> bool:
        """Whether the move is still ours, and the world shows the step done."""
        if self._ctx.epoch is not None:
            control, move = ours(self._ctx)
            if (
                step.marked
                and control.phase is Phase.MOVING
                and not self.plan.reached(move.step, step.name)
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

    def _say_that_it_awaits_approval(self, step: Step) -> None:
        """Once: who waits for an approval asks again and again, for hours perhaps.

        But it stays the last line of the run log, by which detection knows that nobody works.
        """
        latest: tuple[Transition, ...] = ()
        with suppress(UnavailableError):
            latest = self._ctx.world.control.run_log(self._ctx.request.move_id)[-1:]
        said = bool(latest) and latest[0].event is TransitionEvent.AWAITS_APPROVAL
        if self._unsaid or not said:
            self._say(step, TransitionEvent.AWAITS_APPROVAL, "of this very move, by name")

    def _while_waiting(self, step: Step, trouble: UnavailableError | None) -> None:
        """Show that this runner lives: often to who looks on, into the log as its size allows."""
        now = self._ctx.world.clock.monotonic()
        if now - self._said_at < NOTE_EVERY_S:
            return
        detail = (self._ctx.note or step.reads_back) if trouble is None else trouble.what
        pause = step.budget_s / NOTES_MAX if step.budget_s > LONG_S else NOTE_EVERY_S
        if now - self._logged_at >= pause:
            self._say(step, TransitionEvent.WAITS, detail)
            self.flush()
        else:
            self._tell(step, TransitionEvent.WAITS, detail)

    def _say(self, step: Step, event: TransitionEvent, detail: str) -> None:
        """To whoever watches at once, and into the run log with the next `flush`."""
        self._unsaid.append(self._tell(step, event, detail))
        self._logged_at = self._said_at

    def _tell(self, step: Step, event: TransitionEvent, detail: str) -> Transition:
        """To whoever watches."""
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
        self._progress(transition)
        return transition


def _pauses() -> Iterator[float]:
    """Look again at once, then soon, then ever later; bounded by the step's budget."""
    yield 0.0
    pause = POLL_S
    while True:
        yield pause
        pause = min(pause * _POLL_GROWTH, POLL_S_MAX)
