"""Line plots over time as inline SVG: small, printable, coloured by the page's style sheet.

Coordinates are pixels of a view box that the page scales to its width.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

WIDTH: Final = 1000
LEFT: Final = 64
RIGHT: Final = 12
TOP: Final = 34
BOTTOM: Final = 26

_BADGE_GAP: Final = 19.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """A line; `style` is the CSS class of its colour. A None in `values` is a gap."""

    name: str
    style: str
    values: tuple[float | None, ...]
    filled: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A vertical line with a numbered badge."""

    number: int
    name: str
    at_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """What a plot shows: `step_s` is the distance of the values, `shade` a stretch of seconds.

    With `log` the values' axis is logarithmic, and zero is drawn at its bottom.
    """

    title: str
    unit: str
    length_s: float
    step_s: float
    series: tuple[Series, ...]
    lines: tuple[Line, ...] = ()
    shade: tuple[float, float] | None = None
    log: bool = False
    height: int = 230


@dataclass(frozen=True, kw_only=True, slots=True)
class _Axis:
    """Maps values to pixels from `start` at `low` to `end` at `high`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Pixel of a value, kept inside the axis."""
        low, high, value = self._scaled(self.low), self._scaled(self.high), self._scaled(value)
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return self.start + share * (self.end - self.start)

    def _scaled(self, value: float) -> float:
        return log10(max(value, self.low)) if self.log else value


def ticks(high: float, *, count: int = 6) -> tuple[float, ...]:
    """Round numbers from zero to `high`, about `count` of them."""
    if high <= 0:
        return (0.0,)
    rough = high / count
    size = 10.0 ** floor(log10(rough))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= rough)
    return tuple(step * i for i in range(floor(high / step + 1e-9) + 1))


def draw(plot: Plot) -> str:
    """The plot as an `<svg>` element."""
    bottom = float(plot.height - BOTTOM)
    time = _Axis(low=0, high=max(plot.length_s, plot.step_s), start=LEFT, end=WIDTH - RIGHT)
    value = _value_axis(plot, bottom)
    box = f'viewBox="0 0 {WIDTH} {plot.height}" role="img" aria-label="{escape(plot.title)}"'
    parts = [
        f'<svg class="plot" {box}>',
        *_grid(plot, time, value, bottom),
        *_shade(plot, time, bottom),
        *(_line(series, plot.step_s, time, value, bottom) for series in plot.series),
        *_marks(plot.lines, time, bottom),
        "</svg>",
    ]
    return "\n".join(parts)


def _value_axis(plot: Plot, bottom: float) -> _Axis:
    values = [v for s in plot.series for v in s.values if v is not None]
    top = max(values, default=0.0)
    if plot.log:
        low = 10.0 ** floor(log10(max(min(values, default=1.0), 0.1)))
        high = 10.0 ** ceil(log10(max(top, low * 10)))
        return _Axis(low=low, high=high, start=bottom, end=TOP, log=True)
    return _Axis(low=0, high=max(top * 1.08, 1.0), start=bottom, end=TOP)


def _value_ticks(axis: _Axis) -> Iterable[float]:
    if not axis.log:
        return ticks(axis.high, count=4)
    return (10.0**power for power in range(round(log10(axis.low)), round(log10(axis.high)) + 1))


def _grid(plot: Plot, time: _Axis, value: _Axis, bottom: float) -> Iterable[str]:
    for tick in _value_ticks(value):
        y = value.at(tick)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text class="tick end" x="{LEFT - 8}" y="{y + 4:.1f}">{tick:,g}</text>'
    for tick in ticks(time.high, count=12):
        x = time.at(tick)
        yield f'<text class="tick mid" x="{x:.1f}" y="{bottom + 18:.1f}">{tick:,g}</text>'
    yield f'<text class="tick end" x="{LEFT - 8}" y="{TOP - 16}">{escape(plot.unit)}</text>'


def _shade(plot: Plot, time: _Axis, bottom: float) -> Iterable[str]:
    if plot.shade is not None:
        start, end = (time.at(at_s) for at_s in plot.shade)
        yield (
            f'<rect class="outage" x="{start:.1f}" y="{TOP}" width="{max(end - start, 1):.1f}" '
            f'height="{bottom - TOP:.1f}"/>'
        )


def _runs(values: Sequence[float | None]) -> Iterable[list[tuple[int, float]]]:
    """Stretches without gaps, each value with its place."""
    run: list[tuple[int, float]] = []
    for place, value in enumerate(values):
        if value is not None:
            run.append((place, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _line(series: Series, step_s: float, time: _Axis, value: _Axis, bottom: float) -> str:
    paths: list[str] = []
    for run in _runs(series.values):
        points = [(time.at((place + 0.5) * step_s), value.at(number)) for place, number in run]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        if series.filled:
            edges = f"M{points[0][0]:.1f} {bottom:.1f}L{path}L{points[-1][0]:.1f} {bottom:.1f}Z"
            paths.append(f'<path class="area {series.style}" d="{edges}"/>')
        if len(points) == 1:
            (x, y) = points[0]
            paths.append(f'<circle class="dot {series.style}" cx="{x:.1f}" cy="{y:.1f}" r="2"/>')
        paths.append(f'<path class="line {series.style}" d="M{path}"/>')
    return "\n".join(paths)


def _marks(lines: Sequence[Line], time: _Axis, bottom: float) -> Iterable[str]:
    """Vertical lines; badges that would overlap are pushed right and tied to their line."""
    free = 0.0
    for line in sorted(lines, key=lambda line: line.at_s):
        x = time.at(line.at_s)
        badge = max(x, free)
        free = badge + _BADGE_GAP
        title = f"<title>{escape(line.name)} at {line.at_s:.2f} s</title>"
        yield f'<path class="mark" d="M{badge:.1f} 18L{x:.1f} {TOP - 6}V{bottom:.1f}"/>'
        yield f'<g class="badge">{title}<circle cx="{badge:.1f}" cy="11" r="8.5"/>'
        yield f'<text x="{badge:.1f}" y="15">{line.number}</text></g>'
