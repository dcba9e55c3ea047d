"""Measures of a run: how long clients and ledger were without service, and what that consisted of.

All from the evidence and the events of a run; durations in seconds, None when it did not happen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from payment_dr.checks.evidence import Event, Evidence, PostingRow
from payment_dr.checks.timeline import Bucket, Latency, Timeline, latency

_PLANNED: Final = frozenset({"switchover", "failback"})
_ROLES_SETTLE_NS: Final = 5_000_000_000
"""How long after the ledger was opened handlers and poster may take to notice their new roles."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecoveryTime:
    """Seconds. `acceptance` and `ledger` are seen from outside, the others are their parts.

    acceptance: longest time between two acknowledgements, around the fault and until DNS answered
        with the other site.
    ledger: from the last posting before the fault to the first one of the new epoch after the
        ledger was opened; in a planned move, the longest time between two postings, from the order
        to move until 5 s after the ledger was opened.
    detection: from the fault to the site being declared unhealthy.
    decision: from there to the opened move. routing: from there to the DNS answer.
    promotion, reconciliation: those steps of the move.
    """

    acceptance: float | None
    ledger: float | None
    detection: float | None
    decision: float | None
    routing: float | None
    promotion: float | None
    reconciliation: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A moment worth showing, `at_s` after the run's first request."""

    name: str
    at_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Measures:
    """What a run measured. Latency and rate are of payments acknowledged and sent before the fault.

    `unanswered_outside_fault` are the requests of any kind without a definite answer that neither
    were in flight at the fault nor were sent before the service was back for every client.
    """

    began_ns: int
    recovery: RecoveryTime
    latency_ms: Latency
    offered_per_s: float | None
    unanswered: int
    unanswered_outside_fault: int
    bucket_s: float
    buckets: tuple[Bucket, ...]
    marks: tuple[Mark, ...]


class Moments:
    """Finds the events of the recovery: the first of each kind at or after the fault."""

    def __init__(self, events: Sequence[Event], fault_ns: int | None) -> None:
        self.fault_ns = fault_ns
        self._events = [e for e in events if fault_ns is not None and e.time_ns >= fault_ns]

    def first(self, name: str, *, step: str | None = None) -> Event | None:
        """The first event of that name, and of that step if one is given."""
        for event in self._events:
            if event.name == name and (step is None or event.detail.get("step") == step):
                return event
        return None

    def time(self, name: str, *, step: str | None = None) -> int | None:
        """Its time."""
        event = self.first(name, step=step)
        return None if event is None else event.time_ns

    @property
    def ledger_open_ns(self) -> int | None:
        """When the ledger was opened."""
        opened = self.time("ledger-open")
        return self.time("step-finished", step="open-ledger") if opened is None else opened

    @property
    def planned(self) -> bool:
        """Whether the first move is a planned one."""
        opened = self.first("move-opened")
        return opened is not None and opened.detail.get("kind") in _PLANNED

    def step_s(self, step: str) -> float | None:
        """How long a step took, from its first start to its first end after that."""
        return _seconds(self.time("step-started", step=step), self.time("step-finished", step=step))


def measure(evidence: Evidence, events: Sequence[Event], *, ttl_s: float = 0) -> Measures:
    """Measure a run.

    Args:
        evidence: its history and ledger are read, the ledger twice.
        events: of all processes, in order of time.
        ttl_s: how long clients may keep a DNS answer.
    """
    timeline = Timeline(evidence.history)
    fault_ns = evidence.run.fault_ns
    moments = Moments(events, fault_ns)
    acknowledged = timeline.acknowledged()
    gap = _gap([end for end, _ in acknowledged], moments)
    unhealthy = moments.time("site-unhealthy")
    answer = moments.time("dns-answer")
    steady = [e - s for e, s in acknowledged if fault_ns is None or e < fault_ns]
    unanswered = timeline.unanswered()
    return Measures(
        began_ns=timeline.began_ns,
        recovery=RecoveryTime(
            acceptance=None if gap is None else _seconds(*gap),
            ledger=_ledger_s(evidence.ledger, moments),
            detection=_seconds(fault_ns, unhealthy),
            decision=_seconds(unhealthy, moments.time("move-opened")),
            routing=_seconds(unhealthy, answer),
            promotion=moments.step_s("promote"),
            reconciliation=moments.step_s("reconcile"),
        ),
        latency_ms=latency(steady),
        offered_per_s=_rate([s for s in timeline.offered() if fault_ns is None or s < fault_ns]),
        unanswered=len(unanswered),
        unanswered_outside_fault=_outside(
            unanswered, fault_ns, None if gap is None else gap[1], answer, ttl_s
        ),
        bucket_s=timeline.width_s(),
        buckets=timeline.buckets(),
        marks=_marks(moments, timeline.began_ns),
    )


def _seconds(start_ns: int | None, end_ns: int | None) -> float | None:
    return None if start_ns is None or end_ns is None else (end_ns - start_ns) / 1e9


def _gap(ends: Sequence[int], moments: Moments) -> tuple[int, int] | None:
    """The longest gap between acknowledgements that the fault explains.

    An acknowledgement that was on its way at the fault may end the gap in which the fault lies; so
    every gap counts that began before the other site was reached.
    """
    fault_ns = moments.fault_ns
    if fault_ns is None:
        return None
    until = moments.time("dns-answer") or moments.ledger_open_ns or fault_ns
    gaps = [(a, b) for a, b in pairwise(ends) if b > fault_ns and a <= until]
    return max(gaps, key=lambda gap: gap[1] - gap[0], default=None)


def _ledger_s(ledger: Iterable[PostingRow], moments: Moments) -> float | None:
    fault_ns, open_ns = moments.fault_ns, moments.ledger_open_ns
    if fault_ns is None or open_ns is None:
        return None
    if moments.planned:
        return _longest_pause_s(ledger, fault_ns, open_ns + _ROLES_SETTLE_NS)
    old_epoch = 0
    for row in ledger:
        if row.posted_at_ns <= fault_ns and row.epoch > old_epoch:
            old_epoch = row.epoch
    last: int | None = None
    first: int | None = None
    for row in ledger:
        at_ns = row.posted_at_ns
        if row.epoch <= old_epoch and at_ns <= fault_ns:
            last = at_ns if last is None else max(last, at_ns)
        elif row.epoch > old_epoch and at_ns >= open_ns:
            first = at_ns if first is None else min(first, at_ns)
    return _seconds(last, first)


def _longest_pause_s(ledger: Iterable[PostingRow], start_ns: int, end_ns: int) -> float | None:
    """The longest time between two postings, whoever made them, from `start_ns` to `end_ns`."""
    times = sorted({row.posted_at_ns for row in ledger if start_ns <= row.posted_at_ns <= end_ns})
    return max(((b - a) / 1e9 for a, b in pairwise(times)), default=None)


def _rate(starts: Sequence[int]) -> float | None:
    """Payments sent per second between the first and the last."""
    length = max(starts, default=0) - min(starts, default=0)
    return (len(starts) - 1) * 1e9 / length if length else None


def _outside(
    unanswered: Iterable[tuple[int, int | None]],
    fault_ns: int | None,
    restored_ns: int | None,
    answer_ns: int | None,
    ttl_s: float,
) -> int:
    if fault_ns is None:
        return sum(1 for _ in unanswered)
    if restored_ns is None:
        return sum(end is not None and end < fault_ns for _, end in unanswered)
    back_ns = max(restored_ns, (answer_ns or 0) + int(ttl_s * 1e9))
    return sum((end is not None and end < fault_ns) or start > back_ns for start, end in unanswered)


def _marks(moments: Moments, began_ns: int) -> tuple[Mark, ...]:
    times = {
        "fault": moments.fault_ns,
        "detection": moments.time("site-unhealthy"),
        "takeover": moments.time("dns-answer"),
        "promotion": moments.time("step-finished", step="promote"),
        "reconciliation": moments.time("step-finished", step="reconcile"),
        "ledger open": moments.ledger_open_ns,
    }
    return tuple(
        Mark(name=name, at_s=(time_ns - began_ns) / 1e9)
        for name, time_ns in times.items()
        if time_ns is not None
    )
