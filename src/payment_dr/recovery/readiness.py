"""What forbids a move to open; each item has a name, and an operator may override it by name."""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import FailoverSettings
from payment_dr.recovery.control import ControlRecord, MoveKind, Phase
from payment_dr.recovery.moves import MoveRequest, recent
from payment_dr.recovery.ports import GlobalClusterView, LedgerView

LAG_BYTES_MAX: Final = 16 * 1024 * 1024
"""A planned move starts only if the standby is at most one WAL segment behind."""


@unique
class Gate(StrEnum):
    """Names of what may block a move; the command line's `--override` takes them."""

    MOVE_IN_PROGRESS = "move-in-progress"
    ALREADY_ACTIVE = "already-active"
    COOL_DOWN = "cool-down"
    MOVES_PER_HOUR = "moves-per-hour"
    STANDBY_AVAILABLE = "standby-available"
    REPLICATION_LAG = "replication-lag"
    READINESS = "readiness"
    LEDGER_ALIVE = "ledger-alive"


OVERRIDABLE: Final = frozenset(Gate) - {Gate.MOVE_IN_PROGRESS}
"""An unfinished move is never overridden, only superseded by its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockingItem:
    """One reason not to move, as a sentence with the values that it rests on."""

    gate: Gate
    says: str


class Refused(PaymentDrError):  # noqa: N818 - an outcome, told as an exception
    """The move was not opened; nothing has changed."""

    def __init__(self, move_id: str, items: tuple[BlockingItem, ...]) -> None:
        reasons = "; ".join(f"{item.gate}: {item.says}" for item in items)
        may = sorted(item.gate for item in items if item.gate in OVERRIDABLE)
        must = any(item.gate not in OVERRIDABLE for item in items)
        super().__init__(
            f"move {move_id} is refused: {reasons}",
            remedy="payment-dr status, then supersede the unfinished move by its name, or resume it"
            if must
            else f"wait, mend it, or take it upon you: --override {' --override '.join(may)}",
        )
        self.items = items


def move_gates(
    request: MoveRequest, control: ControlRecord, settings: FailoverSettings, now: float
) -> tuple[BlockingItem, ...]:
    """What the control record itself forbids, overrides already applied."""
    found = (
        _unfinished(request, control),
        _already_active(request, control),
        _cool_down(request, control, settings, now),
        _per_hour(control, settings, now),
    )
    return _standing(request, tuple(item for item in found if item is not None))


def standby_gates(
    request: MoveRequest,
    control: ControlRecord,
    platform: GlobalClusterView,
    replica: LedgerView,
) -> tuple[BlockingItem, ...]:
    """What a planned move asks of its target: a healthy replica of the active writer, close by.

    The replica's stamp tells whose descendant it is: an old writer that came back unrebuilt
    carries an old one.
    """
    target = request.target
    found: list[BlockingItem] = []
    problems = [
        (target not in platform.available, "the platform does not name it an available member"),
        (replica.writable, "it takes writes, so it is no replica"),
        (not replica.receiving, "it receives nothing from the writer"),
        (replica.stamp != control.stamp, f"its stamp {replica.stamp} is not {control.stamp}"),
    ]
    wrong = [says for is_wrong, says in problems if is_wrong]
    if wrong:
        found.append(
            BlockingItem(
                gate=Gate.STANDBY_AVAILABLE, says=f"ledger of {target}: {', '.join(wrong)}"
            )
        )
    if replica.lag_bytes is None or replica.lag_bytes > LAG_BYTES_MAX:
        found.append(
            BlockingItem(
                gate=Gate.REPLICATION_LAG,
                says=f"{target} is {replica.lag_bytes} bytes behind, at most {LAG_BYTES_MAX} "
                "(None: unknown)",
            )
        )
    return _standing(request, tuple(found))


def rebuild_gates(
    request: MoveRequest, control: ControlRecord, ledger: LedgerView | None
) -> tuple[BlockingItem, ...]:
    """What a rebuild asks of the ledger of the active site; None: it does not answer.

    While it takes postings nothing is lost that a rebuild would bring back, unless somebody
    restored a backup of this very epoch into its place.
    """
    alive = ledger is not None and ledger.writable and ledger.stamp == control.stamp
    if control.phase is Phase.MOVING or not alive:
        return ()
    says = (
        f"the ledger of {control.active} takes writes under the stamp of epoch {control.epoch}: "
        "a rebuild stops posting until every payment is scanned"
    )
    return _standing(request, (BlockingItem(gate=Gate.LEDGER_ALIVE, says=says),))


def _standing(request: MoveRequest, items: tuple[BlockingItem, ...]) -> tuple[BlockingItem, ...]:
    return tuple(
        item for item in items if item.gate not in OVERRIDABLE or item.gate not in request.overrides
    )


def _unfinished(request: MoveRequest, control: ControlRecord) -> BlockingItem | None:
    unfinished = control.move if control.phase is Phase.MOVING else None
    name = None if unfinished is None else unfinished.move_id
    if name == request.supersedes:
        return None
    return BlockingItem(
        gate=Gate.MOVE_IN_PROGRESS,
        says=f"unfinished is {name}, to be superseded is {request.supersedes}",
    )


def _already_active(request: MoveRequest, control: ControlRecord) -> BlockingItem | None:
    stays = request.kind is MoveKind.REBUILD
    if control.phase is Phase.MOVING or control.active != request.target or stays:
        return None
    return BlockingItem(gate=Gate.ALREADY_ACTIVE, says=f"{request.target} is active already")


def _cool_down(
    request: MoveRequest, control: ControlRecord, settings: FailoverSettings, now: float
) -> BlockingItem | None:
    """The active site has not been so for long, or an unfinished move is to be turned round early.

    Without the latter two overloaded sites would supersede each other's moves for ever. Taking a
    move's place in its own direction, as when a planned one loses its source, is no flapping. Nor
    is a rebuild where the active role stays.
    """
    move = control.move
    stays = request.kind is MoveKind.REBUILD and request.target == control.active
    if move is None or stays:
        return None
    turned = control.phase is Phase.MOVING and move.target != request.target
    stayed = now - (max(control.changed_at, move.started_at) if turned else control.changed_at)
    if stayed >= settings.min_stay_s:
        return None
    what = f"move {move.move_id}" if turned else f"{control.active} is active"
    return BlockingItem(
        gate=Gate.COOL_DOWN,
        says=f"{what} since {stayed:.1f} s, at least {settings.min_stay_s:g} s",
    )


def _per_hour(
    control: ControlRecord, settings: FailoverSettings, now: float
) -> BlockingItem | None:
    moves = len(recent(control, now))
    if moves < settings.moves_per_hour_max:
        return None
    return BlockingItem(
        gate=Gate.MOVES_PER_HOUR,
        says=f"{moves} moves within an hour, at most {settings.moves_per_hour_max}",
    )
