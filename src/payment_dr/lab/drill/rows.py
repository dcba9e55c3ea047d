"""Records and moves as the rows that the checker reads; pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from payment_dr.checks.evidence import (
    Event,
    OperationRow,
    PaymentRow,
    PostingRow,
    Reconciliation,
)
from payment_dr.payments.record import Record
from payment_dr.recovery.control import Move, StepName
from payment_dr.recovery.documents import MoveEvidence, ReconciliationEvidence
from payment_dr.recovery.ports import Transition, TransitionEvent

_NS: Final = 1_000_000_000
_LANDMARKS: Final[Mapping[str, str]] = {
    StepName.OPEN_MOVE: "move-opened",
    StepName.OPEN_LEDGER: "ledger-open",
}
_NAMES: Final = {
    TransitionEvent.BEGAN: "step-started",
    TransitionEvent.DONE: "step-finished",
    TransitionEvent.FOUND_DONE: "step-finished",
}


def payment_row(record: Record) -> PaymentRow:
    """One record of the payments table."""
    return PaymentRow(
        payment_id=record.payment_id,
        merchant=record.merchant,
        amount=record.money.minor_units,
        currency=record.money.currency,
        state=record.state.value,
        version=record.version,
        epoch=record.epoch,
        site=record.site,
        unconfirmed=record.unconfirmed is not None,
        operations=tuple(
            OperationRow(
                operation_id=operation.operation_id,
                kind=operation.kind.value,
                idempotency_key=operation.idempotency_key,
                amount=operation.amount_minor,
                capture=operation.capture,
                state=operation.state.value,
                provider_reference=operation.provider_reference,
                fee=operation.fee_minor,
            )
            for operation in record.operations
        ),
    )


def reconciliations(
    moves: Iterable[MoveEvidence],
    seen_and_posted: Iterable[ReconciliationEvidence],
    old_writer: Callable[[MoveEvidence], tuple[PostingRow, ...] | None],
    standby: Callable[[MoveEvidence], tuple[PostingRow, ...] | None],
    superseded: Iterable[MoveEvidence] = (),
) -> Iterator[Reconciliation]:
    """One row for each finished or superseded move, in order of time: their epochs must rise.

    `old_writer` and `standby` give the postings of the two ledgers; what was posted under the
    move's own epoch or later is left out here, as it came after.
    """
    found = tuple(seen_and_posted)
    won = tuple(moves)
    for evidence in sorted((*won, *superseded), key=lambda e: e.move.started_at):
        move = evidence.move
        mine = [r for r in found if r.move_id == move.move_id]
        yield Reconciliation(
            move_id=move.move_id,
            kind=move.kind.value,
            epoch=evidence.stamp.epoch,
            site=move.target,
            winner=evidence in won,
            seen=tuple(sorted({i for r in mine for i in r.found.seen})),
            posted=tuple(sorted({i for r in mine for i in r.found.posted})),
            old_writer=_earlier(old_writer(evidence), evidence.stamp.epoch),
            standby=_earlier(standby(evidence), evidence.stamp.epoch),
        )


def run_log_events(move: Move, transitions: Iterable[Transition]) -> Iterator[Event]:
    """A move's run log on the timeline, with the two events that recovery is timed by."""
    for transition in transitions:
        done = transition.event in {TransitionEvent.DONE, TransitionEvent.FOUND_DONE}
        if done and transition.step in _LANDMARKS:
            yield _event(move, transition, _LANDMARKS[transition.step])
        yield _event(
            move, transition, _NAMES.get(transition.event, f"step-{transition.event.value}")
        )


def _event(move: Move, transition: Transition, name: str) -> Event:
    return Event(
        time_ns=int(transition.at * _NS),
        name=name,
        site=None,
        detail={
            "step": transition.step,
            "move_id": move.move_id,
            "kind": move.kind.value,
            "event": transition.event.value,
            "detail": transition.detail,
            "by": transition.by,
        },
    )


def _earlier(postings: tuple[PostingRow, ...] | None, epoch: int) -> tuple[str, ...] | None:
    if postings is None:
        return None
    return tuple(sorted({p.entry_id for p in postings if p.epoch < epoch}))
