"""Executions by name: started once, and looked at."""

from typing import Any

import pytest

from fakes.planned_client import PlannedClient, refusal
from fakes.recovery_world import to_west
from payment_dr.adapters.state_machine import Execution, ExecutionStatus, StateMachine
from payment_dr.core.errors import UnavailableError
from payment_dr.recovery.control import MoveKind
from payment_dr.recovery.execution import MachineInput

ARN = "arn:aws:states:us-west-2:000000000000:stateMachine:payments-recovery-west-dev"
ASKED = MachineInput(move=to_west(MoveKind.FAILOVER))


def machine(*planned: Any) -> tuple[StateMachine, PlannedClient]:
    client: Any = PlannedClient(*planned)
    return StateMachine(client, ARN), client


def test_an_execution_that_was_started_before_is_not_started_again() -> None:
    assert machine({})[0].start("m1", ASKED)
    assert not machine(refusal("ExecutionAlreadyExists"))[0].start("m1", ASKED)
    with pytest.raises(UnavailableError, match="starting execution m1"):
        machine(refusal("AccessDeniedException"))[0].start("m1", ASKED)


def test_an_execution_is_looked_at_by_its_name() -> None:
    found, client = machine({"status": "FAILED", "error": "Refused", "cause": "too early"})
    assert found.execution("m 1") == Execution(
        status=ExecutionStatus.FAILED, error="Refused", cause="too early"
    )
    assert client.calls[0][1]["executionArn"] == f"{ARN.replace('stateMachine', 'execution')}:m_1"


def test_an_execution_that_never_was_is_unknown() -> None:
    found, _ = machine(refusal("ExecutionDoesNotExist"))
    assert found.execution("m1").status is ExecutionStatus.UNKNOWN
    with pytest.raises(UnavailableError, match="looking at execution m1"):
        machine(refusal("AccessDeniedException"))[0].execution("m1")
