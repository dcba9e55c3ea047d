"""Who runs the moves that a site's watcher has decided on: the site's state machine.

The watcher goes on watching meanwhile, and starts an execution with each tick that still finds
one wanting. So executions have names that follow from what was seen, and the same one twice is
one: a new one only after `AGAIN_S`, or when the control record has changed.
"""

import uuid
from dataclasses import dataclass
from typing import Final

from payment_dr.adapters.state_machine import StateMachine
from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.recovery.control import ControlRecord
from payment_dr.recovery.execution import MachineInput
from payment_dr.recovery.moves import MoveRequest, request_of

AGAIN_S: Final = 30
"""How long an execution has to show itself, in the control record, before another is started."""

_ID_LENGTH: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class ByStateMachine:
    """Starts executions of the state machine of `site`."""

    machine: StateMachine
    site: SiteName
    clock: Clock

    def new_id(self, control: ControlRecord) -> str:
        """The same for every tick of a while that finds the same control record."""
        decided = f"{self.site}/{control.version}/{self._while()}"
        return uuid.uuid5(uuid.NAMESPACE_OID, decided).hex[:_ID_LENGTH]

    def open(self, request: MoveRequest) -> str:
        """Start an execution named like the move."""
        return self._start(request.move_id, MachineInput(move=request))

    def join(self, control: ControlRecord) -> str:
        """Start one more execution for the move.

        Raises:
            AssertionError: the control record has no move; then there is no such verdict.
        """
        if control.move is None:
            raise AssertionError("there is no move to join")
        name = f"{control.move.move_id}-{control.version}-{self._while()}"
        asked = MachineInput(move=request_of(control.move), epoch=control.epoch)
        return self._start(name, asked)

    def _start(self, name: str, asked: MachineInput) -> str:
        move_id = asked.move.move_id
        try:
            started = self.machine.start(name, asked)
        except UnavailableError as error:
            return f"move {move_id} has no execution yet: {error.what}"
        return f"move {move_id} is the state machine's" + (", just started" if started else "")

    def _while(self) -> int:
        return int(self.clock.now() // AGAIN_S)


def state_machine_arn(settings: Settings, site: SiteName) -> str:
    """The site's machine, by the name that the deployment gives it."""
    region, account = settings.site(site).region, settings.deployment.account_id
    return f"arn:aws:states:{region}:{account}:stateMachine:{settings.resource('recovery', site)}"
