"""Executions are started by name, so that starting one twice is once."""

import json
from typing import Any

import pytest

from fakes.planned_client import PlannedClient, refusal
from fakes.recovery_world import to_west
from payment_dr.adapters.state_machine import StateMachine
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch
from payment_dr.recovery.control import MoveKind
from payment_dr.recovery.execution import MachineInput

ARN = "arn:aws:states:us-west-2:000000000000:stateMachine:payments-recovery-west-dev"
ASKED = MachineInput(move=to_west(MoveKind.FAILOVER, overrides=("cool-down",)), epoch=Epoch(2))


def test_an_execution_has_the_name_that_it_is_given_and_the_move_as_its_input() -> None:
    client = PlannedClient({"executionArn": "x"})
    assert StateMachine(client, ARN).start("m1", ASKED)
    assert len(client.calls) == 1
    action, request = client.calls[0]
    assert action == "start_execution"
    assert (request["stateMachineArn"], request["name"]) == (ARN, "m1")
    assert json.loads(request["input"]) == {
        "move": {
            "move_id": "m1",
            "kind": "failover",
            "source": "east",
            "target": "west",
            "by": "ada",
            "reason": "a test",
            "overrides": ["cool-down"],
            "supersedes": None,
        },
        "epoch": 2,
    }


def test_an_execution_of_that_name_is_no_error() -> None:
    client = PlannedClient(refusal("ExecutionAlreadyExists"))
    assert not StateMachine(client, ARN).start("m1", ASKED)


def test_any_other_refusal_is_told() -> None:
    client = PlannedClient(refusal("StateMachineDoesNotExist"))
    with pytest.raises(UnavailableError, match="starting execution m1"):
        StateMachine(client, ARN).start("m1", ASKED)


@pytest.mark.parametrize(
    ("name", "allowed"), [("by hand: m 1", "by_hand__m_1"), ("n" * 90, "n" * 80)]
)
def test_a_name_is_made_one_that_step_functions_takes(name: str, allowed: str) -> None:
    client: Any = PlannedClient({})
    StateMachine(client, ARN).start(name, ASKED)
    assert client.calls[0][1]["name"] == allowed
