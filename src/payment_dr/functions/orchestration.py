"""Who runs the moves that a site's watcher has decided on: its own tick, or the state machine."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, Protocol, assert_never

from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.state_machine import StateMachine
from payment_dr.core.settings import FailoverSettings, Orchestrator
from payment_dr.functions.composition import aws_client
from payment_dr.functions.recovery_composition import Recovery
from payment_dr.functions.state_machine_start import ByStateMachine, state_machine_arn
from payment_dr.recovery.control import ControlRecord
from payment_dr.recovery.moves import MoveRequest
from payment_dr.recovery.ports import Transition, World
from payment_dr.recovery.runner import (
    AwaitsApproval,
    Completed,
    MoveOutcome,
    Stopped,
    resume,
    start,
)

_LOG: Final = logging.getLogger(__name__)
_START_S: Final = 2.0


class Orchestration(Protocol):
    """Opens and joins moves; each answers what came of it, for people."""

    def new_id(self, control: ControlRecord) -> str:
        """The unique part of the name of a move that is decided on this control record."""
        ...

    def open(self, request: MoveRequest) -> str:
        """Open the move and see to it that it is run to its end."""
        ...

    def join(self, control: ControlRecord) -> str:
        """See to it that the unfinished move in the control record is run to its end."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class InTheTick:
    """Runs a move to its end before the watcher looks again.

    Attributes:
        world: the ports of the site.
        settings: budgets, gates and approval.
        by: who runs it, for the run log.
        unique: a new unique name.
    """

    world: World
    settings: FailoverSettings
    by: str
    unique: Callable[[], str]

    def new_id(self, control: ControlRecord) -> str:
        """Any: the move is open, or refused, before the next one is decided on."""
        del control
        return self.unique()

    def open(self, request: MoveRequest) -> str:
        """Open the move and run it."""
        return _told(start(self.world, request, self.settings, progress=_log))

    def join(self, control: ControlRecord) -> str:
        """Run the move from where it is."""
        return _told(resume(self.world, control, self.settings, by=self.by, progress=_log))


def orchestration_of(recovery: Recovery, *, by: str) -> Orchestration:
    """Who runs this site's moves, as the settings say; `by` is the watcher's name."""
    environment, world = recovery.environment, recovery.world
    settings, site = environment.settings, environment.site
    match settings.failover.orchestrator:
        case Orchestrator.WATCHER:
            return InTheTick(
                world=world,
                settings=settings.failover,
                by=by,
                unique=lambda: uuid.uuid4().hex[:8],
            )
        case Orchestrator.STATE_MACHINE:
            client = aws_client(environment, "stepfunctions", tight(_START_S))
            machine = StateMachine(client, state_machine_arn(settings, site))
            return ByStateMachine(machine=machine, site=site, clock=world.clock)
        case unreachable:
            assert_never(unreachable)


def _told(outcome: MoveOutcome) -> str:
    match outcome:
        case Completed():
            return f"move {outcome.move_id} is complete in epoch {outcome.epoch}"
        case AwaitsApproval():
            return f"move {outcome.move_id} waits for an approval"
        case Stopped():
            return outcome.error.what
        case unreachable:
            assert_never(unreachable)


def _log(transition: Transition) -> None:
    _LOG.info("move", extra={"fields": asdict(transition)})
