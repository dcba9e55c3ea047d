"""What the state machine and the function that runs its tasks agree on.

An execution is started with a move's request; `epoch` is given to join a move that is open:

    {"move": {"move_id": ..., "kind": ..., "source": ..., "target": ..., "by": ..., "reason": ...,
              "overrides": [...], "supersedes": null}, "epoch": null}
"""

import math
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from pydantic import TypeAdapter

from payment_dr.core.stamp import Epoch
from payment_dr.recovery.moves import MoveRequest


@unique
class Chore(StrEnum):
    """What the function is called for besides the steps."""

    BEGIN = "begin"
    RECORD_FAILURE = "record-failure"


DEFINITE_ERRORS: Final = (
    "Refused",
    "Superseded",
    "StepError",
    "LedgerDiffersError",
    "SettingsError",
    "PaymentDrError",
)
"""Names of errors after which asking again gives the same answer; all others are tried again."""

SLICE_S_MAX: Final = 60.0
"""Longest part of a budget that one call works for: a call that dies is missed that much later."""

APPROVAL_S_MAX: Final = 4 * 3600
"""Longest wait for an approval; after it the move is approved and resumed by hand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineInput:
    """What an execution is started with; `epoch` is that of a move to join, None to open it."""

    move: MoveRequest
    epoch: Epoch | None = None


MACHINE_INPUT: Final = TypeAdapter(MachineInput)


@dataclass(frozen=True, kw_only=True, slots=True)
class Slices:
    """A budget cut into equal parts of at most `SLICE_S_MAX`; together they are the budget."""

    count: int
    each_s: float


def slices_of(budget_s: float) -> Slices:
    """How a budget is divided among calls of the function."""
    count = math.ceil(budget_s / SLICE_S_MAX)
    return Slices(count=count, each_s=budget_s / count)
