"""The steps of a rebuild that scan the payments table, and what is said of how far they are."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final, assert_never

from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.recovery.context import MoveContext
from payment_dr.recovery.documents import REBUILD_EVIDENCE, REBUILD_NAME, RebuildEvidence
from payment_dr.recovery.ports import Amount, Rebuilding, RebuildState

_SHOWN: Final = 5
_MINUTE_S: Final = 60.0


class LedgerDiffersError(PaymentDrError):
    """The ledger was completed, and is still not what the payments table implies."""

    def __init__(self, move_id: str, found: Rebuilding) -> None:
        some = "; ".join(found.differences[:_SHOWN]) or "the sums per currency"
        super().__init__(
            f"move {move_id}: the ledger differs from the payments table in {found.differing} "
            f"cases: {some}; table {amounts(found.implied)}; ledger {amounts(found.held)}",
            remedy=f"payment-dr resume {move_id} scans once more; if that does not help, restore "
            "another backup or an empty database, and rebuild that",
        )


def rebuild_is_done(ctx: MoveContext) -> bool:
    """The scan that posts is behind us, in the database that is there now."""
    found = ctx.world.rebuilder.progress(ctx.stamp)
    _note(ctx, found)
    return found is not None and found.state in {RebuildState.COMPARING, RebuildState.DONE}


def compare_is_done(ctx: MoveContext) -> bool:
    """Every payment was compared, and none differs."""
    found = ctx.world.rebuilder.progress(ctx.stamp)
    _note(ctx, found)
    return found is not None and found.state is RebuildState.DONE


def run_scan(ctx: MoveContext) -> None:
    """Some pages further, of either scan."""
    _advanced(ctx)


def require_rebuilt(ctx: MoveContext) -> None:
    """Go on with the full scan of a rebuild whose place a move took, as far as it gets.

    Raises:
        UnavailableError: there is more to do; the next call goes on.
        LedgerDiffersError: the ledger is not what the payments table implies.
    """
    found = ctx.world.rebuilder.progress(ctx.stamp)
    if found is None or found.state is not RebuildState.DONE:
        found = _advanced(ctx)
    if found.state is not RebuildState.DONE:
        raise UnavailableError(f"the full scan goes on: {told(found)}")


def told(found: Rebuilding) -> str:
    """How far, how fast, and how much longer, for people."""
    match found.state:
        case RebuildState.DONE:
            return (
                f"{found.payments} payments, posted {amounts(found.posted)}; table and ledger have "
                f"{amounts(found.held)}, {found.young} bookings are younger"
            )
        case RebuildState.DIFFERS:
            return f"{found.differing} differences"
        case RebuildState.POSTING:
            what = f"posted {amounts(found.posted)}"
        case RebuildState.COMPARING:
            what = f"{found.differing} differences"
        case unreachable:
            assert_never(unreachable)
    return f"{found.state}: {_speed(found)}, {what}"


def amounts(found: Mapping[str, Amount]) -> str:
    """Count and money by currency, for people."""
    words = (f"{one.bookings} of {one.money} {name}" for name, one in sorted(found.items()))
    return ", ".join(words) or "none"


def _speed(found: Rebuilding) -> str:
    rate = found.records / found.worked_s if found.worked_s else 0.0
    of = f" of about {found.expected}" if found.expected else ""
    said = f"{found.records}{of} records, {rate:.0f} a second"
    if not rate or found.expected <= found.records:
        return said
    left_s = (found.expected - found.records) / rate
    long = left_s >= _MINUTE_S
    return (
        f"{said}, about {left_s / _MINUTE_S if long else left_s:.0f} {'min' if long else 's'} left"
    )


def _note(ctx: MoveContext, found: Rebuilding | None) -> None:
    ctx.note = "" if found is None else told(found)


def _advanced(ctx: MoveContext) -> Rebuilding:
    """Further; what the comparison found is kept as evidence, whatever it is."""
    found = ctx.world.rebuilder.advance(ctx.stamp)
    _note(ctx, found)
    if found.state in {RebuildState.DONE, RebuildState.DIFFERS}:
        _keep(ctx, found)
    if found.state is RebuildState.DIFFERS:
        raise LedgerDiffersError(ctx.request.move_id, found)
    return found


def _keep(ctx: MoveContext, found: Rebuilding) -> None:
    """Opening the ledger does not wait for evidence: the run log has the sums."""
    evidence = RebuildEvidence(
        move_id=ctx.request.move_id,
        by=ctx.by,
        at=ctx.world.clock.now(),
        stamp=ctx.stamp,
        found=found,
    )
    with suppress(UnavailableError):
        body = REBUILD_EVIDENCE.dump_json(evidence).decode()
        ctx.world.evidence.put(ctx.request.move_id, REBUILD_NAME, body)
