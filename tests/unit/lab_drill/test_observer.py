import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

from fakes.drill_truth import STEADY, FakeTruth
from payment_dr.adapters.evidence_files import history_line
from payment_dr.checks.evidence import EventType, Function, HistoryEvent
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.lab.drill.observer import Observer
from payment_dr.lab.events import EventLog
from payment_dr.recovery.control import ControlRecord, Move, MoveKind, Phase
from payment_dr.recovery.plan import plan_for
from payment_dr.report.live import Snapshot

NOW_NS = 4_000_000_000_000_000_000
"""Far ahead, so that the window of two seconds never closes on it."""


@dataclass
class FakeView:
    enough: threading.Event = field(default_factory=threading.Event)
    snapshots: list[Snapshot] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    wanted: int = 2

    def update(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)
        if len(self.snapshots) >= self.wanted:
            self.enough.set()

    def event(self, text: str) -> None:
        self.events.append(text)


@dataclass
class SteadyTruth(FakeTruth):
    answer: ControlRecord | None = STEADY

    def control(self) -> ControlRecord:
        if self.answer is None:
            raise UnavailableError("down")
        return self.answer


def line(
    process: int,
    kind: EventType,
    f: Function = Function.PAY,
    *,
    ms: int = 0,
    key: str | None = None,
) -> bytes:
    return history_line(
        HistoryEvent(
            index=0,
            process=process,
            type=kind,
            f=f,
            key=key or f"key-{process}",
            request="r",
            payment_id=None,
            amount=1,
            currency="EUR",
            status=None,
            http_status=0,
            replayed=False,
            site=None,
            time_ns=NOW_NS + ms * 1_000_000,
        )
    )


def observed(directory: Path, truth: FakeTruth, *, history: bytes = b"") -> FakeView:
    view = FakeView()
    (directory / "history.jsonl").write_bytes(history)
    with Observer(
        view, history=directory / "history.jsonl", events=directory / "events", truth=truth
    ):
        assert view.enough.wait(10)
    return view


def test_it_counts_payment_requests_and_tells_what_happened(tmp_path: Path) -> None:
    clock = iter([1, NOW_NS, NOW_NS])
    log = tmp_path / "events" / "network.jsonl"
    with EventLog(log, now_ns=lambda: next(clock)) as events:
        events.write("site-healthy", "before the load")
        events.write("site-unhealthy", "east", failures=3)
        events.write("probe-failed", "east")
    history = b"".join(
        [
            line(1, EventType.INVOKE),
            line(1, EventType.OK, ms=50),
            line(2, EventType.INVOKE),
            line(2, EventType.FAIL),
            line(3, EventType.OK),
            line(6, EventType.INVOKE, key="key-1"),
            line(6, EventType.OK, key="key-1", ms=1000),
            line(4, EventType.INVOKE, Function.READ),
            line(5, EventType.INVOKE)[:-20],
        ]
    )
    view = observed(tmp_path, SteadyTruth(), history=history)
    last = view.snapshots[-1]
    assert (last.acknowledged, last.refused, last.indeterminate) == (1, 1, 0)
    assert last.offered_per_s == 1
    assert last.p99_ms == 50
    assert (last.active, last.epoch, last.step) == ("east", 1, None)
    assert [e.split("s ", 1)[1].strip() for e in view.events] == ["site-unhealthy east 3"]


def test_during_a_move_it_shows_the_step_and_how_many_there_are(tmp_path: Path) -> None:
    move = Move(
        move_id="failover-1",
        kind=MoveKind.FAILOVER,
        source=SiteName("east"),
        target=SiteName("west"),
        step="promote",
        started_by="me",
        started_at=0,
        reason="",
        overrides=(),
        approvals=(),
        attempts=0,
    )
    moving = replace(STEADY, phase=Phase.MOVING, move=move)
    last = observed(tmp_path, SteadyTruth(answer=moving)).snapshots[-1]
    plan = plan_for(MoveKind.FAILOVER)
    assert (last.step, last.steps_done, last.steps) == ("promote", 2, len(plan.steps))


def test_a_region_that_does_not_answer_leaves_the_view_without_a_role(tmp_path: Path) -> None:
    last = observed(tmp_path, SteadyTruth(answer=None)).snapshots[-1]
    assert (last.active, last.epoch, last.p99_ms) == (None, None, None)


def test_old_requests_leave_the_window(tmp_path: Path) -> None:
    old = line(1, EventType.INVOKE).replace(str(NOW_NS).encode(), b"1000000000")
    end = line(1, EventType.OK).replace(str(NOW_NS).encode(), b"1000000001")
    last = observed(tmp_path, SteadyTruth(), history=old + end).snapshots[-1]
    assert (last.offered_per_s, last.p99_ms, last.acknowledged) == (0, None, 1)


def test_a_missing_history_is_an_empty_one(tmp_path: Path) -> None:
    view = FakeView()
    with Observer(view, history=tmp_path / "none", events=tmp_path / "events", truth=SteadyTruth()):
        assert view.enough.wait(10)
    assert view.snapshots[-1].acknowledged == 0
