"""Conditional writes to a strongly consistent table: the only way that its shared items change."""

import random
import time
from collections.abc import Callable
from typing import Final

from botocore.exceptions import ClientError

from payment_dr.adapters.aws_calls import error_code
from payment_dr.core.errors import UnavailableError

_CONFLICT_TRIES: Final = 8
_CONFLICT_PAUSE_S: Final = 0.03


def conditional(write: Callable[[], object]) -> bool:
    """Do a conditional write; False when its condition does not hold.

    A conflict with the other region's write took no effect and is tried again, a bounded number
    of times. Still in conflict after that tells nothing about the condition.

    Raises:
        UnavailableError: the conflict did not end; whoever needs to know looks what stands there.
    """
    for _ in range(_CONFLICT_TRIES):
        try:
            write()
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return False
            if error_code(error) != "ReplicatedWriteConflictException":
                raise
            time.sleep(random.uniform(0, _CONFLICT_PAUSE_S))  # noqa: S311 - jitter, no secret
        else:
            return True
    raise UnavailableError(
        "writes in the other region kept getting in the way of this one", definite=False
    )
