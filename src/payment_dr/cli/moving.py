"""Carries a move out: asks readiness, writes the audit log, runs the steps or has them run."""

import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import assert_never

import typer

from payment_dr.adapters.state_machine import Execution
from payment_dr.cli import move_view
from payment_dr.cli.auditing import Audited, Intent, approvals_of, audited, operator
from payment_dr.cli.talk import say
from payment_dr.cli.target import Target
from payment_dr.cli.watching import Watched, WatchEnd, Watcher, longest_s
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import FailoverSettings, Orchestrator
from payment_dr.functions.desk import Asked, Desk
from payment_dr.functions.recovery_composition import Recovery
from payment_dr.recovery.audit import AuditEvent
from payment_dr.recovery.control import ControlRecord, Move, MoveKind
from payment_dr.recovery.documents import READINESS_EVIDENCE, READINESS_NAME, ReadinessEvidence
from payment_dr.recovery.execution import MachineInput
from payment_dr.recovery.moves import MoveRequest, Superseded, request_of
from payment_dr.recovery.plan import Plan, plan_for
from payment_dr.recovery.ports import World
from payment_dr.recovery.readiness import BlockingItem, Refused, move_gates, standby_gates
from payment_dr.recovery.readiness_items import Item, blocking, forbidding
from payment_dr.recovery.rebuilding import LedgerDiffersError
from payment_dr.recovery.run import StepError
from payment_dr.recovery.runner import (
    AwaitsApproval,
    Completed,
    MoveOutcome,
    Stopped,
    resume,
    start,
)

Outcome = MoveOutcome | Watched


class NotReadyError(Refused):
    """Readiness forbids the move; nothing has changed."""

    def __init__(self, move_id: str, items: tuple[Item, ...]) -> None:
        super().__init__(move_id, blocking(items))
        names = " --override ".join(item.name for item in items)
        mend = "; ".join(f"{item.name}: {item.remedy}" for item in items)
        self.remedy = f"{mend}; or take it upon you: --override {names} --reason WHY"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mover:
    """A person who moves something, at the site that the move leads to.

    `here` runs the steps in this process whatever the settings say.
    """

    recovery: Recovery
    desk: Desk
    settings: FailoverSettings
    command: str
    here: bool

    def open(self, request: MoveRequest) -> Outcome:
        """Open the move and bring it to its end.

        Raises:
            UnavailableError: the audit log does not answer, so nothing was done.
        """
        intent = Intent(
            command=self.command,
            site=request.target,
            move_id=request.move_id,
            reason=request.reason,
            overrides=request.overrides,
        )
        with audited(self.desk, self._world.clock, intent) as deed:
            outcome = self._refused(request) or self._opened(request)
            _audit(deed, outcome)
        return outcome

    def join(self, control: ControlRecord, move: Move) -> Outcome:
        """Join the move that the control record names.

        Raises:
            PaymentDrError: it is finished.
            UnavailableError: the audit log does not answer, so nothing was done.
        """
        intent = Intent(
            command=self.command,
            site=move.target,
            move_id=move.move_id,
            reason=move.reason,
            overrides=move.overrides,
            approvals=approvals_of(move),
        )
        with audited(self.desk, self._world.clock, intent) as deed:
            outcome = self._joined(control, move)
            _audit(deed, outcome)
        return outcome

    @property
    def _world(self) -> World:
        return self.recovery.world

    @property
    def _by_machine(self) -> bool:
        return self.settings.orchestrator is Orchestrator.STATE_MACHINE and not self.here

    def _refused(self, request: MoveRequest) -> Stopped | None:
        """A move is refused by what forbids its kind and nobody takes upon themselves.

        A failover asks nothing in the other region, and little in its own. Nor does a rebuild,
        whose own gates are asked as it opens.
        """
        if request.kind is MoveKind.REBUILD:
            return None
        unplanned = request.kind is MoveKind.FAILOVER
        gates = () if unplanned else self._gates(request)
        if gates:
            return Stopped(error=Refused(request.move_id, gates))
        items = self.desk.readiness(self._world, Asked.TARGET if unplanned else Asked.BOTH_REGIONS)
        standing = tuple(
            item for item in forbidding(items, request.kind) if item.name not in request.overrides
        )
        if standing:
            return Stopped(error=NotReadyError(request.move_id, standing))
        self._keep(request, items)
        return None

    def _gates(self, request: MoveRequest) -> tuple[BlockingItem, ...]:
        """The plan's own, asked before the long survey; without an answer the plan asks again."""
        world = self._world
        with suppress(UnavailableError):
            control = world.control.read()
            return move_gates(request, control, self.settings, world.clock.now()) or standby_gates(
                request, control, world.clusters.describe(), world.ledgers.view(request.target)
            )
        return ()

    def _keep(self, request: MoveRequest, items: tuple[Item, ...]) -> None:
        """For the report, which says that it was not asked if this cannot be stored."""
        found = ReadinessEvidence(
            move_id=request.move_id,
            by=request.by,
            at=self._world.clock.now(),
            items=items,
            overrides=request.overrides,
        )
        with suppress(UnavailableError):
            self._world.evidence.put(
                request.move_id, READINESS_NAME, READINESS_EVIDENCE.dump_json(found).decode()
            )

    def _opened(self, request: MoveRequest) -> Outcome:
        plan = self._plan(request.kind)
        progress = move_view.Progress(plan)
        if not self._by_machine:
            return start(self._world, request, self.settings, progress=progress)
        # The machine asks them again; what is refused at once need not be started.
        control = self._world.control.read()
        items = move_gates(request, control, self.settings, self._world.clock.now())
        if items:
            return Stopped(error=Refused(request.move_id, items))
        return self._by_execution(request.move_id, MachineInput(move=request), plan, request)

    def _joined(self, control: ControlRecord, move: Move) -> Outcome:
        plan = self._plan(move.kind)
        if not self._by_machine:
            progress = move_view.Progress(plan)
            return resume(self._world, control, self.settings, by=operator(), progress=progress)
        request = request_of(move)
        name = f"{move.move_id}-{control.version}-{uuid.uuid4().hex[:8]}"
        return self._by_execution(
            name, MachineInput(move=request, epoch=control.epoch), plan, request
        )

    def _by_execution(
        self, name: str, asked: MachineInput, plan: Plan, request: MoveRequest
    ) -> Watched:
        """Start the state machine of the site and follow the move that it runs."""
        self.desk.machine.start(name, asked)
        say(
            f"the state machine of {request.target} runs it, execution {name}; Ctrl-C only ends "
            "this view"
        )

        def execution() -> Execution:
            return self.desk.machine.execution(name)

        return watcher(self._world, request.move_id, plan, execution).follow(longest_s(plan))

    def _plan(self, kind: MoveKind) -> Plan:
        return plan_for(kind, self.settings.budgets)


def watcher(
    world: World, move_id: str, plan: Plan, execution: Callable[[], Execution] | None
) -> Watcher:
    """Follows a move and says its progress; with an execution, until it waits for an approval."""
    return Watcher(
        world=world,
        move_id=move_id,
        progress=move_view.Progress(plan),
        execution=execution,
        stop_at_approval=execution is not None,
    )


def mover(target: Target, recovery: Recovery, command: str, *, here: bool) -> Mover:
    """At the site of these ports."""
    return Mover(
        recovery=recovery,
        desk=target.desk(recovery),
        settings=target.settings.failover,
        command=command,
        here=here,
    )


def conclude(outcome: Outcome, *, as_json: bool) -> None:
    """Say how it ended.

    Raises:
        typer.Exit: with 1, if it is not complete.
    """
    if as_json:
        sys.stdout.write(move_view.outcome_json(outcome))
    _, says = _told(outcome)
    complete = isinstance(outcome, Completed) or (
        isinstance(outcome, Watched) and outcome.end is WatchEnd.COMPLETED
    )
    say(says if complete else f"error: {says}" if isinstance(outcome, Stopped) else says)
    if not complete:
        raise typer.Exit(1)


def _audit(deed: Audited, outcome: Outcome) -> None:
    event, says = _told(outcome)
    deed.end(event, says)


def _told(outcome: Outcome) -> tuple[AuditEvent, str]:
    """How the audit log calls it, and a sentence."""
    match outcome:
        case Completed():
            says = f"{outcome.move_id} is complete in epoch {outcome.epoch}"
            return AuditEvent.FINISHED, says
        case AwaitsApproval():
            says = f"{outcome.move_id} waits: payment-dr approve {outcome.move_id}, then resume it"
            return AuditEvent.UNFINISHED, says
        case Stopped():
            return _event_of(outcome.error), str(outcome.error)
        case Watched():
            events = {WatchEnd.COMPLETED: AuditEvent.FINISHED, WatchEnd.REFUSED: AuditEvent.REFUSED}
            event = events.get(outcome.end, AuditEvent.UNFINISHED)
            return event, f"{outcome.move_id} is {outcome.end}: {outcome.says}"
        case unreachable:
            assert_never(unreachable)


def _event_of(error: Refused | Superseded | StepError | LedgerDiffersError) -> AuditEvent:
    return AuditEvent.REFUSED if isinstance(error, Refused) else AuditEvent.UNFINISHED
