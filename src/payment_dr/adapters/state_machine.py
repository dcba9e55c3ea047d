"""Starts executions of a state machine; an execution has a name, so starting it twice is once."""

import re
from typing import Any, Final

from botocore.exceptions import ClientError

from payment_dr.adapters.aws_calls import aws_errors, error_code
from payment_dr.recovery.execution import MACHINE_INPUT, MachineInput

_NAME_MAX: Final = 80
_EXISTS: Final = "ExecutionAlreadyExists"


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


def _allowed(name: str) -> str:
    """The name in the letters that Step Functions takes, and no longer than it takes."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_NAME_MAX]
