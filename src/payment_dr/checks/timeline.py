"""When each operation began and ended: throughput and latency over time, and who got no answer."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from payment_dr.checks.evidence import EventType, Function, HistoryRow

_UNENDED: Final = -1
_WIDTHS_S: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_BUCKETS_MAX: Final = 400

_CODES: Final = {EventType.OK: 1, EventType.FAIL: 2, EventType.INFO: 3}
_FUNCTIONS: Final = {Function.PAY: 0, Function.REFUND: 1, Function.READ: 2}
_AGAIN: Final = 3
"""A payment request under a key that was sent before, as duplicates and late retries are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """Payments of one stretch of time, `start_s` after the run's first request.

    `offered` counts those that were sent in it, the others those that ended in it. Latencies are
    of the acknowledged, None without any.
    """

    start_s: float
    offered: int
    acknowledged: int
    refused: int
    indeterminate: int
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """Percentiles in ms by nearest rank; None without a sample."""

    p50: float | None
    p99: float | None


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Nearest rank of values in ascending order; None without any."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None


def latency(samples_ns: Iterable[int]) -> Latency:
    """Percentiles of durations in ns."""
    ordered = sorted(sample / 1e6 for sample in samples_ns)
    return Latency(p50=percentile(ordered, 0.50), p99=percentile(ordered, 0.99))


class Timeline:
    """Start and end of each operation, numbered in the order of their start.

    A payment is the first request under its key. Later ones are answered from its record, at once
    or when its worker is done: they are no payments of their own and say nothing of its latency.
    """

    def __init__(self, history: Iterable[HistoryRow]) -> None:
        self.starts = array("q")
        self.ends = array("q")
        self._functions = bytearray()
        self._outcomes = bytearray()
        numbers: dict[int, int] = {}
        keys: set[int] = set()
        for row in history:
            if row.type is EventType.INVOKE:
                numbers[row.process] = len(self.starts)
                self.starts.append(row.time_ns)
                self.ends.append(_UNENDED)
                key = hash((row.merchant, row.key))
                again = row.f is Function.PAY and key in keys
                self._functions.append(_AGAIN if again else _FUNCTIONS[row.f])
                keys.add(key)
                self._outcomes.append(0)
            else:
                number = numbers.pop(row.process, None)
                if number is not None:
                    self.ends[number] = row.time_ns
                    self._outcomes[number] = _CODES[row.type]

    @property
    def began_ns(self) -> int:
        """Time of the first request; 0 without any."""
        return min(self.starts, default=0)

    @property
    def ended_ns(self) -> int:
        """Time of the last line."""
        return max((*self.starts[-1:], max(self.ends, default=0)), default=0)

    def acknowledged(self) -> list[tuple[int, int]]:
        """End and start of each acknowledged payment, in order of the ends."""
        ok = _CODES[EventType.OK]
        return sorted(
            (self.ends[i], self.starts[i])
            for i, (f, outcome) in enumerate(zip(self._functions, self._outcomes, strict=True))
            if f == 0 and outcome == ok
        )

    def unanswered(self) -> list[tuple[int, int | None]]:
        """Start and end of every operation of any kind without a definite answer."""
        info = _CODES[EventType.INFO]
        return [
            (self.starts[i], self.ends[i] if outcome else None)
            for i, outcome in enumerate(self._outcomes)
            if outcome in {0, info}
        ]

    def offered(self) -> list[int]:
        """Start of every payment."""
        return [start for start, f in zip(self.starts, self._functions, strict=True) if f == 0]

    def width_s(self) -> float:
        """A width of buckets that makes at most 400 of them, at least 250 ms."""
        length_s = (self.ended_ns - self.began_ns) / 1e9
        return next((w for w in _WIDTHS_S if length_s / w < _BUCKETS_MAX), _WIDTHS_S[-1])

    def buckets(self) -> tuple[Bucket, ...]:
        """Payments over time, empty stretches included."""
        if not self.starts:
            return ()
        began = self.began_ns
        width_ns = int(self.width_s() * 1e9)
        tallies = [_Tally() for _ in range((self.ended_ns - began) // width_ns + 1)]
        for i, f in enumerate(self._functions):
            if f:
                continue
            start, end, outcome = self.starts[i], self.ends[i], self._outcomes[i]
            tallies[(start - began) // width_ns].counts[0] += 1
            if outcome:
                tally = tallies[(end - began) // width_ns]
                tally.counts[outcome] += 1
                if outcome == _CODES[EventType.OK]:
                    tally.samples_ns.append(end - start)
        return tuple(tally.bucket(place * width_ns / 1e9) for place, tally in enumerate(tallies))


class _Tally:
    """Of one bucket: how many were offered and ended as each code, and how long they took."""

    def __init__(self) -> None:
        self.counts = [0, 0, 0, 0]
        self.samples_ns: list[int] = []

    def bucket(self, start_s: float) -> Bucket:
        """As it is reported."""
        offered, acknowledged, refused, indeterminate = self.counts
        found = latency(self.samples_ns)
        return Bucket(
            start_s=start_s,
            offered=offered,
            acknowledged=acknowledged,
            refused=refused,
            indeterminate=indeterminate,
            p50_ms=found.p50,
            p99_ms=found.p99,
        )
