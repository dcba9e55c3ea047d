"""All alarms over time: what state each is in, since when and why, and when one changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from payment_dr.lab.alarms.evaluation import EXTRA_PERIODS, Looked, look
from payment_dr.lab.alarms.model import Alarm, Comparison, CompositeAlarm, MetricAlarm, State
from payment_dr.lab.alarms.rule import holds
from payment_dr.lab.alarms.samples import MINUTE_S, Samples

_WORDS = {
    Comparison.ABOVE: "above",
    Comparison.AT_LEAST: "at least",
    Comparison.BELOW: "below",
    Comparison.AT_MOST: "at most",
}
_STARTING = "not evaluated before its periods have passed since the lab began"


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """An alarm's state, since when (seconds of the board's time), and why."""

    alarm: Alarm
    state: State
    since_s: float
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """An alarm that went from a state to another."""

    status: Status
    before: State


class Board:
    """Evaluates alarms each minute, as CloudWatch does; time is in seconds since `begun_s`.

    What was before the beginning is not silence but unknown: a metric alarm is first evaluated
    when all its periods lie behind. CloudWatch would take the time before an alarm for silence.

    Args:
        alarms: metric alarms, and composite alarms over them.
        begun_s: when measuring began.
        extra: periods of the evaluation range beyond an alarm's own.
    """

    def __init__(
        self, alarms: Iterable[Alarm], *, begun_s: float = 0.0, extra: int = EXTRA_PERIODS
    ) -> None:
        self._begun_s = begun_s
        self._extra = extra
        self._statuses = {
            alarm.name: Status(
                alarm=alarm, state=State.INSUFFICIENT_DATA, since_s=begun_s, reason=_STARTING
            )
            for alarm in alarms
        }

    @property
    def statuses(self) -> tuple[Status, ...]:
        """Every alarm, in the order given."""
        return tuple(self._statuses.values())

    def state(self, name: str) -> State:
        """The state of an alarm by its full name."""
        return self._statuses[name].state

    def step(self, samples: Samples, now_s: float) -> tuple[Change, ...]:
        """Look at a whole minute; the alarms that changed."""
        changes = [
            self._turn(status, *self._metric(alarm, status, samples, now_s), now_s)
            for status in self.statuses
            if isinstance(alarm := status.alarm, MetricAlarm)
            and now_s - self._begun_s >= alarm.period_s * alarm.periods
        ]
        # Composite alarms follow what the others have just become.
        changes += [
            self._turn(status, *self._composite(alarm), now_s)
            for status in self.statuses
            if isinstance(alarm := status.alarm, CompositeAlarm)
        ]
        return tuple(change for change in changes if change is not None)

    def run(self, samples: Samples, until_s: float) -> tuple[Change, ...]:
        """Look at each whole minute from the beginning until then."""
        minutes = int((until_s - self._begun_s) // MINUTE_S)
        changes: list[Change] = []
        for minute in range(1, minutes + 1):
            changes += self.step(samples, self._begun_s + minute * MINUTE_S)
        return tuple(changes)

    def _metric(
        self, alarm: MetricAlarm, status: Status, samples: Samples, now_s: float
    ) -> tuple[State, str]:
        looked = look(alarm, samples, now_s, status.state, extra=self._extra)
        return looked.state, reason(alarm, looked)

    def _composite(self, alarm: CompositeAlarm) -> tuple[State, str]:
        states = {status.alarm.name: status.state for status in self.statuses}
        raised = holds(alarm.rule, states)
        named = [name for name, state in states.items() if state is State.ALARM]
        because = ", ".join(name for name in named if f'"{name}"' in alarm.rule)
        return (State.ALARM if raised else State.OK), f"raised of its alarms: {because or 'none'}"

    def _turn(self, status: Status, state: State, why: str, now_s: float) -> Change | None:
        since_s = status.since_s if state is status.state else now_s
        turned = Status(alarm=status.alarm, state=state, since_s=since_s, reason=why)
        self._statuses[status.alarm.name] = turned
        return None if state is status.state else Change(status=turned, before=status.state)


def reason(alarm: MetricAlarm, looked: Looked) -> str:
    """Why: the limit, and the newest datapoints."""
    limit = f"{_WORDS[alarm.comparison]} {alarm.threshold:g}"
    asked = f"{alarm.datapoints} of {alarm.periods} periods of {alarm.period_s} s"
    return f"raised by {asked} {limit}; newest last: {_listed(looked.points)}"


def _listed(points: Sequence[float | None]) -> str:
    newest = points[-5:]
    words = ("no data" if point is None else f"{point:g}" for point in newest)
    return ("... " if len(points) > len(newest) else "") + ", ".join(words)
