"""What was measured, minute by minute: CloudWatch keeps no finer time of a standard metric."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from payment_dr.lab.alarms.model import Metric
from payment_dr.lab.errors import LabError

MINUTE_S: Final = 60

_STATISTICS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "Sum": math.fsum,
    "Minimum": min,
    "Maximum": max,
    "Average": lambda values: math.fsum(values) / len(values),
    "SampleCount": lambda values: float(len(values)),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One value of a metric at a time, in Unix seconds."""

    metric: Metric
    at_s: float
    value: float


class Samples:
    """All samples, by metric and minute."""

    def __init__(self, given: Iterable[Sample] = ()) -> None:
        self._values: dict[Metric, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for sample in given:
            self.add(sample)

    def add(self, sample: Sample) -> None:
        """Take one in."""
        self._values[sample.metric][int(sample.at_s // MINUTE_S)].append(sample.value)

    def within(self, metric: Metric, start_s: float, end_s: float) -> list[float]:
        """Values of the minutes from `start_s`, until before `end_s`; both whole minutes."""
        minutes = self._values.get(metric)
        if minutes is None:
            return []
        wanted = range(int(start_s // MINUTE_S), int(end_s // MINUTE_S))
        if len(minutes) < len(wanted):
            return [value for minute in minutes if minute in wanted for value in minutes[minute]]
        return [value for minute in wanted for value in minutes.get(minute, ())]


def statistic(name: str, values: Sequence[float]) -> float | None:
    """A period's datapoint; None if nothing was measured, for which even a count has none.

    A percentile is that of the nearest rank; CloudWatch does not say how it interpolates.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html

    Raises:
        LabError: the statistic is not one that the lab knows.
    """
    if not values:
        return None
    if name in _STATISTICS:
        return _STATISTICS[name](values)
    rank = math.ceil(percentile(name) * len(values))
    return sorted(values)[rank - 1]


def percentile(name: str) -> float:
    """The fraction of a percentile such as `p99`.

    Raises:
        LabError: it is none.
    """
    try:
        fraction = float(name.removeprefix("p")) / 100 if name.startswith("p") else 0.0
    except ValueError:
        fraction = 0.0
    if not 0 < fraction <= 1:
        raise LabError(f"{name!r} is no statistic that the lab evaluates")
    return fraction


def is_percentile(name: str) -> bool:
    """Whether a statistic is a percentile."""
    return name.startswith("p")
