"""Taking an unfinished move back, while that loses nothing."""

from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.recovery.control import ControlRecord, MoveKind, Phase
from payment_dr.recovery.moves import MoveRequest
from payment_dr.recovery.ports import GlobalClusterView
from payment_dr.recovery.readiness import Gate

_OVERRIDES: Final = (Gate.COOL_DOWN, Gate.MOVES_PER_HOUR)
"""Taking a move back does not flap: the active site stays what it was."""


def abort_request(
    control: ControlRecord,
    platform: GlobalClusterView,
    *,
    aborted: str,
    move_id: str,
    by: str,
) -> MoveRequest:
    """The move that supersedes `aborted` and leads back to the site that is active still.

    Roles change only when the ledger opens, so before a promotion was tried there is nothing to
    undo but routing and a pause of posting. Afterwards an abort would promote the other way, and
    lose what was written since.

    Raises:
        PaymentDrError: no such move is in progress, or it is past the point of no return.
    """
    move = control.move
    if control.phase is not Phase.MOVING or move is None or move.move_id != aborted:
        raise PaymentDrError(
            f"move {aborted} is not in progress", remedy="payment-dr status shows what is"
        )
    if move.attempts or platform.writer != control.active:
        raise PaymentDrError(
            f"move {aborted} is past the point of no return: promotions tried {move.attempts}, the "
            f"writer is {platform.writer}",
            remedy=f"payment-dr resume {aborted}, then switch back",
        )
    if move.keeps_full_scan:
        raise PaymentDrError(
            f"move {aborted} is a rebuild, or took the place of one: the ledger may lack confirmed "
            "payments until every payment is scanned",
            remedy=f"payment-dr resume {aborted}; or rebuild at the other site and supersede it",
        )
    peer = move.source if move.target == control.active else move.target
    return MoveRequest(
        move_id=move_id,
        kind=MoveKind.FAILOVER,
        source=peer,
        target=control.active,
        by=by,
        reason=f"abort of {aborted}",
        overrides=_OVERRIDES,
        supersedes=aborted,
    )
