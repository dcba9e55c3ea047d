"""The evidence that a move leaves, as JSON documents; the reports read them back."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from payment_dr.core.stamp import Stamp
from payment_dr.recovery.control import Move
from payment_dr.recovery.ports import Reconciled, Transition


@dataclass(frozen=True, kw_only=True, slots=True)
class ReconciliationEvidence:
    """One reconciliation of a move: what it saw unconfirmed, posted, and whose money that was."""

    move_id: str
    kind: str
    by: str
    at: float
    stamp: Stamp
    found: Reconciled


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveEvidence:
    """A finished move: who, why, with which approvals and overrides, and its run log."""

    move: Move
    stamp: Stamp
    run_log: tuple[Transition, ...]


RECONCILIATION_EVIDENCE = TypeAdapter(ReconciliationEvidence)
MOVE_EVIDENCE = TypeAdapter(MoveEvidence)
