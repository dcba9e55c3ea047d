"""What one runner knows while it runs one move; lost with the runner, and nothing rests on it."""

from dataclasses import dataclass

from payment_dr.core.settings import FailoverSettings
from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.recovery.control import ControlRecord, Move
from payment_dr.recovery.moves import MoveRequest, Superseded
from payment_dr.recovery.ports import World
from payment_dr.recovery.reporting import Outline


@dataclass(kw_only=True, slots=True)
class MoveContext:
    """One runner's view of its move.

    `epoch` is None until the move is open; `open_from` is the epoch that it was tried in first.
    `seen` is the control record as the latest look at it found it; `reconciled_on` the version of
    it that was read before the latest reconciliation of this runner, or of the one it follows.
    `promote_not_before` spaces promote calls (monotonic seconds). `note` is what the step says of
    itself, `outline` the plan as the report tells of it.
    """

    world: World
    request: MoveRequest
    settings: FailoverSettings
    by: str
    epoch: Epoch | None = None
    open_from: Epoch | None = None
    seen: ControlRecord | None = None
    reconciled_on: int | None = None
    promote_not_before: float = 0.0
    note: str = ""
    outline: tuple[Outline, ...] = ()

    @property
    def opened_epoch(self) -> Epoch:
        """The move's epoch; only steps after open-move ask for it."""
        if self.epoch is None:
            raise AssertionError("a step after open-move ran before the move was open")
        return self.epoch

    @property
    def stamp(self) -> Stamp:
        """The stamp that the target's ledger carries once it is promoted by this move."""
        return Stamp(epoch=self.opened_epoch, site=self.request.target)


def ours(ctx: MoveContext) -> tuple[ControlRecord, Move]:
    """The control record, read now and kept as `seen`, and our move in it.

    Raises:
        Superseded: another move has taken its place.
    """
    control = ctx.world.control.read()
    move = control.move
    if move is None or move.move_id != ctx.request.move_id or control.epoch != ctx.epoch:
        raise Superseded(ctx.request.move_id, control)
    ctx.seen = control
    return control, move
