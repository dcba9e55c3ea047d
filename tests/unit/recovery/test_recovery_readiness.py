"""What forbids a move to open, by name, and who may override it."""

from dataclasses import replace
from typing import Any

import pytest

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
from payment_dr.core.settings import FailoverSettings, Promotion
from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.recovery.abort import abort_request
from payment_dr.recovery.control import ControlRecord, MoveKind, Phase
from payment_dr.recovery.moves import opened, with_move
from payment_dr.recovery.ports import GlobalClusterView, LedgerView
from payment_dr.recovery.readiness import (
    LAG_BYTES_MAX,
    Gate,
    Refused,
    move_gates,
    standby_gates,
)
from payment_dr.recovery.runner import AwaitsApproval, Completed, Stopped, start

STRICT = FailoverSettings(min_stay_s=600, moves_per_hour_max=2)
FAILOVER = to_west(MoveKind.FAILOVER)
MOVED_BEFORE = replace(
    opened(STEADY_AT_EAST, to_east(MoveKind.FAILOVER), step="open-move", now=START),
    phase=Phase.STEADY,
)
UNFINISHED = opened(STEADY_AT_EAST, to_west(MoveKind.SWITCHOVER), step="open-move", now=START)


def gates(control: ControlRecord, *, after_s: float = 0.0, **request: Any) -> list[str]:
    items = move_gates(replace(FAILOVER, **request), control, STRICT, START + after_s)
    return [item.gate for item in items]


def test_nothing_forbids_the_first_move() -> None:
    assert gates(STEADY_AT_EAST) == []


def test_a_site_that_has_just_become_active_stays_for_a_while() -> None:
    assert gates(MOVED_BEFORE, after_s=599) == ["cool-down"]
    assert gates(MOVED_BEFORE, after_s=600) == []


def test_an_unfinished_move_is_not_turned_round_at_once_but_may_be_replaced_in_its_direction() -> (
    None
):
    long_steady = replace(STEADY_AT_EAST, changed_at=START - 9999)
    moving = opened(long_steady, to_west(MoveKind.SWITCHOVER), step="open-move", now=START)
    assert gates(moving, after_s=1, supersedes="m1") == []
    assert gates(moving, after_s=1, supersedes="m1", target=EAST) == ["cool-down"]
    assert gates(moving, after_s=600, supersedes="m1", target=EAST) == []


def test_moves_are_counted_over_an_hour() -> None:
    often = replace(MOVED_BEFORE, opened=(START, START + 60))
    assert gates(often, after_s=3599) == ["moves-per-hour"]
    assert gates(often, after_s=3601) == []


def test_an_override_by_name_lets_the_move_open_and_is_kept_in_it() -> None:
    assert gates(MOVED_BEFORE, overrides=(Gate.COOL_DOWN,)) == []
    fake = world_for(MoveKind.FAILOVER)
    fake.control = replace(MOVED_BEFORE, epoch=Epoch(1))
    refused = start(fake.ports(), FAILOVER, STRICT)
    assert isinstance(refused, Stopped)
    assert isinstance(refused.error, Refused)
    assert refused.error.remedy.endswith("--override cool-down")
    assert fake.control == replace(MOVED_BEFORE, epoch=Epoch(1)), "nothing was changed"
    assert not fake.logs, "a move that never opened leaves no run log"

    start(fake.ports(), replace(FAILOVER, overrides=(Gate.COOL_DOWN,)), STRICT)
    assert fake.control.move is not None
    assert fake.control.move.overrides == ("cool-down",)


def test_a_site_that_is_active_already_is_no_target() -> None:
    assert gates(STEADY_AT_EAST, target=EAST) == ["already-active"]


def test_an_unfinished_move_is_superseded_by_its_name_and_never_overridden() -> None:
    assert gates(UNFINISHED, overrides=tuple(Gate)) == ["move-in-progress"]
    assert gates(UNFINISHED, after_s=600, supersedes="another") == ["move-in-progress"]
    assert gates(UNFINISHED, after_s=600, supersedes="m1") == []
    assert gates(STEADY_AT_EAST, supersedes="m1") == ["move-in-progress"]
    items = move_gates(FAILOVER, UNFINISHED, SETTINGS, START)
    assert "supersede the unfinished move by its name" in Refused("m2", items).remedy


HEALTHY = LedgerView(stamp=STEADY_AT_EAST.stamp, writable=False, receiving=True, lag_bytes=0)
BOTH = GlobalClusterView(writer=EAST, available=frozenset({EAST, WEST}))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"lag_bytes": LAG_BYTES_MAX}, []),
        ({"lag_bytes": LAG_BYTES_MAX + 1}, ["replication-lag"]),
        ({"lag_bytes": None, "receiving": False}, ["standby-available", "replication-lag"]),
        ({"writable": True}, ["standby-available"]),
        ({"stamp": Stamp(epoch=Epoch(0), site=EAST)}, ["standby-available"]),
        ({"stamp": None}, ["standby-available"]),
    ],
)
def test_a_planned_move_asks_for_a_healthy_replica_close_behind(
    changes: dict[str, Any], expected: list[str]
) -> None:
    request = to_west(MoveKind.SWITCHOVER)
    found = standby_gates(request, STEADY_AT_EAST, BOTH, replace(HEALTHY, **changes))
    assert [item.gate for item in found] == expected
    everything = replace(request, overrides=tuple(Gate))
    assert not standby_gates(everything, STEADY_AT_EAST, BOTH, replace(HEALTHY, **changes))


def test_a_replica_that_the_platform_does_not_name_is_not_available() -> None:
    alone = replace(BOTH, available=frozenset({EAST}))
    (item,) = standby_gates(to_west(MoveKind.SWITCHOVER), STEADY_AT_EAST, alone, HEALTHY)
    assert "the platform does not name it" in item.says


def test_a_planned_move_is_refused_before_anything_has_changed() -> None:
    fake = FakeWorld()
    fake.linked = False
    end = start(fake.ports(), to_west(MoveKind.SWITCHOVER), SETTINGS)
    assert isinstance(end, Stopped)
    assert isinstance(end.error, Refused)
    assert {item.gate for item in end.error.items} == {
        Gate.STANDBY_AVAILABLE,
        Gate.REPLICATION_LAG,
    }
    assert fake.control == STEADY_AT_EAST


def test_a_replica_that_recovers_while_it_is_judged_is_not_refused() -> None:
    fake = FakeWorld()
    fake.linked = False

    def recover() -> None:
        fake.linked = True

    with fake.disturbed(before={4: recover}):
        assert isinstance(start(fake.ports(), to_west(MoveKind.SWITCHOVER), SETTINGS), Completed)


def test_failback_is_refused_until_home_is_a_healthy_replica_again() -> None:
    fake = world_for(MoveKind.FAILOVER)
    start(fake.ports(), FAILOVER, SETTINGS)
    fake.east_healthy = fake.linked = fake.ledgers[EAST].alive = True
    end = start(fake.ports(), to_east(MoveKind.FAILBACK), SETTINGS)
    assert isinstance(end, Stopped)
    assert "it takes writes, so it is no replica" in str(end.error)

    fake.ledgers[EAST].writable = False
    fake.replicate()
    assert isinstance(start(fake.ports(), to_east(MoveKind.FAILBACK), SETTINGS), Completed)
    assert fake.end_state().answer == EAST


def abort(fake: FakeWorld, aborted: str = "m1", settings: FailoverSettings = STRICT) -> object:
    platform = GlobalClusterView(writer=fake.writer, available=frozenset())
    request = abort_request(fake.control, platform, aborted=aborted, move_id="m2", by="bob")
    return start(fake.ports(), request, settings)


def test_an_abort_leads_back_to_the_active_site_and_opens_its_ledger_again() -> None:
    approval = STRICT.model_copy(update={"promotion": Promotion.APPROVAL})
    fake = FakeWorld()
    fake.linked = False
    fake.east_healthy = False
    assert isinstance(start(fake.ports(), FAILOVER, approval), AwaitsApproval)
    fake.east_healthy = True
    assert isinstance(abort(fake, settings=approval), Completed), "no promotion, so no approval"
    assert (fake.control.active, fake.control.phase, fake.writer) == (EAST, Phase.STEADY, EAST)
    assert fake.control.changed_at == STEADY_AT_EAST.changed_at, "no role has changed"
    assert not fake.promote_calls
    assert fake.control.move is not None
    assert fake.control.move.reason == "abort of m1"


def test_an_abort_of_a_move_back_to_the_active_site_leads_there_too() -> None:
    back = opened(STEADY_AT_EAST, to_east(MoveKind.FAILOVER, "m1"), step="open-move", now=START)
    platform = GlobalClusterView(writer=EAST, available=frozenset())
    request = abort_request(back, platform, aborted="m1", move_id="m2", by="bob")
    assert (request.source, request.target) == (WEST, EAST)


def test_past_the_point_of_no_return_there_is_no_abort() -> None:
    assert UNFINISHED.move is not None
    tried = with_move(UNFINISHED, replace(UNFINISHED.move, attempts=1))
    promoted = GlobalClusterView(writer=WEST, available=frozenset())
    for control, platform in ((tried, BOTH), (UNFINISHED, promoted)):
        with pytest.raises(PaymentDrError, match="past the point of no return"):
            abort_request(control, platform, aborted="m1", move_id="m2", by="bob")


@pytest.mark.parametrize("control", [STEADY_AT_EAST, UNFINISHED, MOVED_BEFORE])
def test_only_the_unfinished_move_of_that_name_is_aborted(control: ControlRecord) -> None:
    with pytest.raises(PaymentDrError, match="not in progress"):
        abort_request(control, BOTH, aborted="m2", move_id="m3", by="bob")
