"""The report of a run: the shape of report.json, which report.html and the summary show.

Durations are seconds, latencies milliseconds, money minor units; null is "not measured" or
"the evidence does not tell", never zero.
"""

from typing import Any

from msgspec import Struct


class WitnessReport(Struct, frozen=True, kw_only=True):
    """One violation."""

    payment_id: str | None
    minor_units: int
    currency: str | None
    detail: str


class Witnesses(Struct, frozen=True, kw_only=True):
    """Of all violations the first and last found, and the one with most money."""

    first: WitnessReport
    worst: WitnessReport
    last: WitnessReport


class ClaimReport(Struct, frozen=True, kw_only=True):
    """A claim; `verdict` is pass, fail or unknown, `reason` says why it is unknown."""

    name: str
    verdict: str
    witness: Witnesses | None
    violations: int
    checked: str
    reason: str


class Payments(Struct, frozen=True, kw_only=True):
    """Payment requests by how they ended."""

    attempted: int
    acknowledged: int
    refused: int
    indeterminate: int


class DataLoss(Struct, frozen=True, kw_only=True):
    """Acknowledged payments that are gone; `minor_units` adds up all currencies."""

    payments: int | None
    minor_units: int | None
    by_currency: dict[str, int]


class RecoveryTimes(Struct, frozen=True, kw_only=True):
    """As defined in docs/reference/files.md."""

    acceptance: float | None
    ledger: float | None
    detection: float | None
    decision: float | None
    routing: float | None
    promotion: float | None
    reconciliation: float | None


class LatencyReport(Struct, frozen=True, kw_only=True):
    """Of payments acknowledged before the fault, by the first request under their key."""

    p50: float | None
    p99: float | None


class Unanswered(Struct, frozen=True, kw_only=True):
    """Requests of any kind without a definite answer."""

    total: int
    outside_fault: int


class Objective(Struct, frozen=True, kw_only=True):
    """What was promised beside what was measured; `met` is null when it was not measured."""

    name: str
    objective: float
    measured: float | None
    unit: str
    met: bool | None


class Fault(Struct, frozen=True, kw_only=True):
    """What was broken, `at_s` after the first request."""

    action: str
    site: str | None
    at_s: float


class MarkReport(Struct, frozen=True, kw_only=True):
    """A moment of the recovery, `at_s` after the first request."""

    name: str
    at_s: float


class BucketReport(Struct, frozen=True, kw_only=True):
    """Payments of one stretch of time."""

    start_s: float
    offered: int
    acknowledged: int
    refused: int
    indeterminate: int
    p50_ms: float | None
    p99_ms: float | None


class TimelineReport(Struct, frozen=True, kw_only=True):
    """Throughput and latency over time."""

    bucket_s: float
    buckets: tuple[BucketReport, ...]
    marks: tuple[MarkReport, ...]


class LogLine(Struct, frozen=True, kw_only=True):
    """An event, `at_s` after the first request."""

    at_s: float
    name: str
    site: str | None
    detail: str


class MoveReport(Struct, frozen=True, kw_only=True):
    """What one move did to the ledger.

    `only_in_old_writer` is how many entries the new writer lacked, null if not known; of these
    `seen_unconfirmed` payments were known beforehand, and `posted` entries were added.
    """

    move_id: str
    kind: str
    epoch: int
    site: str
    winner: bool
    only_in_old_writer: int | None
    seen_unconfirmed: int
    posted: int


class NegativeControl(Struct, frozen=True, kw_only=True):
    """A run with a planted fault: `caught` is whether every claim of `must_break` failed."""

    must_break: tuple[str, ...]
    caught: bool


class Report(Struct, frozen=True, kw_only=True):
    """All of report.json."""

    scenario: str
    design: str
    seed: int
    verdict: str
    claims: tuple[ClaimReport, ...]
    payments: Payments
    data_loss: DataLoss
    double_charges: int | None
    double_charged_by_currency: dict[str, int]
    recovery_time_s: RecoveryTimes
    offered_per_s: float
    latency_ms: LatencyReport
    environment: dict[str, Any]
    began_at: str
    duration_s: float
    unanswered: Unanswered
    objectives: tuple[Objective, ...]
    fault: Fault | None
    timeline: TimelineReport
    moves: tuple[MoveReport, ...]
    run_log: tuple[LogLine, ...]
    negative_control: NegativeControl | None


class Comparison(Struct, frozen=True, kw_only=True):
    """What `payment-dr drill --compare --json` prints: ours first, the other design second."""

    runs: tuple[Report, ...]
