"""Which questions of auditors a report answers, and where in it; it is evidence, no certificate."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """One item of a framework, and what in the report answers it."""

    framework: str
    item: str
    answer: str


ANSWERS: Final[tuple[Answered, ...]] = (
    Answered(
        framework="DORA Art. 25(1)",
        item="scenario-based tests",
        answer="`scope` and `move.reason` say what was lost or planned, `timeline` what was done.",
    ),
    Answered(
        framework="DORA Art. 25(1)",
        item="end-to-end testing",
        answer="Check `verify`: a canary payment went through the target's own address.",
    ),
    Answered(
        framework="DORA Art. 25(1)",
        item="performance testing",
        answer="`objectives` and `steps` set measured times beside what was promised and budgeted.",
    ),
    Answered(
        framework="DORA Art. 25(1)",
        item="compatibility testing",
        answer="`readiness.json`, if readiness was asked: versions, parameters, packages compared.",
    ),
    Answered(
        framework="DORA Art. 11(6)",
        item="switchovers between primary and redundant capacity",
        answer="`scope` names both sites and the kind of move; `stamp` who is active since.",
    ),
    Answered(
        framework="DORA Art. 12(6)",
        item="recovery time and recovery point objectives",
        answer="`objectives`: each with its measurement, or that there is none.",
    ),
    Answered(
        framework="SOC 2 A1.3",
        item="recovery plan procedures are tested",
        answer="`checks`: each step of the plan with what was read back, and its witness.",
    ),
    Answered(
        framework="SOC 2 A1.3",
        item="tests consider the scenarios' likelihood and unavailable key personnel",
        answer="`move.reason`, and `timeline[].by`: who ran and who resumed it, a person or not.",
    ),
    Answered(
        framework="SOC 2 A1.3",
        item="integrity and completeness of data after recovery",
        answer="`data`: payments seen unconfirmed, entries posted again, their money by currency.",
    ),
    Answered(
        framework="SOC 2 A1.3",
        item="plans are revised on the results of tests",
        answer="`deficiencies` names what did not hold, was unknown, or was overridden.",
    ),
)
