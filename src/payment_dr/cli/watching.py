"""Follows a move that somebody else runs: a person, a watcher, or the state machine."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from payment_dr.adapters.state_machine import Execution, ExecutionStatus
from payment_dr.cli.talk import duration, say
from payment_dr.core.errors import UnavailableError
from payment_dr.recovery.control import ControlRecord, Phase, StepName
from payment_dr.recovery.detection import RUNNER_SILENT_S
from payment_dr.recovery.execution import APPROVAL_S_MAX
from payment_dr.recovery.plan import Plan
from payment_dr.recovery.ports import Transition, TransitionEvent, World
from payment_dr.recovery.run import Progress

POLL_S: Final = 0.5
_ENDED: Final = frozenset(
    {ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.ABORTED}
)
_DONE: Final = frozenset({TransitionEvent.DONE, TransitionEvent.FOUND_DONE})


@unique
class WatchEnd(StrEnum):
    """UNFINISHED: nobody brings it further, or the watch is over."""

    COMPLETED = "completed"
    AWAITS_APPROVAL = "awaits-approval"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """How a move ended that was watched, and what to say of it."""

    move_id: str
    end: WatchEnd
    says: str


def longest_s(plan: Plan) -> float:
    """Bound of a watch: every budget three times, and the longest wait for an approval."""
    return 3 * sum(step.budget_s for step in plan.steps) + APPROVAL_S_MAX


@dataclass(kw_only=True, slots=True)
class Watcher:
    """Reads the control record and the run log again and again.

    Attributes:
        world: where it is read.
        move_id: of the move.
        progress: is told each line of its run log.
        execution: of the state machine, if that runs it.
        stop_at_approval: end as soon as the move waits for one.
    """

    world: World
    move_id: str
    progress: Progress
    execution: Callable[[], Execution] | None = None
    stop_at_approval: bool = False
    _shown: int = 0
    _seen: bool = False
    _heard_at: float = 0.0
    _told_silent: bool = False

    def follow(self, longest: float) -> Watched:
        """Until the move ends, or `longest` seconds."""
        clock = self.world.clock
        deadline = clock.monotonic() + longest
        self._heard_at = clock.monotonic()
        while clock.monotonic() < deadline:
            try:
                found = self._look()
            except UnavailableError as error:
                say(f"no answer: {error.what}; looking again")
                found = None
            if found is not None:
                return found
            clock.sleep(POLL_S)
        return self._end(
            WatchEnd.UNFINISHED, f"it has not ended within {duration(longest)}; payment-dr status"
        )

    def _look(self) -> Watched | None:
        control = self.world.control.read()
        log = self.world.control.run_log(self.move_id)
        self._show(log)
        move = control.move
        if any(line.step == StepName.EVIDENCE and line.event in _DONE for line in log):
            return self._end(WatchEnd.COMPLETED, "every step is done")
        if move is None or move.move_id != self.move_id:
            return self._elsewhere(control)
        self._seen = True
        return self._standing(control, log)

    def _show(self, log: tuple[Transition, ...]) -> None:
        now = self.world.clock.monotonic()
        for line in log[self._shown :]:
            self.progress(line)
            self._heard_at, self._told_silent = now, False
        self._shown = len(log)
        silent = now - self._heard_at
        if silent >= RUNNER_SILENT_S and not self._told_silent and not self._waits(log):
            self._told_silent = True
            say(
                f"nothing was heard of it for {silent:.0f} s: its runner may have ended; "
                f"payment-dr resume {self.move_id} does no harm"
            )

    def _elsewhere(self, control: ControlRecord) -> Watched | None:
        """The control record names another move: ours is over, or it has not been opened yet."""
        if self._seen or self._shown:
            by = "none" if control.move is None else control.move.move_id
            return self._end(WatchEnd.SUPERSEDED, f"{by} has taken its place; payment-dr status")
        failed = self._failed()
        return None if failed is None else self._end(WatchEnd.REFUSED, failed)

    def _standing(self, control: ControlRecord, log: tuple[Transition, ...]) -> Watched | None:
        latest = log[-1] if log else None
        if latest is not None and latest.event is TransitionEvent.FAILED:
            return self._end(
                WatchEnd.UNFINISHED, f"{latest.detail}; payment-dr resume {self.move_id}"
            )
        if self._waits(log) and self.stop_at_approval and control.phase is Phase.MOVING:
            return self._end(
                WatchEnd.AWAITS_APPROVAL, f"payment-dr approve {self.move_id}, then watch it"
            )
        failed = self._failed()
        return None if failed is None else self._end(WatchEnd.UNFINISHED, failed)

    def _failed(self) -> str | None:
        """What the execution says that has ended without success."""
        found = None if self.execution is None else self.execution()
        if found is None or found.status not in _ENDED:
            return None
        return found.cause or found.error or f"its execution has {found.status}"

    def _end(self, end: WatchEnd, says: str) -> Watched:
        return Watched(move_id=self.move_id, end=end, says=says)

    @staticmethod
    def _waits(log: tuple[Transition, ...]) -> bool:
        return bool(log) and log[-1].event is TransitionEvent.AWAITS_APPROVAL
