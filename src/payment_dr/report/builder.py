"""From verdicts and measures to a report; pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from payment_dr.checks.checker import CheckResult
from payment_dr.checks.evidence import Event, Evidence, Reconciliation, RunFacts
from payment_dr.checks.history import Counts
from payment_dr.checks.measure import Measures
from payment_dr.checks.verdict import Claim, Verdict, Witness
from payment_dr.core.errors import PaymentDrError
from payment_dr.report.model import (
    BucketReport,
    ClaimReport,
    DataLoss,
    Fault,
    LatencyReport,
    LogLine,
    MarkReport,
    MoveReport,
    NegativeControl,
    Objective,
    Payments,
    RecoveryTimes,
    Report,
    TimelineReport,
    Unanswered,
    Witnesses,
    WitnessReport,
)

RUN_LOG_MAX: Final = 500
"""Events that a report shows; events.jsonl has them all."""


class Promised(Struct, frozen=True, kw_only=True):
    """`settings.objectives` of run.json."""

    acceptance_rto_s: float | None = None
    ledger_rto_s: float | None = None
    rpo_payments: int | None = None


class _Settings(Struct, frozen=True, kw_only=True):
    objectives: Promised = Promised()


class RunDocument(Struct, frozen=True, kw_only=True):
    """What a report shows of run.json besides its facts; all of it may be absent there."""

    environment: dict[str, Any] = {}
    settings: _Settings = _Settings()
    must_break: tuple[str, ...] = ()


def build_report(
    evidence: Evidence,
    document: Mapping[str, object],
    result: CheckResult,
    measures: Measures,
    events: Sequence[Event],
) -> Report:
    """Put a report together.

    Args:
        evidence: of which the run's facts and the moves are shown.
        document: run.json; `RunDocument` is shown of it.
        result: the checker's.
        measures: of the same evidence.
        events: of all processes in order of time.

    Raises:
        PaymentDrError: run.json has a value of another kind than it should.
    """
    counts, recovery, facts = result.counts, measures.recovery, evidence.run
    try:
        shown = msgspec.convert(document, RunDocument)
    except msgspec.ValidationError as error:
        raise PaymentDrError(f"run.json cannot be reported: {error}") from error
    return Report(
        scenario=facts.scenario,
        design=facts.design,
        seed=facts.seed,
        verdict=result.verdict.value,
        claims=claims_of(result),
        payments=payments_of(counts),
        data_loss=data_loss_of(result),
        double_charges=None if result.doubles is None else result.doubles.charges,
        double_charged_by_currency={} if result.doubles is None else result.doubles.minor_units,
        recovery_time_s=RecoveryTimes(
            acceptance=_round(recovery.acceptance),
            ledger=_round(recovery.ledger),
            detection=_round(recovery.detection),
            decision=_round(recovery.decision),
            routing=_round(recovery.routing),
            promotion=_round(recovery.promotion),
            reconciliation=_round(recovery.reconciliation),
        ),
        offered_per_s=_offered(facts, measures),
        latency_ms=LatencyReport(
            p50=_round(measures.latency_ms.p50), p99=_round(measures.latency_ms.p99)
        ),
        environment=shown.environment,
        began_at=datetime.fromtimestamp(measures.began_ns / 1e9, UTC).isoformat(timespec="seconds"),
        duration_s=len(measures.buckets) * measures.bucket_s,
        unanswered=Unanswered(
            total=measures.unanswered, outside_fault=measures.unanswered_outside_fault
        ),
        objectives=_objectives(shown.settings.objectives, result, measures),
        fault=_fault(facts, events, measures.began_ns),
        timeline=_timeline(measures),
        moves=tuple(_move(move) for move in evidence.moves),
        run_log=tuple(_line(event, measures.began_ns) for event in events[:RUN_LOG_MAX]),
        negative_control=_control(result, shown.must_break),
    )


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _offered(facts: RunFacts, measures: Measures) -> float:
    measured = measures.offered_per_s
    return round(facts.offered_per_s if measured is None else measured, 1)


def claims_of(result: CheckResult) -> tuple[ClaimReport, ...]:
    """The claims in the order in which they were judged."""
    return tuple(_claim(claim) for claim in result.claims)


def payments_of(counts: Counts) -> Payments:
    """The counts of payment requests."""
    return Payments(
        attempted=counts.attempted,
        acknowledged=counts.acknowledged,
        refused=counts.refused,
        indeterminate=counts.indeterminate,
    )


def _claim(claim: Claim) -> ClaimReport:
    first, worst, last = claim.first, claim.worst, claim.last
    witness = None
    if first is not None and worst is not None and last is not None:
        witness = Witnesses(first=_witness(first), worst=_witness(worst), last=_witness(last))
    return ClaimReport(
        name=claim.name,
        verdict=claim.verdict.value,
        witness=witness,
        violations=claim.violations,
        checked=claim.checked,
        reason=claim.reason,
    )


def _witness(witness: Witness) -> WitnessReport:
    return WitnessReport(
        payment_id=witness.payment_id,
        minor_units=witness.minor_units,
        currency=witness.currency,
        detail=witness.detail,
    )


def data_loss_of(result: CheckResult) -> DataLoss:
    """What was lost, nulls where the evidence does not tell."""
    if result.loss is None:
        return DataLoss(payments=None, minor_units=None, by_currency={})
    return DataLoss(
        payments=result.loss.payments,
        minor_units=sum(result.loss.minor_units.values()),
        by_currency=result.loss.minor_units,
    )


def _objectives(
    promised: Promised, result: CheckResult, measures: Measures
) -> tuple[Objective, ...]:
    times = measures.recovery
    lost = None if result.loss is None else result.loss.payments
    rows = (
        ("time to accepting again", promised.acceptance_rto_s, times.acceptance, "s"),
        ("time to an open ledger", promised.ledger_rto_s, times.ledger, "s"),
        ("acknowledged payments lost", promised.rpo_payments, lost, "payments"),
    )
    return tuple(
        Objective(
            name=name,
            objective=objective,
            measured=_round(value),
            unit=unit,
            met=None if value is None else value <= objective,
        )
        for name, objective, value, unit in rows
        if objective is not None
    )


def _fault(facts: RunFacts, events: Sequence[Event], began_ns: int) -> Fault | None:
    if facts.fault_ns is None:
        return None
    event = next((e for e in events if e.name == "fault"), None)
    return Fault(
        action="fault" if event is None else str(event.detail.get("action", "fault")),
        site=None if event is None else event.site,
        at_s=_at(facts.fault_ns, began_ns),
    )


def _at(time_ns: int, began_ns: int) -> float:
    return round((time_ns - began_ns) / 1e9, 3)


def _timeline(measures: Measures) -> TimelineReport:
    return TimelineReport(
        bucket_s=measures.bucket_s,
        buckets=tuple(
            BucketReport(
                start_s=b.start_s,
                offered=b.offered,
                acknowledged=b.acknowledged,
                refused=b.refused,
                indeterminate=b.indeterminate,
                p50_ms=_round(b.p50_ms),
                p99_ms=_round(b.p99_ms),
            )
            for b in measures.buckets
        ),
        marks=tuple(MarkReport(name=m.name, at_s=round(m.at_s, 3)) for m in measures.marks),
    )


def _move(move: Reconciliation) -> MoveReport:
    lost = None
    if move.old_writer is not None and move.standby is not None:
        lost = len(frozenset(move.old_writer) - frozenset(move.standby))
    return MoveReport(
        move_id=move.move_id,
        kind=move.kind,
        epoch=move.epoch,
        site=move.site,
        winner=move.winner,
        only_in_old_writer=lost,
        seen_unconfirmed=len(move.seen),
        posted=len(move.posted),
    )


def _line(event: Event, began_ns: int) -> LogLine:
    detail = ", ".join(
        f"{key} {value if isinstance(value, str) else json.dumps(value)}"
        for key, value in event.detail.items()
    )
    return LogLine(
        at_s=_at(event.time_ns, began_ns), name=event.name, site=event.site, detail=detail[:500]
    )


def _control(result: CheckResult, must_break: Sequence[str]) -> NegativeControl | None:
    if not must_break:
        return None
    failed = {claim.name for claim in result.claims if claim.verdict is Verdict.FAIL}
    return NegativeControl(must_break=tuple(must_break), caught=failed.issuperset(must_break))
