"""Detection as a table: what two signals decide, and that one alone decides nothing."""

import random
from dataclasses import replace
from typing import Any, Final

import pytest

from fakes.composed import SETTINGS
from fakes.recovery_world import EAST, START, STEADY_AT_EAST, WEST, to_east, to_west
from payment_dr.core.settings import Promotion, Settings
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.recovery.control import Approval, ControlRecord, MoveKind
from payment_dr.recovery.detection import (
    RUNNER_SILENT_S,
    AskOperator,
    Calm,
    Memory,
    Observation,
    OpenMove,
    ResumeMove,
    Verdict,
    decide,
    remember,
    suspicious,
)
from payment_dr.recovery.moves import opened, with_move
from payment_dr.recovery.ports import (
    GlobalClusterView,
    Heartbeat,
    LedgerView,
    Transition,
    TransitionEvent,
)
from payment_dr.recovery.readiness import Gate, move_gates

REPLICA: Final = LedgerView(stamp=STEADY_AT_EAST.stamp, writable=False, receiving=True, lag_bytes=0)
WRITER: Final = LedgerView(
    stamp=STEADY_AT_EAST.stamp, writable=True, receiving=False, lag_bytes=None
)
BEAT: Final = Heartbeat(site=EAST, beat=1, ledger_failures=0, at=START)
WELL: Final = Observation(
    control=STEADY_AT_EAST,
    answer=EAST,
    peer_healthy=True,
    peer_heartbeat=BEAT,
    own_ledger=REPLICA,
    platform=None,
    run_log=(),
    at=0.0,
)
SITE_LOST: Final[dict[str, Any]] = {"answer": WEST, "peer_healthy": False}
DEAF: Final = replace(REPLICA, receiving=False, lag_bytes=None)
REPORTED: Final = replace(BEAT, ledger_failures=3)
AUTOMATIC: Final = SETTINGS
BY_HAND: Final = SETTINGS.model_copy(
    update={"failover": SETTINGS.failover.model_copy(update={"automatic": False})}
)
APPROVED: Final = SETTINGS.model_copy(
    update={"failover": SETTINGS.failover.model_copy(update={"promotion": Promotion.APPROVAL})}
)


def watch(
    site: SiteName,
    *ticks: Observation,
    settings: Settings = AUTOMATIC,
    every_s: float = 0.25,
    beats: bool = True,
) -> Verdict:
    """The last verdict of a watcher that sees these ticks one after the other."""
    memory = Memory(beat_since=0.0, progress_since=0.0)
    verdict: Verdict = Calm()
    for number, tick in enumerate(ticks):
        heartbeat = tick.peer_heartbeat
        if beats and heartbeat is not None:
            heartbeat = replace(heartbeat, beat=number)
        seen = replace(tick, at=number * every_s, peer_heartbeat=heartbeat)
        memory = remember(memory, seen, site)
        verdict = decide(site, memory, seen, settings)
    return verdict


def test_a_quiet_world_is_left_alone() -> None:
    assert watch(WEST, *[WELL] * 50) == Calm()
    assert watch(EAST, *[replace(WELL, own_ledger=WRITER)] * 50) == Calm()


def test_a_lost_site_is_seen_by_the_zones_answer_and_by_own_requests() -> None:
    lost = replace(WELL, **SITE_LOST)
    assert watch(WEST, lost, lost) == Calm()
    verdict = watch(WEST, lost, lost, lost)
    assert isinstance(verdict, OpenMove)
    assert (verdict.supersedes, verdict.overrides) == (None, ())
    assert verdict.reason == (
        "site lost: the zone answers west, and 3 requests in a row to the peer failed"
    )


@pytest.mark.parametrize(
    "tick",
    [
        replace(WELL, answer=WEST),
        replace(WELL, peer_healthy=False),
        replace(WELL, peer_healthy=False, answer=None),
        replace(WELL, answer=WEST, peer_healthy=None),
        replace(WELL, own_ledger=DEAF),
        replace(WELL, peer_heartbeat=REPORTED),
        replace(WELL, peer_heartbeat=REPORTED, own_ledger=None),
        replace(WELL, peer_heartbeat=REPORTED, own_ledger=replace(WRITER)),
        replace(WELL, peer_heartbeat=replace(REPORTED, ledger_failures=2), own_ledger=DEAF),
        replace(WELL, platform=GlobalClusterView(writer=WEST, available=frozenset())),
        replace(WELL, own_ledger=WRITER),
        replace(
            WELL,
            own_ledger=WRITER,
            platform=GlobalClusterView(writer=EAST, available=frozenset()),
        ),
    ],
)
def test_one_signal_alone_moves_nothing_however_long_it_lasts(tick: Observation) -> None:
    assert watch(WEST, *[tick] * 100) == Calm()


LAGGING: Final = replace(REPLICA, lag_bytes=10**9)


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("one-way: we do not hear the peer, the zone's probers do", {"peer_healthy": False}),
        ("one-way: the probers do not hear the peer, we do", {"answer": WEST}),
        ("one-way: replication is cut, the peer's ledger is well", {"own_ledger": DEAF}),
        ("partial: the peer's ledger is ill, and still replicates", {"peer_heartbeat": REPORTED}),
        ("slow: answers take longer than a tick", {"peer_healthy": None, "answer": WEST}),
        ("slow: the replica lags by a gigabyte, and receives", {"own_ledger": LAGGING}),
    ],
)
def test_a_grey_failure_of_one_kind_alone_moves_nothing(kind: str, seen: dict[str, Any]) -> None:
    assert watch(WEST, *[replace(WELL, **seen)] * 200) == Calm(), kind


@pytest.mark.parametrize("seed", range(20))
def test_flapping_faster_than_the_threshold_moves_nothing(seed: int) -> None:
    """Both signals of each loss come and go, never as often in a row as the threshold says."""
    rng = random.Random(seed)
    bad = (SITE_LOST, {"own_ledger": DEAF, "peer_heartbeat": REPORTED})
    ticks: list[Observation] = []
    for _ in range(100):
        lost = rng.choice(bad)
        ticks += [replace(WELL, **lost)] * rng.randrange(AUTOMATIC.probes.threshold)
        ticks += [WELL] * rng.randint(1, 3)
    memory = Memory(beat_since=0.0, progress_since=0.0)
    for number, tick in enumerate(ticks):
        memory = remember(memory, tick, WEST)
        assert decide(WEST, memory, tick, AUTOMATIC) == Calm(), number


def test_flapping_at_the_threshold_is_a_loss_and_the_gates_hold_the_next_move_back() -> None:
    """Who flaps slowly is lost each time; how often that moves, the gates of a move limit."""
    lost = replace(WELL, **SITE_LOST)
    assert isinstance(watch(WEST, *[lost, lost, lost, WELL] * 5, lost, lost, lost), OpenMove)
    now = STEADY_AT_EAST.changed_at + 1
    latest = opened(STEADY_AT_EAST, to_west(MoveKind.FAILOVER), step="open-move", now=now - 1).move
    moved = replace(STEADY_AT_EAST, move=latest)
    often = replace(moved, opened=(now - 2, now - 1, now))
    failover = SETTINGS.failover.model_copy(update={"moves_per_hour_max": 3, "min_stay_s": 600})
    request = to_west(MoveKind.FAILOVER)
    blocked = {item.gate for item in move_gates(request, often, failover, now)}
    assert {Gate.COOL_DOWN, Gate.MOVES_PER_HOUR} <= blocked


def test_a_request_that_succeeds_once_starts_the_count_anew() -> None:
    lost = replace(WELL, **SITE_LOST)
    assert watch(WEST, lost, lost, replace(lost, peer_healthy=True), lost, lost) == Calm()
    under_way = replace(lost, peer_healthy=None)
    assert isinstance(watch(WEST, lost, under_way, lost, under_way, lost), OpenMove)


def test_a_lost_ledger_is_seen_by_the_peers_word_and_by_the_own_replica() -> None:
    lost = replace(WELL, peer_heartbeat=REPORTED, own_ledger=DEAF)
    assert watch(WEST, lost, lost) == Calm()
    verdict = watch(WEST, lost, lost, lost)
    assert isinstance(verdict, OpenMove)
    assert verdict.reason.startswith("ledger lost: east reports 3 failures in a row")


@pytest.mark.parametrize("heartbeat", [BEAT, None])
def test_a_peer_that_is_silent_counts_as_one_signal_once_detection_time_has_passed(
    heartbeat: Heartbeat | None,
) -> None:
    silent = replace(WELL, peer_heartbeat=heartbeat, own_ledger=DEAF)
    ticks = int(AUTOMATIC.probes.detection_s / 10) + 1
    assert watch(WEST, *[silent] * (ticks - 1), every_s=10, beats=False) == Calm()
    verdict = watch(WEST, *[silent] * ticks, every_s=10, beats=False)
    assert isinstance(verdict, OpenMove)
    assert "silent for 30.0 s" in verdict.reason
    assert watch(WEST, *[replace(silent, own_ledger=REPLICA)] * 9, every_s=10, beats=False) == (
        Calm()
    )


def test_the_active_site_never_moves_to_itself_for_a_lost_peer() -> None:
    tick = replace(WELL, answer=EAST, peer_healthy=False, own_ledger=WRITER)
    assert watch(EAST, *[tick] * 9) == Calm()


def test_where_moves_are_left_to_people_they_are_asked() -> None:
    lost = replace(WELL, **SITE_LOST)
    verdict = watch(WEST, lost, lost, lost, settings=BY_HAND)
    assert isinstance(verdict, AskOperator)
    assert verdict.reason.startswith("site lost")


WEST_WRITES: Final = GlobalClusterView(writer=WEST, available=frozenset({WEST}))


@pytest.mark.parametrize(
    ("control", "stamp"),
    [
        (STEADY_AT_EAST, STEADY_AT_EAST.stamp),
        (replace(STEADY_AT_EAST, active=WEST), Stamp(epoch=Epoch(7), site=WEST)),
    ],
)
def test_a_writer_that_the_control_record_does_not_know_is_followed(
    control: ControlRecord, stamp: Stamp
) -> None:
    tick = replace(
        WELL, control=control, own_ledger=replace(WRITER, stamp=stamp), platform=WEST_WRITES
    )
    assert watch(WEST, tick, tick) == Calm()
    verdict = watch(WEST, tick, tick, tick)
    assert isinstance(verdict, OpenMove)
    assert verdict.reason.startswith("repair: the platform's writer is west")
    assert set(verdict.overrides) == {"already-active", "cool-down", "moves-per-hour"}


def test_the_platform_is_asked_only_when_the_own_ledger_is_writable_and_should_not_be() -> None:
    assert suspicious(WEST, STEADY_AT_EAST, WRITER)
    assert suspicious(EAST, STEADY_AT_EAST, replace(WRITER, stamp=None))
    assert not suspicious(EAST, STEADY_AT_EAST, WRITER)
    assert not suspicious(WEST, STEADY_AT_EAST, REPLICA)
    assert not suspicious(WEST, STEADY_AT_EAST, None)
    assert not suspicious(WEST, moving(MoveKind.FAILOVER), WRITER)


def moving(kind: MoveKind, *, step: str = "open-move") -> ControlRecord:
    record = opened(STEADY_AT_EAST, to_west(kind), step="open-move", now=START)
    assert record.move is not None
    return with_move(record, replace(record.move, step=step))


def line(event: TransitionEvent) -> Transition:
    return Transition(move_id="m1", step="promote", event=event, detail="", by="ada", at=START)


SILENT_TICKS: Final = int(RUNNER_SILENT_S / 0.25) + 1


def test_an_unfinished_move_whose_runner_is_silent_is_joined_by_the_targets_watcher() -> None:
    tick = replace(WELL, control=moving(MoveKind.SWITCHOVER))
    assert watch(WEST, *[tick] * (SILENT_TICKS - 1)) == Calm()
    assert watch(WEST, *[tick] * SILENT_TICKS) == ResumeMove(move_id="m1")
    assert watch(EAST, *[tick] * SILENT_TICKS) == Calm()


def test_a_runner_that_says_something_is_not_joined() -> None:
    ticks = [
        replace(
            WELL,
            control=moving(MoveKind.FAILOVER),
            run_log=(line(TransitionEvent.WAITS),) * (1 + number // 10),
        )
        for number in range(100)
    ]
    assert watch(WEST, *ticks) == Calm()


def test_a_move_that_awaits_approval_is_left_alone_until_it_has_one() -> None:
    control = moving(MoveKind.FAILOVER, step="route")
    waits = replace(WELL, control=control, run_log=(line(TransitionEvent.AWAITS_APPROVAL),))
    assert watch(WEST, *[waits] * 99, settings=APPROVED) == Calm()
    assert control.move is not None
    approval = Approval(by="carol", at=START)
    approved = with_move(control, replace(control.move, approvals=(approval,)))
    verdict = watch(WEST, replace(waits, control=approved), settings=APPROVED)
    assert verdict == ResumeMove(move_id="m1")


def test_a_planned_move_whose_source_is_lost_is_superseded_by_a_failover() -> None:
    lost = replace(WELL, control=moving(MoveKind.SWITCHOVER), **SITE_LOST)
    verdict = watch(WEST, lost, lost, lost)
    assert isinstance(verdict, OpenMove)
    assert verdict.supersedes == "m1"


def test_a_planned_move_whose_sources_ledger_is_lost_is_superseded_before_it_promotes() -> None:
    control = moving(MoveKind.SWITCHOVER)
    lost = replace(WELL, control=control, peer_heartbeat=REPORTED, own_ledger=DEAF)
    assert isinstance(watch(WEST, lost, lost, lost), OpenMove)
    assert control.move is not None
    exchanging = with_move(control, replace(control.move, step="promote", attempts=1))
    assert watch(WEST, *[replace(lost, control=exchanging)] * 9) == Calm()


def test_a_failover_to_this_site_is_not_superseded_by_another_one() -> None:
    lost = replace(WELL, control=moving(MoveKind.FAILOVER), **SITE_LOST)
    assert watch(WEST, lost, lost, lost, lost) == Calm()


def test_a_move_whose_target_is_lost_is_taken_back_by_the_other_sites_watcher() -> None:
    lost = replace(
        WELL,
        control=moving(MoveKind.FAILOVER),
        answer=EAST,
        peer_healthy=False,
        own_ledger=WRITER,
    )
    verdict = watch(EAST, lost, lost, lost)
    assert isinstance(verdict, OpenMove)
    assert verdict.supersedes == "m1"


def test_a_move_home_is_joined_at_home() -> None:
    control = opened(
        replace(STEADY_AT_EAST, active=WEST), to_east(MoveKind.FAILBACK), step="ready", now=START
    )
    tick = replace(WELL, control=control)
    assert watch(EAST, *[tick] * SILENT_TICKS) == ResumeMove(move_id="m2")
