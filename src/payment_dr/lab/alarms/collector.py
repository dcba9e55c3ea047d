"""A lab's logs as CloudWatch would have them, and the board of alarms over them.

Everything that is measured is a line of some log, so the whole past of the alarms is read again at
each look, and nothing has to watch meanwhile.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from payment_dr.core.settings import Settings
from payment_dr.lab.alarms import embedded
from payment_dr.lab.alarms.board import Board, Change
from payment_dr.lab.alarms.model import Alarm, Math, Metric, MetricAlarm, Series
from payment_dr.lab.alarms.samples import MINUTE_S, Sample, Samples

SCALE: Final = 60.0
"""Seconds of AWS in a second of a lab: its functions run each second, those on AWS each minute."""

HISTORY_S: Final = 48 * 3600.0
"""How much of the past is read, in seconds of AWS: the longest window is 26 hours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clockwork:
    """How a lab's time becomes that of AWS.

    A period of 60 s is `60 / scale` lab seconds. What functions measure in seconds is stretched by
    the same factor, since what it waits for is a schedule that runs so much faster; latencies and
    lags, in milliseconds, are those of networks and disks and stay as they are.

    Attributes:
        begun_s: when the lab began, Unix seconds; second 0 of AWS.
        scale: seconds of AWS in one of the lab.
    """

    begun_s: float
    scale: float = SCALE

    def aws_s(self, unix_s: float) -> float:
        """Seconds of AWS since the beginning."""
        return (unix_s - self.begun_s) * self.scale

    def unix_s(self, aws_s: float) -> float:
        """When that was in the lab."""
        return self.begun_s + aws_s / self.scale


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """The board, and all changes of alarms on the way there."""

    board: Board
    changes: tuple[Change, ...]


def lines(logs: Path) -> Iterator[str]:
    """Every whole line of every log of a lab."""
    for file in sorted(logs.glob("*.log")):
        with file.open(encoding="utf-8", errors="replace") as text:
            yield from text


def stretched(found: Iterable[str], clockwork: Clockwork) -> Iterator[Sample]:
    """The samples of lines, in the time of AWS; of what was before the beginning, none."""
    for line in found:
        for sample in embedded.samples(line, stretch=clockwork.scale):
            at_s = clockwork.aws_s(sample.at_s)
            if at_s >= 0:
                yield Sample(metric=sample.metric, at_s=at_s, value=sample.value)


def watched(alarms: Iterable[Alarm]) -> frozenset[Metric]:
    """Every metric that some alarm watches."""
    series = [one for alarm in alarms if isinstance(alarm, MetricAlarm) for one in of(alarm)]
    return frozenset(one.metric for one in series)


def of(alarm: MetricAlarm) -> Iterable[Series]:
    """The series that an alarm is made of."""
    return alarm.watches.series.values() if isinstance(alarm.watches, Math) else [alarm.watches]


def shown(
    alarms: Iterable[Alarm], found: Iterable[str], clockwork: Clockwork, now_s: float
) -> Shown:
    """Every alarm as it is now, from the lines of a lab's logs.

    Args:
        alarms: metric alarms, and composites over them.
        found: lines; those that measure nothing are passed over.
        clockwork: the time of AWS.
        now_s: Unix seconds.
    """
    every = tuple(alarms)
    kept = watched(every)
    until_s = clockwork.aws_s(now_s)
    begin_s = max(until_s - HISTORY_S, 0.0) // MINUTE_S * MINUTE_S
    board = Board(every, begun_s=begin_s)
    samples = Samples(one for one in stretched(found, clockwork) if one.metric in kept)
    return Shown(board=board, changes=board.run(samples, until_s))


def where(settings: Settings, name: str) -> str:
    """Site and region of an alarm, by its full name."""
    for site in settings.sites:
        if name.endswith(f"-{site.name}-{settings.environment_suffix}"):
            return f"{site.name} ({site.region})"
    return "both sites"
