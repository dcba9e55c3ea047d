"""Starts executions of a state machine; an execution has a name, so starting it twice is once."""

import re
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, Final

from botocore.exceptions import ClientError

from payment_dr.adapters.aws_calls import aws_errors, error_code
from payment_dr.recovery.execution import MACHINE_INPUT, MachineInput

_NAME_MAX: Final = 80
_EXISTS: Final = "ExecutionAlreadyExists"
_NONE: Final = "ExecutionDoesNotExist"


@unique
class ExecutionStatus(StrEnum):
    """As Step Functions names them; UNKNOWN: there is no such execution."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"
    PENDING_REDRIVE = "PENDING_REDRIVE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """How an execution stands; `error` and `cause` of one that failed, else empty."""

    status: ExecutionStatus
    error: str = ""
    cause: str = ""


class StateMachine:
    """The state machine of a site's moves.

    Args:
        client: Step Functions of the machine's region.
        arn: the machine.
    """

    def __init__(self, client: Any, arn: str) -> None:
        self._client = client
        self._arn = arn

    def start(self, name: str, asked: MachineInput) -> bool:
        """Start an execution; False if there is, or was, one of that name already.

        Raises:
            UnavailableError: Step Functions did not answer; starting it again does no harm.
        """
        with aws_errors(f"starting execution {name}", writes=True):
            try:
                self._client.start_execution(
                    stateMachineArn=self._arn,
                    name=_allowed(name),
                    input=MACHINE_INPUT.dump_json(asked).decode(),
                )
            except ClientError as error:
                if error_code(error) != _EXISTS:
                    raise
                return False
        return True

    def execution(self, name: str) -> Execution:
        """How the execution of that name stands.

        Raises:
            UnavailableError: Step Functions did not answer.
        """
        arn = f"{self._arn.replace(':stateMachine:', ':execution:')}:{_allowed(name)}"
        with aws_errors(f"looking at execution {name}", writes=False):
            try:
                found = self._client.describe_execution(executionArn=arn)
            except ClientError as error:
                if error_code(error) != _NONE:
                    raise
                return Execution(status=ExecutionStatus.UNKNOWN)
        return Execution(
            status=ExecutionStatus(found["status"]),
            error=found.get("error", ""),
            cause=found.get("cause", ""),
        )


def _allowed(name: str) -> str:
    """The name in the letters that Step Functions takes, and no longer than it takes."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_NAME_MAX]
