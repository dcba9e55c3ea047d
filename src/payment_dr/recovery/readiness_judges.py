"""What each item of readiness comes to, given what was found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, TypeVar

from payment_dr.recovery.control import ControlRecord, Phase
from payment_dr.recovery.ports import GlobalClusterView, LedgerView
from payment_dr.recovery.readiness import LAG_BYTES_MAX
from payment_dr.recovery.readiness_survey import (
    Answer,
    Concurrency,
    Drift,
    Quotas,
    ReadinessSurvey,
    Unconfirmed,
    Unknown,
    Verified,
)

UNCONFIRMED_MAX: Final = 100_000
"""Records that reconciliation posts within its budget."""

UNCONFIRMED_AGE_S_MAX: Final = 900.0
"""The confirmer runs each minute; older ones mean that it does not get through."""

UNRESERVED_MIN: Final = 100
"""Concurrency that Lambda keeps for functions without a reservation, and asks to be left."""

CERTIFICATE_DAYS_MIN: Final = 30.0
"""ACM renews 60 days before the end; a month before it something keeps it from that."""

VERIFIED_AGE_S_MAX: Final = 2 * 86_400.0
"""Backups are verified daily."""

DRILL_AGE_S_MAX: Final = 90 * 86_400.0
"""A move that nobody has tried for a quarter is a hope."""

DRIFT_AGE_S_MAX: Final = 2 * 86_400.0
"""An older plan says nothing of today."""

_SHOWN: Final = 5
_T = TypeVar("_T")


@unique
class ItemState(StrEnum):
    """UNKNOWN: what is needed to judge did not answer."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a judge says; `blocking` if it is worse than its item usually is."""

    state: ItemState
    evidence: str
    blocking: bool = False


def _of(answer: Answer[_T], judge_it: Callable[[_T], Found]) -> Found:
    if isinstance(answer, Unknown):
        return Found(state=ItemState.UNKNOWN, evidence=answer.why)
    return judge_it(answer)


def _good(evidence: str, *, good: bool) -> Found:
    return Found(state=ItemState.OK if good else ItemState.FAILED, evidence=evidence)


def members(survey: ReadinessSurvey) -> Found:
    """Both members are available, and the platform's writer is the active site."""

    def found(control: ControlRecord, view: GlobalClusterView) -> Found:
        names = ", ".join(sorted(view.available))
        says = f"writer is {view.writer}, active is {control.active}, available: {names or 'none'}"
        both = len(view.available) > 1
        return _good(says, good=both and view.writer == control.active)

    def moving(control: ControlRecord) -> Found:
        if control.phase is Phase.MOVING:
            return Found(state=ItemState.UNKNOWN, evidence="a move is under way")
        return _of(survey.members, lambda view: found(control, view))

    return _of(survey.control, moving)


def lag(survey: ReadinessSurvey) -> Found:
    """The standby's ledger receives, and is close behind."""

    def found(view: LedgerView) -> Found:
        if view.lag_bytes is None:
            return _good("the standby's ledger receives nothing", good=False)
        says = f"{view.lag_bytes} bytes behind, at most {LAG_BYTES_MAX}"
        return _good(says, good=view.receiving and view.lag_bytes <= LAG_BYTES_MAX)

    return _of(survey.standby, found)


def unconfirmed_count(survey: ReadinessSurvey) -> Found:
    """What a failover would have to post fits into its budget."""

    def found(seen: Unconfirmed) -> Found:
        says = f"{seen.count} records, at most {UNCONFIRMED_MAX}"
        return _good(says, good=seen.count <= UNCONFIRMED_MAX)

    return _of(survey.unconfirmed, found)


def unconfirmed_age(survey: ReadinessSurvey) -> Found:
    """The standby's confirmer gets through."""

    def found(seen: Unconfirmed) -> Found:
        says = f"the oldest is {seen.age_s:.0f} s old, at most {UNCONFIRMED_AGE_S_MAX:g} s"
        return _good(says, good=seen.age_s <= UNCONFIRMED_AGE_S_MAX)

    return _of(survey.unconfirmed, found)


def engines(survey: ReadinessSurvey) -> Found:
    """Both clusters run the same version."""

    def found(ours: str, theirs: str) -> Found:
        return _good(f"{ours} here, {theirs} there", good=ours == theirs)

    return _both(survey.here.engine_version, survey.there.engine_version, found)


def parameters(survey: ReadinessSurvey) -> Found:
    """Both clusters have the same parameters set."""
    return _both(survey.here.parameters, survey.there.parameters, _equal)


def packages(survey: ReadinessSurvey) -> Found:
    """All functions of both sites are of one package."""

    def found(ours: Mapping[str, str], theirs: Mapping[str, str]) -> Found:
        kinds = len(set(ours.values()))
        if kinds > 1:
            return _good(f"{kinds} different packages here", good=False)
        return _equal(ours, theirs)

    return _both(survey.here.packages, survey.there.packages, found)


def concurrency(survey: ReadinessSurvey) -> Found:
    """Functions have the same room at both sites, and those kept warm are."""

    def found(ours: Mapping[str, Concurrency], theirs: Mapping[str, Concurrency]) -> Found:
        cold = [f"{name} {c.ready} of {c.provisioned}" for name, c in ours.items() if _cold(c)]
        if cold:
            return _good(f"not warm yet: {', '.join(cold)}", good=False)
        return _equal(
            {name: (c.reserved, c.provisioned) for name, c in ours.items()},
            {name: (c.reserved, c.provisioned) for name, c in theirs.items()},
        )

    return _both(survey.here.concurrency, survey.there.concurrency, found)


def _cold(one: Concurrency) -> bool:
    return one.ready < one.provisioned


def _both(ours: Answer[_T], theirs: Answer[_T], judge_them: Callable[[_T, _T], Found]) -> Found:
    """The other site need not answer; then nothing is said against this one."""
    return _of(ours, lambda here: _of(theirs, lambda there: judge_them(here, there)))


def _equal(ours: Mapping[str, object], theirs: Mapping[str, object]) -> Found:
    different = sorted(k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k))
    if not different:
        return _good(f"all {len(ours)} are equal", good=True)
    shown = "; ".join(
        f"{name} is {ours.get(name)} here, {theirs.get(name)} there" for name in different[:_SHOWN]
    )
    return _good(f"{len(different)} differ: {shown}", good=False)


def _nothing_wrong(problems: Mapping[str, str]) -> Found:
    wrong = [f"{name}: {problem}" for name, problem in problems.items() if problem]
    return _good("; ".join(wrong) or f"all {len(problems)} are well", good=not wrong)


def secrets(survey: ReadinessSurvey) -> Found:
    """Every secret is here, and has its replica."""
    return _of(survey.secrets, _nothing_wrong)


def keys(survey: ReadinessSurvey) -> Found:
    """Every key is enabled."""
    return _of(survey.keys, _nothing_wrong)


def quotas(survey: ReadinessSurvey) -> Found:
    """The account has room for functions left in this region."""

    def found(seen: Quotas) -> Found:
        says = f"{seen.unreserved} of {seen.limit} unreserved, at least {UNRESERVED_MIN}"
        return _good(says, good=seen.unreserved >= UNRESERVED_MIN)

    return _of(survey.quotas, found)


def certificate(survey: ReadinessSurvey) -> Found:
    """The certificate is good for a while; an expired one blocks."""

    def found(days: float | None) -> Found:
        if days is None or days <= 0:
            says = "there is none" if days is None else f"expired {-days:.1f} days ago"
            return Found(state=ItemState.FAILED, evidence=says, blocking=True)
        says = f"{days:.1f} days left, at least {CERTIFICATE_DAYS_MIN:g}"
        return _good(says, good=days >= CERTIFICATE_DAYS_MIN)

    return _of(survey.certificate_days, found)


def backups(survey: ReadinessSurvey) -> Found:
    """The newest verification of backups passed, and is recent."""

    def found(verified: Verified | None) -> Found:
        if verified is None:
            return _good("no backup was ever verified", good=False)
        outcome = "passed" if verified.passed else "did not pass"
        return _good(
            f"{verified.run} {outcome}, {_days(verified.age_s)} old, at most "
            f"{_days(VERIFIED_AGE_S_MAX)}",
            good=verified.passed and verified.age_s <= VERIFIED_AGE_S_MAX,
        )

    return _of(survey.verified, found)


def drill(survey: ReadinessSurvey) -> Found:
    """A move or drill was held recently."""

    def found(age_s: float | None) -> Found:
        if age_s is None:
            return _good("there is no evidence of any", good=False)
        says = f"the newest evidence is {_days(age_s)} old, at most {_days(DRILL_AGE_S_MAX)}"
        return _good(says, good=age_s <= DRILL_AGE_S_MAX)

    return _of(survey.drill_age_s, found)


def drift(survey: ReadinessSurvey) -> Found:
    """What is deployed is what the settings say."""

    def found(plan: Drift) -> Found:
        says = f"a plan of {_days(plan.age_s)} ago would change {plan.changes} resources"
        if plan.age_s > DRIFT_AGE_S_MAX:
            return Found(state=ItemState.UNKNOWN, evidence=f"{says}; it is too old")
        return _good(says, good=not plan.changes)

    return _of(survey.drift, found)


def _days(seconds: float) -> str:
    return f"{seconds / 86_400:.1f} days"
