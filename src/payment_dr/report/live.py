"""Live progress of a drill: a panel in a terminal, a plain line each second without one.

It is told everything and reads no clock; nothing it shows is needed by anything else.
"""

from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TextIO

from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from payment_dr.report.terminal import console
from payment_dr.report.words import milliseconds

_EVENTS_SHOWN: Final = 8
_PLAIN_EVERY_S: Final = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """What is going on. Counts are of payment requests since the start, the rate is of now.

    `active`, `epoch` and `p99_ms` are None when not known; `step` is None outside a move, else its
    current step, of which `steps_done` of `steps` are finished.
    """

    phase: str
    elapsed_s: float
    offered_per_s: float
    acknowledged: int
    refused: int
    indeterminate: int
    p99_ms: float | None
    active: str | None
    epoch: int | None
    step: str | None = None
    steps_done: int = 0
    steps: int = 0


class LiveView:
    """Shows snapshots and events while it is entered.

    Args:
        stream: usually standard error.
        title: of the panel.
    """

    def __init__(self, stream: TextIO, *, title: str) -> None:
        self._console = console(stream)
        self._title = title
        self._events: deque[str] = deque(maxlen=_EVENTS_SHOWN)
        self._snapshot: Snapshot | None = None
        self._printed_s = float("-inf")
        self._live = (
            Live(console=self._console, auto_refresh=False, transient=True)
            if self._console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, snapshot: Snapshot) -> None:
        """Show a snapshot; without a terminal at most one a second of its own time."""
        self._snapshot = snapshot
        if self._live is not None:
            self._refresh(self._live)
        elif snapshot.elapsed_s - self._printed_s >= _PLAIN_EVERY_S:
            self._printed_s = snapshot.elapsed_s
            self._print(plain(snapshot))

    def event(self, text: str) -> None:
        """Show that something happened."""
        self._events.append(text)
        if self._live is not None:
            self._refresh(self._live)
        else:
            self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def _refresh(self, live: Live) -> None:
        live.update(panel(self._title, self._snapshot, tuple(self._events)), refresh=True)


def plain(snapshot: Snapshot) -> str:
    """One line of a snapshot."""
    step = "" if snapshot.step is None else f", step {snapshot.step} ({_steps(snapshot)})"
    return (
        f"{snapshot.elapsed_s:6.1f} s  {snapshot.phase}: {snapshot.offered_per_s:.0f} payments/s, "
        f"{snapshot.acknowledged:,} acknowledged, {snapshot.refused:,} refused, "
        f"{snapshot.indeterminate:,} without an answer, p99 {milliseconds(snapshot.p99_ms)}, "
        f"{_role(snapshot)}{step}"
    )


def _steps(snapshot: Snapshot) -> str:
    return f"{snapshot.steps_done} of {snapshot.steps} done"


def _role(snapshot: Snapshot) -> str:
    if snapshot.active is None or snapshot.epoch is None:
        return "active site not known"
    return f"{snapshot.active} active in epoch {snapshot.epoch}"


def panel(title: str, snapshot: Snapshot | None, events: tuple[str, ...]) -> Panel:
    """What a terminal shows."""
    parts: list[RenderableType] = []
    if snapshot is not None:
        parts += [_figures(snapshot), Text()]
        if snapshot.step is not None:
            progress = ProgressBar(
                total=max(snapshot.steps, 1), completed=snapshot.steps_done, width=40
            )
            row = Table.grid(padding=(0, 2))
            row.add_row(Text(snapshot.step, style="bold"), progress, _steps(snapshot))
            parts += [row, Text()]
    parts += [Text(text, style="dim", overflow="ellipsis", no_wrap=True) for text in events]
    return Panel(Group(*parts), title=Text(title), title_align="left", border_style="dim")


def _figures(snapshot: Snapshot) -> Table:
    grid = Table.grid(padding=(0, 3))
    lost = "red" if snapshot.indeterminate else ""
    grid.add_row(
        Text(snapshot.phase, style="bold"),
        f"{snapshot.elapsed_s:.1f} s",
        f"{snapshot.offered_per_s:.0f} payments/s",
        _role(snapshot),
    )
    grid.add_row(
        Text(f"{snapshot.acknowledged:,} acknowledged", style="green"),
        f"{snapshot.refused:,} refused",
        Text(f"{snapshot.indeterminate:,} without an answer", style=lost),
        f"p99 {milliseconds(snapshot.p99_ms)}",
    )
    return grid
