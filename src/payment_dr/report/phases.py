"""The recovery as bars under one another: what ran when between the fault and the open ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final

from payment_dr.report.model import Report
from payment_dr.report.plot import WIDTH, ticks

_LEFT: Final = 150
_RIGHT: Final = 80
_ROW: Final = 26


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """A bar; seconds after the fault."""

    name: str
    style: str
    start_s: float
    end_s: float


def phases(report: Report) -> tuple[Phase, ...]:
    """What is known of the recovery, in the order in which it began."""
    marks = {mark.name: mark.at_s for mark in report.timeline.marks}
    fault = marks.get("fault")
    if fault is None:
        return ()
    times = report.recovery_time_s
    at = {name: at_s - fault for name, at_s in marks.items()}
    opened = at.get("ledger open")
    # A planned move lets its source post until clients have left, so it closes after the order.
    closed = min((s for s in (opened, times.ledger) if s is not None), default=None)
    found = [
        _ending("not accepting", times.acceptance, times.acceptance, style="bad"),
        _ending("ledger closed", opened, closed, style="muted"),
        _ending("detection", at.get("detection"), times.detection),
        _ending("routing", at.get("takeover"), times.routing),
        _ending("decision", _sum(times.detection, times.decision), times.decision),
        _ending("promotion", at.get("promotion"), times.promotion),
        _ending("reconciliation", at.get("reconciliation"), times.reconciliation),
    ]
    bars = [phase for phase in found if phase is not None]
    return tuple(sorted(bars, key=lambda phase: phase.start_s))


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second


def _ending(
    name: str, end_s: float | None, duration_s: float | None, *, style: str = "part"
) -> Phase | None:
    if end_s is None or duration_s is None:
        return None
    return Phase(name=name, style=style, start_s=end_s - duration_s, end_s=end_s)


def draw_phases(bars: tuple[Phase, ...]) -> str:
    """The bars as an `<svg>` element."""
    longest = max(phase.end_s for phase in bars)
    scale = (WIDTH - _LEFT - _RIGHT) / max(longest, 0.001)
    height = _ROW * len(bars) + 30
    rows = "\n".join(
        part for place, phase in enumerate(bars) for part in _row(phase, place * _ROW + 6, scale)
    )
    axis = "\n".join(
        f'<path class="grid" d="M{_LEFT + tick * scale:.1f} 0V{height - 24}"/>'
        f'<text class="tick mid" x="{_LEFT + tick * scale:.1f}" y="{height - 8}">{tick:,g}</text>'
        for tick in ticks(longest, count=8)
    )
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="Parts of the recovery in seconds after the fault">\n{axis}\n{rows}\n</svg>'
    )


def _row(phase: Phase, y: float, scale: float) -> Iterable[str]:
    x = _LEFT + phase.start_s * scale
    width = max((phase.end_s - phase.start_s) * scale, 2)
    yield f'<text class="label end" x="{_LEFT - 12}" y="{y + 13}">{escape(phase.name)}</text>'
    place = f'x="{x:.1f}" y="{y}" width="{width:.1f}" height="18" rx="3"'
    yield f'<rect class="bar {phase.style}" {place}/>'
    yield (
        f'<text class="label" x="{x + width + 8:.1f}" y="{y + 13}">'
        f"{phase.end_s - phase.start_s:.2f} s</text>"
    )
