"""The evidence that a move leaves, as JSON documents; the reports read them back."""

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.recovery.control import Move
from payment_dr.recovery.ports import Rebuilding, Reconciled, Transition
from payment_dr.recovery.readiness_items import Item

EVIDENCE_NAME: Final = "move.json"
"""The evidence of a finished move; its last document, which seals its report."""

SUPERSEDED_NAME: Final = "superseded.json"
"""The same of a move that another one took the place of, an abort among them."""

READINESS_NAME: Final = "readiness.json"
"""What readiness said when the move was asked for, if it was asked."""

RECONCILIATION_PREFIX: Final = "reconciliation-"
"""One document of each reconciliation."""

REBUILD_NAME: Final = "rebuild.json"
"""What a rebuild posted, and what its comparison found; the latest one."""

SEALS: Final = frozenset({EVIDENCE_NAME, SUPERSEDED_NAME})
"""Documents that name their report; all others are named by it."""


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
class RebuildEvidence:
    """A comparison of the whole ledger with the payments table, and what was posted before it."""

    move_id: str
    by: str
    at: float
    stamp: Stamp
    found: Rebuilding


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadinessEvidence:
    """What readiness said before a move, and which of its items somebody took upon themselves."""

    move_id: str
    by: str
    at: float
    items: tuple[Item, ...]
    overrides: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filed:
    """A report's place in the chain of its site, and the SHA-256 of its canonical JSON."""

    site: SiteName
    number: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveEvidence:
    """A move at its end: who, why, with which approvals and overrides, its run log, its report."""

    move: Move
    stamp: Stamp
    run_log: tuple[Transition, ...]
    report: Filed | None = None


RECONCILIATION_EVIDENCE = TypeAdapter(ReconciliationEvidence)
REBUILD_EVIDENCE = TypeAdapter(RebuildEvidence)
READINESS_EVIDENCE = TypeAdapter(ReadinessEvidence)
MOVE_EVIDENCE = TypeAdapter(MoveEvidence)
