"""Gates: every effect of a fake passes one, which may let it fail as distributed systems do."""

from collections import defaultdict, deque
from collections.abc import Callable
from enum import Enum, auto, unique
from typing import Final, Protocol, TypeVar

from payment_dr.core.errors import UnavailableError

T = TypeVar("T")

READS: Final = frozenset({"get", "get_many", "index", "view", "look_up", "control"})
"""Effects that change nothing, so that an error of theirs leaves no doubt."""


class Crash(BaseException):
    """The process died here; nothing but a simulation may catch it."""


@unique
class Fault(Enum):
    """What may happen to one effect."""

    NONE = auto()
    REFUSED = auto()  # not applied, and the caller knows
    LOST_REQUEST = auto()  # not applied, the caller cannot know
    LOST_ANSWER = auto()  # applied, the caller cannot know
    LATE = auto()  # applied after the caller gave up
    REPEATED = auto()  # sent again by a client library; the second answer is given
    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()


class Gate(Protocol):
    """Carries out `act` or not; `effect` names it, e.g. `replace`."""

    def __call__(self, effect: str, act: Callable[[], T], /) -> T: ...


def open_gate(_effect: str, act: Callable[[], T], /) -> T:
    """The gate that lets everything pass."""
    return act()


def suffer(fault: Fault, effect: str, act: Callable[[], T], late: list[Callable[[], object]]) -> T:
    """Carry out `act` under a fault; what arrives LATE is put on the list."""
    if fault is Fault.CRASH_BEFORE:
        raise Crash
    if fault is Fault.REFUSED:
        raise UnavailableError(f"{effect} refused")
    if fault is Fault.LATE:
        late.append(act)
    if fault in {Fault.LATE, Fault.LOST_REQUEST}:
        raise UnavailableError(f"{effect} timed out", definite=effect in READS)
    answer = act()
    if fault is Fault.CRASH_AFTER:
        raise Crash
    if fault is Fault.LOST_ANSWER:
        raise UnavailableError(f"{effect} timed out", definite=effect in READS)
    return act() if fault is Fault.REPEATED else answer


class Script:
    """A gate with planned faults: the n-th effect of a name suffers the n-th fault planned."""

    def __init__(self) -> None:
        self.effects: list[str] = []
        self.before: dict[str, Callable[[], object]] = {}
        self._late: list[Callable[[], object]] = []
        self._plan: dict[str, deque[Fault]] = defaultdict(deque)

    def plan(self, effect: str, *faults: Fault) -> None:
        self._plan[effect].extend(faults)

    def interpose(self, effect: str, act: Callable[[], object]) -> None:
        """Do something else just before the next effect of that name, once."""
        self.before[effect] = act

    def deliver_late(self) -> None:
        while self._late:
            self._late.pop(0)()

    def __call__(self, effect: str, act: Callable[[], T], /) -> T:
        self.effects.append(effect)
        self.before.pop(effect, lambda: None)()
        fault = self._plan[effect].popleft() if self._plan[effect] else Fault.NONE
        return suffer(fault, effect, act, self._late)
