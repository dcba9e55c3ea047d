"""When a metric alarm is raised: which datapoints count, and what those that are missing mean.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
CloudWatch retrieves more datapoints than an alarm's evaluation periods, the *evaluation range*.
How many more it does not say; its own examples have two, and so has the lab. While the range holds
as many real datapoints as there are evaluation periods, the newest of these decide and what is
missing does not matter; else every real one counts and as few as possible are filled in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from payment_dr.lab.alarms import expression
from payment_dr.lab.alarms.expression import Point
from payment_dr.lab.alarms.model import Comparison, Math, MetricAlarm, Missing, Series, State
from payment_dr.lab.alarms.samples import Samples, is_percentile, percentile, statistic

EXTRA_PERIODS: Final = 2
"""Periods of the evaluation range beyond an alarm's own, by the examples in the documentation."""

_SIGNIFICANT: Final = 10.0
"""Samples beyond a percentile that make it significant; see `_too_few`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """An alarm's state after a look, and the datapoints of its periods, oldest first."""

    state: State
    points: tuple[Point, ...]


def look(
    alarm: MetricAlarm, samples: Samples, now_s: float, before: State, *, extra: int = EXTRA_PERIODS
) -> Looked:
    """Evaluate an alarm at a whole minute; its periods end there, whatever their length."""
    points = datapoints(alarm, samples, now_s, alarm.periods + extra)
    shown = tuple(points[-alarm.periods :])
    if alarm.ignores_few and _too_few(alarm, samples, now_s):
        return Looked(state=before, points=shown)
    return Looked(state=decided(alarm, points, before), points=shown)


def datapoints(alarm: MetricAlarm, samples: Samples, now_s: float, count: int) -> list[Point]:
    """Datapoints of the last `count` periods, oldest first; None where nothing was measured."""
    ends = (now_s - back * alarm.period_s for back in reversed(range(count)))
    return [_datapoint(alarm, samples, end_s) for end_s in ends]


def decided(alarm: MetricAlarm, points: Sequence[Point], before: State) -> State:
    """The state after these datapoints, which are the evaluation range, oldest first."""
    real = [point for point in points if point is not None][-alarm.periods :]
    beyond = sum(breaches(alarm, point) for point in real)
    if len(real) == alarm.periods or beyond >= alarm.datapoints:
        return _raised(beyond >= alarm.datapoints)
    match alarm.missing:
        case Missing.BREACHING:
            return _raised(beyond + alarm.periods - len(real) >= alarm.datapoints)
        case Missing.NOT_BREACHING:
            return State.OK
        case Missing.MISSING | Missing.IGNORE:
            if beyond < len(real):
                return State.OK
            if alarm.missing is Missing.IGNORE:
                return before
            return _premature(alarm, points)
        case _:  # pragma: no cover - the four are all
            assert_never(alarm.missing)


def breaches(alarm: MetricAlarm, point: float) -> bool:
    """Whether a datapoint is on the wrong side of the threshold."""
    match alarm.comparison:
        case Comparison.ABOVE:
            return point > alarm.threshold
        case Comparison.AT_LEAST:
            return point >= alarm.threshold
        case Comparison.BELOW:
            return point < alarm.threshold
        case Comparison.AT_MOST:
            return point <= alarm.threshold
        case _:  # pragma: no cover - the four are all
            assert_never(alarm.comparison)


def _premature(alarm: MetricAlarm, points: Sequence[Point]) -> State:
    """Some datapoints, all of them bad, and fewer than raise the alarm.

    They raise it if the oldest is at least as many periods old as datapoints are asked for: see
    "avoiding premature transitions to alarm state" there.
    """
    age = next((len(points) - at for at, point in enumerate(points) if point is not None), 0)
    return State.ALARM if age >= alarm.datapoints else State.INSUFFICIENT_DATA


def _raised(holds: bool) -> State:  # noqa: FBT001 - its name says what it is
    return State.ALARM if holds else State.OK


def _datapoint(alarm: MetricAlarm, samples: Samples, end_s: float) -> Point:
    watches, start_s = alarm.watches, end_s - alarm.period_s

    def of(series: Series) -> Point:
        return statistic(series.statistic, samples.within(series.metric, start_s, end_s))

    match watches:
        case Series():
            return of(watches)
        case Math():
            points = {name: of(series) for name, series in watches.series.items()}
            return expression.evaluate(watches.expression, points)
        case _:  # pragma: no cover - the two are all
            assert_never(watches)


def _too_few(alarm: MetricAlarm, samples: Samples, now_s: float) -> bool:
    """Whether a percentile of the periods looked at is one of too few samples, but of some.

    Fewer than 10 / (1 - percentile), or 10 / percentile below the median; by
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    Without any sample there is no percentile at all, and what is missing means what it means.
    """
    watches = alarm.watches
    if isinstance(watches, Math) or not is_percentile(watches.statistic):
        return False
    fraction = percentile(watches.statistic)
    rare = min(fraction, 1 - fraction)
    span_s = alarm.period_s * alarm.periods
    count = len(samples.within(watches.metric, now_s - span_s, now_s))
    return 0 < count * rare < _SIGNIFICANT
