"""The last step of a move: its report, in the chain of the site, and the documents that seal it.

The reports of the moves whose place it took are written before it; who lost a race is dead by then,
or has other things to do.
"""

from dataclasses import dataclass

from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.recovery.context import MoveContext, ours
from payment_dr.recovery.control import Move
from payment_dr.recovery.documents import (
    EVIDENCE_NAME,
    MOVE_EVIDENCE,
    SUPERSEDED_NAME,
    MoveEvidence,
)
from payment_dr.recovery.evidence_chain import append
from payment_dr.recovery.move_report import ChainPlace, MoveReport
from payment_dr.recovery.reporting import Findings, build_report


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ended:
    """A move that is over, its epoch, and the one that took its place."""

    move: Move
    stamp: Stamp
    replaced_by: Move | None


def evidence_is_done(ctx: MoveContext) -> bool:
    """The document that seals the report is in the evidence store."""
    return ctx.world.evidence.has(ctx.request.move_id, EVIDENCE_NAME)


def run_evidence(ctx: MoveContext) -> None:
    """File who moved what, why, when, and what came of it."""
    _, move = ours(ctx)
    ended = _Ended(move=move, stamp=ctx.stamp, replaced_by=None)
    for one in _replaced(ended):
        if not ctx.world.evidence.has(one.move.move_id, SUPERSEDED_NAME):
            _file(ctx, one, SUPERSEDED_NAME)
    _file(ctx, ended, EVIDENCE_NAME)


def _replaced(ended: _Ended) -> tuple[_Ended, ...]:
    """Oldest first. Each took its place in the epoch after."""
    found: list[_Ended] = []
    by, epoch = ended.move, ended.stamp.epoch
    while by.replaced is not None:
        move, epoch = by.replaced, Epoch(epoch - 1)
        stamp = Stamp(epoch=epoch, site=move.target)
        found.append(_Ended(move=move, stamp=stamp, replaced_by=by))
        by = move
    return tuple(reversed(found))


def _file(ctx: MoveContext, ended: _Ended, name: str) -> None:
    world, move = ctx.world, ended.move
    by = ended.replaced_by
    findings = Findings(
        about=world.about(),
        settings=ctx.settings,
        move=move,
        stamp=ended.stamp,
        replaced_by=None if by is None else f"{by.move_id} by {by.started_by}: {by.reason}",
        run_log=world.control.run_log(move.move_id),
        documents=world.evidence.documents_of(move.move_id),
        outline=ctx.outline if by is None else (),
    )

    def write(place: ChainPlace) -> MoveReport:
        return build_report(findings, place, by=ctx.by, now=world.clock.now())

    filed = append(world.evidence, findings.about.site, move.move_id, write)
    evidence = MoveEvidence(move=move, stamp=ended.stamp, run_log=findings.run_log, report=filed)
    world.evidence.put(move.move_id, name, MOVE_EVIDENCE.dump_json(evidence).decode())
    ctx.note = f"report {filed.number} of {filed.site}, SHA-256 {filed.sha256}"
