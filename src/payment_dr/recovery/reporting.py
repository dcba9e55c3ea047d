"""Writes the report of a move from its control record, its run log and its documents; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from payment_dr.core.settings import FailoverSettings, Promotion
from payment_dr.core.stamp import Stamp
from payment_dr.recovery.about import About
from payment_dr.recovery.canonical import sha256_of_text
from payment_dr.recovery.control import Move, MoveKind
from payment_dr.recovery.documents import (
    READINESS_EVIDENCE,
    READINESS_NAME,
    RECONCILIATION_EVIDENCE,
    RECONCILIATION_PREFIX,
    SEALS,
)
from payment_dr.recovery.move_report import (
    ChainPlace,
    CheckVerdict,
    DataFound,
    Deficiency,
    MoveCheck,
    MoveEnd,
    MoveObjective,
    MoveReport,
    Scope,
    StepTime,
)
from payment_dr.recovery.ports import Transition, TransitionEvent
from payment_dr.recovery.readiness_judges import ItemState

_DONE: Final = frozenset({TransitionEvent.DONE, TransitionEvent.FOUND_DONE})
_PART: Final = "from the opening of the move; what came before it (detection) is not in it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What a report needs to know of a step of the plan."""

    name: str
    reads_back: str
    budget_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What a move left: `documents` by name, `outline` of its plan, empty if that is not known."""

    about: About
    settings: FailoverSettings
    move: Move
    stamp: Stamp
    replaced_by: str | None
    run_log: tuple[Transition, ...]
    documents: Mapping[str, str]
    outline: tuple[Outline, ...]


def build_report(found: Findings, place: ChainPlace, *, by: str, now: float) -> MoveReport:
    """The whole report."""
    about, move = found.about, found.move
    times = tuple(_time(found.run_log, step) for step in found.outline)
    checks = tuple(_checks(found, times))
    objectives = _objectives(found)
    return MoveReport(
        chain=place,
        end=MoveEnd.COMPLETED if found.replaced_by is None else MoveEnd.SUPERSEDED,
        replaced_by=found.replaced_by,
        scope=Scope(
            platform=about.platform,
            environment=about.environment,
            ran_at=about.site,
            source=move.source,
            target=move.target,
            regions=about.regions,
        ),
        move=move,
        stamp=found.stamp,
        settings_sha256=about.settings_sha256,
        code_sha256=about.code_sha256,
        written_by=by,
        written_at=now,
        objectives=objectives,
        data=_data(found),
        steps=times,
        checks=checks,
        deficiencies=tuple(_deficiencies(found, checks, objectives)),
        timeline=found.run_log,
        attachments={
            name: sha256_of_text(body)
            for name, body in sorted(found.documents.items())
            if name not in SEALS
        },
    )


def _of(run_log: tuple[Transition, ...], step: str) -> tuple[Transition, ...]:
    return tuple(line for line in run_log if line.step == step)


def _ended(run_log: tuple[Transition, ...], step: str) -> Transition | None:
    """The first line that says that the step is done; later ones are of whoever came to look."""
    return next((line for line in _of(run_log, step) if line.event in _DONE), None)


def _time(run_log: tuple[Transition, ...], step: Outline) -> StepTime:
    lines = _of(run_log, step.name)
    ended = _ended(run_log, step.name)
    return StepTime(
        step=step.name,
        seconds=None if ended is None else ended.at - lines[0].at,
        budget_s=step.budget_s,
        by=tuple(dict.fromkeys(line.by for line in lines)),
    )


def _data(found: Findings) -> DataFound:
    reconciled = [
        RECONCILIATION_EVIDENCE.validate_json(body).found
        for name, body in sorted(found.documents.items())
        if name.startswith(RECONCILIATION_PREFIX)
    ]
    money: dict[str, int] = {}
    for one in reconciled:
        for currency, amount in one.money.items():
            money[currency] = money.get(currency, 0) + amount
    opened = found.replaced_by is None and _ended(found.run_log, "open-ledger") is not None
    return DataFound(
        lost_payments=0 if opened else None,
        unconfirmed=tuple(sorted({name for one in reconciled for name in one.seen})),
        posted=tuple(sorted({name for one in reconciled for name in one.posted})),
        money=money,
    )


def _objectives(found: Findings) -> tuple[MoveObjective, ...]:
    """What the move itself can tell; how long clients were without answers, only they can."""
    objectives = found.about.objectives
    lost = _data(found).lost_payments
    planned = found.move.kind.planned
    pause = _of(found.run_log, "pause-posting")
    began = pause[0].at if planned and pause else found.move.started_at
    times = (
        _objective(
            "clients are sent to the target",
            objectives.acceptance_rto_s,
            _since(found, "route", found.move.started_at),
            "accepting goes on meanwhile, at the source" if planned else _PART,
        ),
        _objective(
            "the ledger is open",
            objectives.ledger_rto_s,
            _since(found, "open-ledger", began),
            "from the pause of posting" if planned else _PART,
        ),
    )
    return (
        # How long a restore may take is not promised.
        *(() if found.move.kind is MoveKind.REBUILD else times),
        MoveObjective(
            name="acknowledged payments lost",
            objective=objectives.rpo_payments,
            measured=lost,
            unit="payments",
            met=None if lost is None else lost <= objectives.rpo_payments,
            says="the last pass of reconciliation found no unconfirmed payment that the ledger "
            "lacked; the payments table itself has a majority of three regions",
        ),
    )


def _objective(name: str, objective: float, measured: float | None, says: str) -> MoveObjective:
    met = None if measured is None else measured <= objective
    return MoveObjective(
        name=name, objective=objective, measured=measured, unit="s", met=met, says=says
    )


def _since(found: Findings, step: str, began: float) -> float | None:
    ended = _ended(found.run_log, step)
    return None if ended is None else max(ended.at - began, 0.0)


def _checks(found: Findings, times: tuple[StepTime, ...]) -> Iterator[MoveCheck]:
    """Each step's reading back but that of this report itself, the budgets, and the approval."""
    for step in found.outline[:-1]:
        ended = _ended(found.run_log, step.name)
        witness = "the run log has no line that says so"
        if ended is not None:
            witness = _told(ended, found.move)
        yield MoveCheck(
            name=step.name,
            verdict=CheckVerdict.UNKNOWN if ended is None else CheckVerdict.PASS,
            checked=step.reads_back,
            witness=witness,
        )
    if times:
        yield _within_budgets(times)
    if found.settings.promotion is Promotion.APPROVAL and found.move.kind is MoveKind.FAILOVER:
        yield _approved(found.move)


def _within_budgets(times: tuple[StepTime, ...]) -> MoveCheck:
    late = [one for one in times if one.seconds is not None and one.seconds > one.budget_s]
    told = [f"{one.step} {one.seconds:.1f} s of {one.budget_s:g} s" for one in late]
    return MoveCheck(
        name="within-budgets",
        verdict=CheckVerdict.FAIL if late else CheckVerdict.PASS,
        checked="no step took longer than its budget, all its runners together",
        witness=", ".join(told) or "none did",
    )


def _approved(move: Move) -> MoveCheck:
    who = ", ".join(f"{approval.by} at {approval.at:.0f}" for approval in move.approvals)
    return MoveCheck(
        name="approved",
        verdict=CheckVerdict.PASS if who else CheckVerdict.UNKNOWN,
        checked="the promotion of this very move was approved by name",
        witness=who or "no approval is in the control record",
    )


def _told(line: Transition, move: Move) -> str:
    detail = f": {line.detail}" if line.detail else ""
    return f"{line.event} at {line.at - move.started_at:+.3f} s by {line.by}{detail}"


def _deficiencies(
    found: Findings, checks: tuple[MoveCheck, ...], objectives: tuple[MoveObjective, ...]
) -> Iterator[Deficiency]:
    by, reason = found.move.started_by, found.move.reason
    for name in found.move.overrides:
        yield Deficiency(name=name, says=f"overridden by {by}: {reason}")
    yield from _unready(found)
    for line in found.run_log:
        if line.event is TransitionEvent.FAILED:
            yield Deficiency(name=line.step, says=f"failed once: {line.detail} [{line.by}]")
    if found.replaced_by is None:
        yield from _unmet(found, checks, objectives)
    else:
        says = f"it did not come to its end: {found.replaced_by} did"
        yield Deficiency(name="superseded", says=says)


def _unmet(
    found: Findings, checks: tuple[MoveCheck, ...], objectives: tuple[MoveObjective, ...]
) -> Iterator[Deficiency]:
    for check in checks:
        if check.verdict is not CheckVerdict.PASS:
            yield Deficiency(name=check.name, says=f"{check.verdict}: {check.witness}")
    for one in objectives:
        if one.met is not True:
            measured = "not measured" if one.measured is None else f"{one.measured:.2f} {one.unit}"
            yield Deficiency(name=one.name, says=f"{measured}, promised {one.objective:g}")
    if not any(name.startswith(RECONCILIATION_PREFIX) for name in found.documents):
        yield Deficiency(
            name="reconciliation", says="no document of it was kept, so no payment is named here"
        )


def _unready(found: Findings) -> Iterator[Deficiency]:
    body = found.documents.get(READINESS_NAME)
    if body is None:
        yield Deficiency(
            name="readiness",
            says="was not asked: a failover asks nothing of the other region, and nobody else did",
        )
        return
    for item in READINESS_EVIDENCE.validate_json(body).items:
        if item.state is not ItemState.OK:
            yield Deficiency(name=item.name, says=f"readiness {item.state}: {item.evidence}")
