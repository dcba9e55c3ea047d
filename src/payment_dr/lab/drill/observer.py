"""Follows a drill while it runs: reads its history as it grows, and tells the live view."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Final, Protocol, Self, TypeVar

import msgspec

from payment_dr.checks.evidence import Event, EventType, Function, HistoryLine
from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.drill.design import Truth
from payment_dr.recovery.control import ControlRecord, Phase
from payment_dr.recovery.plan import plan_for
from payment_dr.report.live import Snapshot

T = TypeVar("T")

_PERIOD_S: Final = 0.25
_WINDOW_S: Final = 2.0
_QUIET: Final = frozenset({"probe-failed", "link-changed", "truth-unavailable"})


class View(Protocol):
    """Where progress goes; `report.live.LiveView` shows it."""

    def update(self, snapshot: Snapshot) -> None:
        """Show a snapshot."""
        ...

    def event(self, text: str) -> None:
        """Show that something happened."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """New whole lines of a file that another process appends to."""

    path: Path

    def lines(self, offset: int) -> tuple[list[bytes], int]:
        """Whole lines from a byte offset on, and where the next reading starts."""
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            return _whole(file, offset)
        return [], offset


def _whole(file: BufferedReader, offset: int) -> tuple[list[bytes], int]:
    file.seek(offset)
    body = file.read()
    end = body.rfind(b"\n") + 1
    return body[:end].splitlines(), offset + end


class Figures:
    """Counts of payments so far, and the rates of the last two seconds."""

    def __init__(self) -> None:
        self.ends: Counter[EventType] = Counter()
        self._keys: set[tuple[str, str]] = set()
        self._started: dict[int, int] = {}
        self._invoked: deque[int] = deque()
        self._latencies: deque[tuple[int, float]] = deque()

    def read(self, line: HistoryLine) -> None:
        """Take one line of the history in."""
        if line.f is not Function.PAY:
            return
        if line.type is EventType.INVOKE:
            if (line.merchant, line.key) in self._keys:
                return  # a duplicate is answered when the first is: that is no latency
            self._keys.add((line.merchant, line.key))
            self._started[line.process] = line.time_ns
            self._invoked.append(line.time_ns)
            return
        start = self._started.pop(line.process, None)
        if start is None:
            return
        self.ends[line.type] += 1
        if line.type is EventType.OK:
            self._latencies.append((line.time_ns, (line.time_ns - start) / 1e6))

    def rate(self, now_ns: int) -> float:
        """Payments started per second."""
        _forget(self._invoked, lambda at: now_ns - at > _WINDOW_S * 1e9)
        return len(self._invoked) / _WINDOW_S

    def p99_ms(self, now_ns: int) -> float | None:
        """99th percentile of acknowledged requests; None without any."""
        _forget(self._latencies, lambda pair: now_ns - pair[0] > _WINDOW_S * 1e9)
        known = sorted(ms for _, ms in self._latencies)
        return known[int(0.99 * (len(known) - 1))] if known else None


def _forget(queue: deque[T], old: Callable[[T], bool]) -> None:
    while queue and old(queue[0]):
        queue.popleft()


class Observer:
    """Watches in threads of its own while it is entered; nothing depends on what it sees."""

    def __init__(self, view: View, *, history: Path, events: Path, truth: Truth) -> None:
        self.phase = "warming up"
        self._view = view
        self._tail = Tail(path=history)
        self._events = events
        self._truth = truth
        self._figures = Figures()
        self._control: ControlRecord | None = None
        self._ended = threading.Event()
        self._began_ns = time.time_ns()
        self._threads = [
            threading.Thread(target=self._watch, name="observer"),
            threading.Thread(target=self._ask, name="observer-control"),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._ended.wait(_PERIOD_S):
            with suppress(PaymentDrError):
                self._control = self._truth.control()

    def _watch(self) -> None:
        offset = 0
        seen: dict[Path, int] = {}
        while not self._ended.wait(_PERIOD_S):
            lines, offset = self._tail.lines(offset)
            for line in lines:
                self._figures.read(msgspec.json.decode(line, type=HistoryLine))
            for file in sorted(self._events.glob("*.jsonl")):
                found, seen[file] = Tail(path=file).lines(seen.get(file, 0))
                for line in found:
                    self._tell(msgspec.json.decode(line, type=Event))
            self._view.update(self._snapshot())

    def _tell(self, event: Event) -> None:
        if event.name not in _QUIET and event.time_ns >= self._began_ns:
            at_s = (event.time_ns - self._began_ns) / 1e9
            detail = " ".join(str(value) for value in event.detail.values())
            words = (f"{at_s:6.1f} s ", event.name, event.site or "", detail)
            self._view.event(" ".join(word for word in words if word))

    def _snapshot(self) -> Snapshot:
        now_ns = time.time_ns()
        control = self._control
        step, done, steps = _progress(control)
        return Snapshot(
            phase=self.phase,
            elapsed_s=(now_ns - self._began_ns) / 1e9,
            offered_per_s=self._figures.rate(now_ns),
            acknowledged=self._figures.ends[EventType.OK],
            refused=self._figures.ends[EventType.FAIL],
            indeterminate=self._figures.ends[EventType.INFO],
            p99_ms=self._figures.p99_ms(now_ns),
            active=None if control is None else control.active,
            epoch=None if control is None else control.epoch,
            step=step,
            steps_done=done,
            steps=steps,
        )


def _progress(control: ControlRecord | None) -> tuple[str | None, int, int]:
    """The current step of a move in progress, how many are done, and of how many."""
    if control is None or control.phase is Phase.STEADY or control.move is None:
        return None, 0, 0
    plan = plan_for(control.move.kind)
    return control.move.step, plan.position(control.move.step), len(plan.steps)
