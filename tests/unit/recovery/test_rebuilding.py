"""A rebuild as a move: its gates, its steps, what it says, and what takes its place."""

from dataclasses import replace

import pytest

from fakes.composed import SETTINGS as PARTS
from fakes.recovery_world import (
    EAST,
    SETTINGS,
    START,
    STEADY_AT_EAST,
    WEST,
    FakeWorld,
    to_east,
    to_west,
    world_for,
)
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import FailoverSettings
from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.recovery.abort import abort_request
from payment_dr.recovery.control import MoveKind, Phase
from payment_dr.recovery.detection import (
    Calm,
    Memory,
    Observation,
    OpenMove,
    decide,
    remember,
)
from payment_dr.recovery.documents import REBUILD_EVIDENCE
from payment_dr.recovery.moves import opened
from payment_dr.recovery.ports import (
    Amount,
    GlobalClusterView,
    Rebuilding,
    RebuildState,
    Transition,
    TransitionEvent,
)
from payment_dr.recovery.readiness import Gate, Refused, move_gates
from payment_dr.recovery.rebuilding import LedgerDiffersError, told
from payment_dr.recovery.run import StepError
from payment_dr.recovery.runner import Completed, Stopped, resume, start

REBUILD = MoveKind.REBUILD
FOUND = Rebuilding(
    state=RebuildState.POSTING,
    records=100,
    expected=1300,
    worked_s=10.0,
    payments=0,
    posted={"EUR": Amount(bookings=7, money=900)},
    implied={},
    held={},
    young=0,
    differing=0,
    differences=(),
)


def at_west_active() -> FakeWorld:
    """West is active, east is gone, and west's ledger was restored from an older backup."""
    fake = world_for(REBUILD)
    fake.control = replace(STEADY_AT_EAST, active=WEST, epoch=Epoch(2), changed_at=START)
    fake.ledgers[WEST].stamp = Stamp(epoch=Epoch(1), site=EAST)
    return fake


def test_a_rebuild_where_the_active_role_stays_waits_for_no_cool_down() -> None:
    fake = at_west_active()
    strict = FailoverSettings()
    assert isinstance(start(fake.ports(), to_west(REBUILD), strict), Completed)
    assert (fake.control.active, fake.control.epoch) == (WEST, 3)
    assert fake.ledgers[WEST].stamp == Stamp(epoch=Epoch(3), site=WEST)
    assert fake.ledgers[WEST].entries == set(fake.records)
    assert fake.control.changed_at == START, "no role has changed"


def test_a_rebuild_elsewhere_is_a_change_of_role_like_any_other() -> None:
    control = replace(
        STEADY_AT_EAST, move=opened(STEADY_AT_EAST, to_east(REBUILD), step="x", now=0).move
    )
    (item,) = move_gates(to_west(REBUILD), control, FailoverSettings(), START + 1)
    assert item.gate is Gate.COOL_DOWN


def test_a_ledger_that_is_alive_is_not_rebuilt_unless_somebody_takes_that_upon_themselves() -> None:
    fake = FakeWorld()
    outcome = start(fake.ports(), to_east(REBUILD), SETTINGS)
    assert isinstance(outcome, Stopped)
    assert isinstance(outcome.error, Refused)
    assert "ledger-alive: the ledger of east takes writes under the stamp of epoch 1" in str(
        outcome.error
    )
    assert fake.control == STEADY_AT_EAST
    taken = to_east(REBUILD, overrides=("ledger-alive",))
    assert isinstance(start(fake.ports(), taken, SETTINGS), Completed)


def waits(fake: FakeWorld) -> str:
    """What the run log says that the move waits for."""
    lines = (line for line in fake.logs["m1"] if line.event is TransitionEvent.WAITS)
    return "; ".join(line.detail for line in lines)


def test_a_rebuild_waits_for_the_restored_database_and_says_what_it_lacks() -> None:
    fake = at_west_active()
    fake.writer = EAST
    hasty = SETTINGS.model_copy(
        update={"budgets": SETTINGS.budgets.model_copy(update={"restore_s": 30.0})}
    )
    outcome = start(fake.ports(), to_west(REBUILD), hasty)
    assert isinstance(outcome, Stopped)
    assert isinstance(outcome.error, StepError)
    assert "the platform's writer is east, not west" in waits(fake)
    fake.writer = WEST
    fake.ledgers[WEST].writable = False
    outcome = resume(fake.ports(), fake.control, hasty, by="bob")
    assert isinstance(outcome, Stopped)
    assert "the ledger of west takes no writes" in waits(fake)
    fake.ledgers[WEST].writable = True
    assert isinstance(resume(fake.ports(), fake.control, hasty, by="bob"), Completed)


def test_the_control_record_counts_a_stamp_before_it_is_written() -> None:
    fake = at_west_active()
    start(fake.ports(), to_west(REBUILD), SETTINGS)
    assert fake.control.move is not None
    assert fake.control.move.attempts == 1
    names = fake.names
    assert names.index("ledgers.stamp") > names.index("control.write")


def test_the_report_has_what_was_compared_and_promises_no_time() -> None:
    fake = at_west_active()
    start(fake.ports(), to_west(REBUILD), SETTINGS)
    found = REBUILD_EVIDENCE.validate_json(fake.documents["m1", "rebuild.json"])
    assert (found.found.state, found.by) == (RebuildState.DONE, "ada")
    (compared,) = [
        line for line in fake.logs["m1"] if (line.step, line.event) == ("compare", "done")
    ]
    assert "table and ledger have 6 of 1 EUR" in compared.detail
    body = next(iter(fake.reports.values()))
    assert "the ledger is open" not in body
    assert "acknowledged payments lost" in body


def test_what_the_scan_left_out_stops_the_move_by_name_and_the_next_runner_scans_anew() -> None:
    fake = at_west_active()
    fake.left_out = {"p3"}
    outcome = start(fake.ports(), to_west(REBUILD), SETTINGS)
    assert isinstance(outcome, Stopped)
    assert isinstance(outcome.error, LedgerDiffersError)
    assert "differs from the payments table in 1 cases: p3" in outcome.error.what
    assert fake.control.phase is Phase.MOVING, "the ledger is not open"
    assert fake.logs["m1"][-1].event is TransitionEvent.FAILED
    kept = REBUILD_EVIDENCE.validate_json(fake.documents["m1", "rebuild.json"])
    assert kept.found.differences == ("p3",)
    fake.left_out = set()
    assert isinstance(resume(fake.ports(), fake.control, SETTINGS, by="bob"), Completed)
    assert fake.ledgers[WEST].entries == set(fake.records)


def test_another_database_restored_meanwhile_is_scanned_from_the_beginning() -> None:
    fake = at_west_active()
    fake.left_out = {"p3"}
    start(fake.ports(), to_west(REBUILD), SETTINGS)
    fake.left_out = set()
    ledger = fake.ledgers[WEST]
    ledger.entries, ledger.scanned = set(), {}
    ledger.stamp = Stamp(epoch=Epoch(0), site=None)
    assert isinstance(resume(fake.ports(), fake.control, SETTINGS, by="bob"), Completed)
    assert ledger.entries == set(fake.records)


def test_a_failover_in_the_place_of_a_rebuild_keeps_its_full_scan() -> None:
    fake = at_west_active()
    fake.left_out = {"p3"}
    start(fake.ports(), to_west(REBUILD), SETTINGS)
    fake.left_out = set()
    fake.ledgers[EAST].entries = {"p0"}
    other = to_east(MoveKind.FAILOVER, supersedes="m1")
    assert isinstance(start(fake.ports(), other, SETTINGS), Completed)
    assert fake.control.active == EAST
    assert fake.ledgers[EAST].scanned[Stamp(epoch=Epoch(4), site=EAST)][0] is RebuildState.DONE
    assert fake.ledgers[EAST].entries == set(fake.records)
    assert "rebuilder.advance" in fake.names


def test_a_move_after_a_finished_rebuild_scans_nothing() -> None:
    fake = at_west_active()
    start(fake.ports(), to_west(REBUILD), SETTINGS)
    fake.names.clear()
    start(fake.ports(), to_east(MoveKind.FAILOVER), SETTINGS)
    assert "rebuilder.advance" not in fake.names


def test_a_step_of_hours_is_told_often_and_logged_seldom() -> None:
    fake = at_west_active()
    fake.writer = EAST
    seen: list[Transition] = []

    def look(line: Transition) -> None:
        seen.append(line)
        if len(seen) > 150:
            fake.writer = WEST

    start(fake.ports(), to_west(REBUILD), SETTINGS, progress=look)
    logged = fake.logs["m1"]
    assert len(seen) > 150
    assert len(logged) < 30
    assert seen[-1] == logged[-1]


def test_a_rebuild_is_not_superseded_by_its_own_sites_watcher_nor_resumed() -> None:
    control = opened(STEADY_AT_EAST, to_west(REBUILD), step="restore", now=START)
    lost = Observation(
        control=control,
        answer=WEST,
        peer_healthy=False,
        peer_heartbeat=None,
        own_ledger=None,
        platform=None,
        run_log=(),
        at=0.0,
    )
    memory, seen = Memory(beat_since=0.0, progress_since=0.0), lost
    for tick in range(200):
        seen = replace(lost, at=float(tick))
        memory = remember(memory, seen, WEST)
        assert decide(WEST, memory, seen, PARTS) == Calm()
    assert isinstance(decide(EAST, memory, replace(seen, answer=EAST), PARTS), OpenMove)


def test_a_rebuild_is_not_taken_back() -> None:
    control = opened(STEADY_AT_EAST, to_west(REBUILD), step="restore", now=START)
    platform = GlobalClusterView(writer=EAST, available=frozenset({EAST}))
    with pytest.raises(PaymentDrError, match="m1 is a rebuild") as refused:
        abort_request(control, platform, aborted="m1", move_id="m2", by="bob")
    assert "payment-dr resume m1" in refused.value.remedy
    later = opened(control, to_east(MoveKind.FAILOVER, supersedes="m1"), step="route", now=START)
    assert later.move is not None
    assert later.move.keeps_full_scan


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {},
            "100 of about 1300 records, 10 a second, about 2 min left, posted 7 of 900 EUR",
        ),
        (
            {"expected": 150},
            "posting: 100 of about 150 records, 10 a second, about 5 s left, posted",
        ),
        ({"expected": 0}, "posting: 100 records, 10 a second, posted 7 of 900 EUR"),
        (
            {"worked_s": 0.0, "posted": {}},
            "posting: 100 of about 1300 records, 0 a second, posted none",
        ),
        ({"state": RebuildState.COMPARING, "differing": 2}, "about 2 min left, 2 differences"),
        ({"state": RebuildState.DIFFERS, "differing": 2}, "2 differences"),
        (
            {"state": RebuildState.DONE, "young": 3},
            "posted 7 of 900 EUR; table and ledger have none, 3",
        ),
    ],
)
def test_progress_is_told_in_words(changes: dict[str, object], says: str) -> None:
    assert says in told(replace(FOUND, **changes))  # type: ignore[arg-type]  # its own fields


def test_a_difference_of_sums_alone_is_told_as_such() -> None:
    error = LedgerDiffersError("m1", replace(FOUND, state=RebuildState.DIFFERS))
    assert "0 cases: the sums per currency" in error.what
