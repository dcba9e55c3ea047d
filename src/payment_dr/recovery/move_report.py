"""The report of a move: what was asked, done, measured and found, for whoever has to judge it.

Times are Unix seconds, durations seconds, money minor units; null is "not measured", never zero.
`build_report` is in `recovery.reporting`, the chain in `recovery.evidence_chain`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique

from pydantic import TypeAdapter

from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.recovery.control import Move
from payment_dr.recovery.ports import Transition
from payment_dr.recovery.regulations import ANSWERS, Answered


@unique
class MoveEnd(StrEnum):
    """SUPERSEDED: another move took its place; an abort does."""

    COMPLETED = "completed"
    SUPERSEDED = "superseded"


@unique
class CheckVerdict(StrEnum):
    """UNKNOWN: the run log does not tell; it is never a pass."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    UNKNOWN = "unknown"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainPlace:
    """Number in the site's chain, from 1, and the SHA-256 of the report before it."""

    site: SiteName
    number: int
    previous_sha256: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What was moved, from where to where, and where the plan ran."""

    platform: str
    environment: str
    ran_at: SiteName
    source: SiteName
    target: SiteName
    regions: Mapping[SiteName, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveObjective:
    """What was promised beside what the move measured; `says` what the figure covers."""

    name: str
    objective: float
    measured: float | None
    unit: str
    met: bool | None
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DataFound:
    """What the promoted ledger lacked, and has since.

    `lost_payments` is None when no reconciliation came to its end. `unconfirmed` are the payments
    that reconciliation looked at, `posted` the entries that it added, `money` theirs by currency.
    """

    lost_payments: int | None
    unconfirmed: tuple[str, ...]
    posted: tuple[str, ...]
    money: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepTime:
    """A step beside its budget; None where the run log does not tell."""

    step: str
    seconds: float | None
    budget_s: float
    by: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveCheck:
    """What was looked at, what came of it, and the line of the run log that shows it."""

    name: str
    verdict: CheckVerdict
    checked: str
    witness: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Deficiency:
    """Something that did not hold, is not known, or was overridden."""

    name: str
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveReport:
    """All of a report. `attachments` are the SHA-256 of the move's other documents, by name."""

    chain: ChainPlace
    end: MoveEnd
    replaced_by: str | None
    scope: Scope
    move: Move
    stamp: Stamp
    settings_sha256: str
    code_sha256: str
    written_by: str
    written_at: float
    objectives: tuple[MoveObjective, ...]
    data: DataFound
    steps: tuple[StepTime, ...]
    checks: tuple[MoveCheck, ...]
    deficiencies: tuple[Deficiency, ...]
    timeline: tuple[Transition, ...]
    attachments: Mapping[str, str]
    answers: tuple[Answered, ...] = ANSWERS


MOVE_REPORT = TypeAdapter(MoveReport)
