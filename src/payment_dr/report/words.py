"""How figures of a report are said, on the page and in the terminal alike."""

from typing import Final

from payment_dr.report.model import Objective, Report

NOT_MEASURED: Final = "not measured"
UNKNOWN: Final = "unknown"

COMPARED: Final = (
    "Acknowledged payments lost",
    "Their money, minor units",
    "Double charges",
    "Requests without an answer",
    "... of these outside the fault",
    "Time to accepting again",
    "Time to an open ledger",
    "Detection",
    "p50 before the fault",
    "p99 before the fault",
    "Payments acknowledged",
    "Verdict",
)
"""Row heads of a comparison; `compared` gives their values."""


def seconds(value: float | None) -> str:
    """A duration, e.g. `3.62 s`."""
    return NOT_MEASURED if value is None else f"{value:.2f} s"


def milliseconds(value: float | None) -> str:
    """A latency, e.g. `23 ms`."""
    return NOT_MEASURED if value is None else f"{value:.0f} ms"


def number(value: int | None) -> str:
    """A count with thousands apart."""
    return UNKNOWN if value is None else f"{value:,}"


def money(by_currency: dict[str, int]) -> str:
    """Minor units per currency, e.g. `1,200 EUR, 40 USD`; `0` when there are none."""
    return ", ".join(f"{minor:,} {code}" for code, minor in sorted(by_currency.items())) or "0"


def lost_money(report: Report) -> str:
    """The money of the acknowledged payments that are gone."""
    return UNKNOWN if report.data_loss.payments is None else money(report.data_loss.by_currency)


def measured(objective: Objective) -> str:
    """What was measured of an objective, with its unit."""
    if objective.measured is None:
        return NOT_MEASURED
    return f"{objective.measured:g} {objective.unit}"


def objective_word(objective: Objective) -> str:
    """Whether an objective was met."""
    if objective.met is None:
        return UNKNOWN
    return "met" if objective.met else "missed"


def outcome(report: Report) -> tuple[str, str]:
    """The verdict as (word, verdict class); of a negative control, whether it was caught."""
    control = report.negative_control
    if control is not None:
        return ("caught", "pass") if control.caught else ("not caught", "fail")
    return (report.verdict, report.verdict)


def headline(report: Report) -> str:
    """One sentence that says what became of the payments."""
    lost, doubles = report.data_loss.payments, report.double_charges
    acknowledged = f"{report.payments.acknowledged:,}"
    if lost is None:
        first = f"It is unknown whether any of {acknowledged} acknowledged payments was lost"
    else:
        first = f"{lost:,} of {acknowledged} acknowledged payments lost"
    second = "double charges unknown" if doubles is None else f"{doubles:,} charged twice"
    again = report.recovery_time_s.acceptance
    third = "" if again is None else f"; accepting again after {again:.2f} s"
    return f"{first}, {second}{third}."


def compared(report: Report) -> tuple[str, ...]:
    """The values of a comparison, in the order of `COMPARED`."""
    times = report.recovery_time_s
    return (
        number(report.data_loss.payments),
        lost_money(report),
        number(report.double_charges),
        number(report.unanswered.total),
        number(report.unanswered.outside_fault),
        seconds(times.acceptance),
        seconds(times.ledger),
        seconds(times.detection),
        milliseconds(report.latency_ms.p50),
        milliseconds(report.latency_ms.p99),
        number(report.payments.acknowledged),
        outcome(report)[0],
    )
