"""Where clients are to be, as the control record says: the takeover switch is nothing else.

Route 53 asks the site that is not home for it (`GET /takeover`), so raising and lowering it is the
compare-and-set that the move makes anyway. Accepting is safe at either site, so an answer that is
late or wrong costs a detour and never a payment.
"""

from typing import Final

from payment_dr.core.stamp import SiteName
from payment_dr.recovery.control import ControlRecord, MoveKind, Phase, StepName

RECORD_AGE_S: Final = 1.0
"""How old the control record may be that `/takeover` is answered by."""

_BEFORE_ROUTE: Final = frozenset({StepName.READY, StepName.OPEN_MOVE})
"""Steps at which a move that routes has sent nobody anywhere yet."""

_NEVER_ROUTES: Final = frozenset({MoveKind.REBUILD})
"""Moves that leave clients where they are until the ledger opens. Tests compare both with the
plans, which this module leaves unimported: the API answers by it, and starts cold."""


def traffic_site(control: ControlRecord) -> SiteName:
    """Where clients are to be sent: the active site, or the target of a move that has routed."""
    move = control.move
    if control.phase is Phase.STEADY or move is None or move.kind in _NEVER_ROUTES:
        return control.active
    return control.active if move.step in _BEFORE_ROUTE else move.target


def takeover_raised(control: ControlRecord, home: SiteName) -> bool:
    """Whether clients are to leave home although it may answer."""
    return traffic_site(control) != home
