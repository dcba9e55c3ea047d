"""The control record: who is active, in which epoch, and the move in progress."""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from payment_dr.core.stamp import Epoch, SiteName, Stamp


@unique
class Phase(StrEnum):
    """STEADY: the active site posts, the standby confirms. MOVING: nobody does either."""

    STEADY = "steady"
    MOVING = "moving"


@unique
class MoveKind(StrEnum):
    """How the active role changes; a failback is a switchover home.

    REBUILD: a restored or empty database takes the place of the ledger, at either site.
    """

    FAILOVER = "failover"
    SWITCHOVER = "switchover"
    FAILBACK = "failback"
    REBUILD = "rebuild"

    @property
    def planned(self) -> bool:
        """Whether it leaves a site that is well, so that nothing is hurried and nothing lost."""
        return self in {MoveKind.SWITCHOVER, MoveKind.FAILBACK}


@unique
class StepName(StrEnum):
    """Names of the steps, as in the control record, the run log and the reports."""

    READY = "ready"
    OPEN_MOVE = "open-move"
    PAUSE_POSTING = "pause-posting"
    DRAIN = "drain"
    ROUTE = "route"
    PROMOTE = "promote"
    RESTORE = "restore"
    REBUILD = "rebuild"
    COMPARE = "compare"
    RECONCILE = "reconcile"
    OPEN_LEDGER = "open-ledger"
    VERIFY = "verify"
    EVIDENCE = "evidence"


_BEFORE_PAUSE: Final = frozenset({StepName.READY, StepName.OPEN_MOVE, StepName.ROUTE})
"""Steps of a planned move at which its source still posts. A test compares them with the plan."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """Who approved this move's promotion, and when (Unix seconds)."""

    by: str
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A move of the active role.

    `attempts` counts promote calls, and stamps of a restored database, written before each is made.
    `replaced` is the unfinished move whose place it took, in whose own `replaced` are those before
    it: whoever finishes writes the evidence of all of them.
    """

    move_id: str
    kind: MoveKind
    source: SiteName
    target: SiteName
    step: str
    started_by: str
    started_at: float
    reason: str
    overrides: tuple[str, ...]
    approvals: tuple[Approval, ...]
    attempts: int
    replaced: "Move | None" = None

    @property
    def keeps_full_scan(self) -> bool:
        """Whether it, or an unfinished move whose place it took, is a rebuild.

        Then the ledger may lack payments that are confirmed, and only a scan of all finds them.
        """
        move: Move | None = self
        while move is not None:
            if move.kind is MoveKind.REBUILD:
                return True
            move = move.replaced
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlRecord:
    """One item of the payments table; changes by compare-and-set on `version` only.

    `move` is the move in progress when MOVING; when STEADY, the last one or None.
    `changed_at` of the active role (Unix seconds) feeds the cool-down gate; `opened` are the times
    of the moves opened within the last hour and feeds the budget of moves.
    """

    active: SiteName
    epoch: Epoch
    phase: Phase
    move: Move | None
    version: int
    changed_at: float
    opened: tuple[float, ...] = ()

    @property
    def stamp(self) -> Stamp:
        """The stamp that the ledger of the active site carries in a steady phase."""
        return Stamp(epoch=self.epoch, site=self.active)

    @property
    def until_paused(self) -> Stamp | None:
        """The stamp under which the source of a planned move goes on posting until it is paused.

        Clients are sent to the target first, which takes as long as DNS does. Whoever posts under
        this stamp when the pause has come is fenced by the ledger itself. None when the move took
        the place of another: what the ledger carries then is not known.
        """
        move = self.move
        if (
            self.phase is Phase.STEADY
            or move is None
            or not move.kind.planned
            or move.step not in _BEFORE_PAUSE
            or move.replaced is not None
        ):
            return None
        return Stamp(epoch=Epoch(self.epoch - 1), site=self.active)
