"""Executions of the real state machine, with the real function, over the world in memory."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from fakes.composed import SETTINGS as COMPOSED
from fakes.faults import Crash
from fakes.recovery_world import SETTINGS, WEST, FakeWorld
from fakes.states_language import Execution, TaskError
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import FailoverSettings
from payment_dr.functions.environment import Address, Environment
from payment_dr.functions.recovery import respond
from payment_dr.functions.recovery_composition import Recovery
from payment_dr.recovery.execution import MACHINE_INPUT, MachineInput
from payment_dr.recovery.moves import MoveRequest, request_of
from payment_dr.recovery.state_machine import definition

if TYPE_CHECKING:
    from payment_dr.recovery.ports import Heartbeats


def recovery_over(fake: FakeWorld, settings: FailoverSettings = SETTINGS) -> Recovery:
    """The parts of west's function; its settings allow for no heartbeats."""
    environment = Environment(
        site=WEST,
        settings=COMPOSED.model_copy(update={"failover": settings}),
        aws=None,
        ledger=Address(host="127.0.0.1", port=1),
        peer_ledger=None,
        provider_url=None,
        peer_health_url=None,
        own_url=None,
        dns=None,
        evidence_bucket=None,
    )
    return Recovery(
        environment=environment,
        world=fake.ports(),
        heartbeats=cast("Heartbeats", None),
        close=lambda: None,
    )


@dataclass
class Machines:
    """Starts executions at west. `calls` are the function's events; a call may die by `Crash`.

    `before_call` happens within it. `heard` is what of an event gets through to the function.
    """

    fake: FakeWorld
    settings: FailoverSettings = SETTINGS
    calls: list[Mapping[str, Any]] = field(default_factory=list)
    before_call: Callable[[Mapping[str, Any]], None] = lambda _: None
    heard: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict

    def start(self, request: MoveRequest) -> Execution:
        """An execution that opens the move."""
        return self._execution(MachineInput(move=request))

    def resume(self) -> Execution:
        """An execution that joins the move in the control record."""
        control = self.fake.control
        assert control.move is not None
        asked = MachineInput(move=request_of(control.move), epoch=control.epoch)
        return self._execution(asked)

    def _execution(self, asked: MachineInput) -> Execution:
        settings = COMPOSED.model_copy(update={"failover": self.settings})
        return Execution(
            definition(settings, function_arn="the function"),
            self._call,
            self.fake.clock.sleep,
            MACHINE_INPUT.dump_python(asked, mode="json"),
        )

    def _call(self, event: Mapping[str, Any]) -> Any:
        self.calls.append(event)
        try:
            self.before_call(event)
            return respond(self.heard(event), recovery_over(self.fake, self.settings))
        except PaymentDrError as error:
            raise TaskError(type(error).__name__, raised(error)) from error
        except Crash as error:
            raise TaskError("Runtime.ExitError", '{"errorMessage": "the process died"}') from error


def raised(error: PaymentDrError) -> str:
    """As Lambda tells of an exception."""
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__})
