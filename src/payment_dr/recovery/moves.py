"""How the control record changes: each change is a pure function, and one way to write them all."""

from dataclasses import dataclass, replace
from typing import Final

from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.recovery.control import Approval, ControlRecord, Move, MoveKind, Phase
from payment_dr.recovery.ports import ControlTable

HOUR_S: Final = 3600.0

_APPROVAL_TRIES: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveRequest:
    """A move as it is asked for.

    `supersedes` names the unfinished move that it takes the place of, None if there is none.
    `overrides` are the gates that `by` takes upon themselves, by name.
    """

    move_id: str
    kind: MoveKind
    source: SiteName
    target: SiteName
    by: str
    reason: str
    overrides: tuple[str, ...] = ()
    supersedes: str | None = None


class Superseded(PaymentDrError):  # noqa: N818 - an outcome, told as an exception
    """Another move has taken the place of ours; `winner` is the record that says so."""

    def __init__(self, move_id: str, winner: ControlRecord) -> None:
        if winner.move is None:
            who = f"the control record has no move in epoch {winner.epoch}"
        else:
            move = winner.move
            who = (
                f"{move.started_by} started {move.kind} {move.move_id} to {move.target} "
                f"(epoch {winner.epoch}, {winner.phase})"
            )
        super().__init__(
            f"move {move_id} is superseded: {who}", remedy="payment-dr status, then decide anew"
        )
        self.winner = winner


def request_of(move: Move) -> MoveRequest:
    """The request as the control record has kept it, for whoever takes the move over."""
    return MoveRequest(
        move_id=move.move_id,
        kind=move.kind,
        source=move.source,
        target=move.target,
        by=move.started_by,
        reason=move.reason,
        overrides=move.overrides,
    )


def first_record(home: SiteName) -> ControlRecord:
    """The control record before the first move: home is active."""
    return ControlRecord(
        active=home, epoch=Epoch(1), phase=Phase.STEADY, move=None, version=1, changed_at=0.0
    )


def opened(control: ControlRecord, request: MoveRequest, *, step: str, now: float) -> ControlRecord:
    """A new move in a new epoch; roles stay as they are until the ledger is opened."""
    return replace(
        control,
        epoch=Epoch(control.epoch + 1),
        phase=Phase.MOVING,
        move=Move(
            move_id=request.move_id,
            kind=request.kind,
            source=request.source,
            target=request.target,
            step=step,
            started_by=request.by,
            started_at=now,
            reason=request.reason,
            overrides=request.overrides,
            approvals=(),
            attempts=0,
            replaced=control.move if control.phase is Phase.MOVING else None,
        ),
        version=control.version + 1,
        opened=(*recent(control, now), now),
    )


def recent(control: ControlRecord, now: float) -> tuple[float, ...]:
    """When the moves of the last hour were opened, oldest first."""
    return tuple(at for at in control.opened if now - at < HOUR_S)


def with_move(control: ControlRecord, move: Move) -> ControlRecord:
    """The same move, further on; roles, phase and epoch stay."""
    return replace(control, move=move, version=control.version + 1)


def concluded(control: ControlRecord, move: Move, *, step: str, now: float) -> ControlRecord:
    """The target is active: the only place where a role changes.

    A move back to the active site, which takes another one back, changes none.
    """
    return replace(
        control,
        active=move.target,
        phase=Phase.STEADY,
        move=replace(move, step=step),
        version=control.version + 1,
        changed_at=control.changed_at if control.active == move.target else now,
    )


def settled(table: ControlTable, record: ControlRecord, *, based_on: int) -> bool:
    """Compare-and-set, and after any doubt look whether what stands there is ours.

    A write whose answer was lost, or that was sent twice, is thereby told from a lost race.

    Raises:
        UnavailableError: nothing was written so far. With `definite=False` it may still land; then
            the same change on the same version may be tried again.
    """
    doubt: UnavailableError | None = None
    try:
        if table.compare_and_set(record, based_on=based_on):
            return True
    except UnavailableError as error:
        if error.definite:
            raise
        doubt = error
    try:
        stored = table.read()
    except UnavailableError as error:
        raise UnavailableError(error.what, remedy=error.remedy, definite=False) from error
    if doubt is not None and stored.version == based_on:
        raise doubt
    return stored == record


def approve(table: ControlTable, move_id: str, *, by: str, now: float) -> ControlRecord:
    """Add an approval to the unfinished move of that very name.

    Raises:
        PaymentDrError: the move in progress has another name, or there is none.
        UnavailableError: the control record could not be read or written.
    """
    for _ in range(_APPROVAL_TRIES):
        control = table.read()
        move = control.move
        if control.phase is Phase.STEADY or move is None:
            raise PaymentDrError(
                f"no move is in progress, so {move_id} cannot be approved",
                remedy="payment-dr status",
            )
        if move.move_id != move_id:
            raise PaymentDrError(
                f"an approval of {move_id} does not approve {move.move_id}, which is in progress",
                remedy=f"read payment-dr status, then payment-dr approve {move.move_id}",
            )
        approval = Approval(by=by, at=now)
        approved = with_move(control, replace(move, approvals=(*move.approvals, approval)))
        if settled(table, approved, based_on=control.version):
            return approved
    raise UnavailableError(
        f"the control record kept changing while {move_id} was approved", remedy="approve again"
    )
