"""Where clients are sent, and thereby the level of the takeover switch."""

from dataclasses import replace

import pytest

from fakes.recovery_world import EAST, STEADY_AT_EAST, WEST, to_east, to_west
from payment_dr.recovery.control import ControlRecord, MoveKind, StepName
from payment_dr.recovery.moves import MoveRequest, concluded, opened, with_move
from payment_dr.recovery.plan import plan_for
from payment_dr.recovery.traffic import takeover_raised, traffic_site

STEADY_AT_WEST = replace(STEADY_AT_EAST, active=WEST)


def moving(record: ControlRecord, request: MoveRequest, step: str) -> ControlRecord:
    made = opened(record, request, step=StepName.OPEN_MOVE, now=0.0)
    assert made.move is not None
    return with_move(made, replace(made.move, step=step))


def test_clients_are_sent_to_the_active_site_of_a_steady_phase() -> None:
    assert traffic_site(STEADY_AT_EAST) == EAST
    assert traffic_site(STEADY_AT_WEST) == WEST


@pytest.mark.parametrize("kind", list(MoveKind))
def test_clients_are_sent_to_the_target_from_the_plans_own_step_on(kind: MoveKind) -> None:
    """A move whose plan does not route sends them nowhere before the ledger opens."""
    plan = plan_for(kind)
    routes = StepName.ROUTE in [step.name for step in plan.steps]
    for step in plan.steps:
        routed = routes and plan.reached(step.name, StepName.ROUTE)
        assert traffic_site(moving(STEADY_AT_EAST, to_west(kind), step.name)) == (
            WEST if routed else EAST
        ), step.name


def test_the_switch_is_raised_while_clients_are_to_be_elsewhere_than_at_home() -> None:
    assert not takeover_raised(STEADY_AT_EAST, EAST)
    assert takeover_raised(STEADY_AT_WEST, EAST)
    assert takeover_raised(moving(STEADY_AT_EAST, to_west(MoveKind.FAILOVER), "route"), EAST)
    assert not takeover_raised(moving(STEADY_AT_EAST, to_west(MoveKind.FAILOVER), "ready"), EAST)


def test_a_failback_lowers_it_when_it_routes_and_its_end_leaves_it_lowered() -> None:
    request = to_east(MoveKind.FAILBACK)
    assert takeover_raised(moving(STEADY_AT_WEST, request, "open-move"), EAST)
    routed = moving(STEADY_AT_WEST, request, "route")
    assert not takeover_raised(routed, EAST)
    assert routed.move is not None
    ended = concluded(routed, routed.move, step="open-ledger", now=1.0)
    assert not takeover_raised(ended, EAST)


def test_a_move_that_is_taken_back_gives_clients_back_at_once() -> None:
    """An abort takes the place of a move that has routed, and leads to the active site."""
    routed = moving(STEADY_AT_EAST, to_west(MoveKind.SWITCHOVER), "route")
    assert takeover_raised(routed, EAST)
    assert not takeover_raised(moving(routed, to_east(MoveKind.FAILOVER), "open-move"), EAST)
    assert not takeover_raised(moving(routed, to_east(MoveKind.FAILOVER), "route"), EAST)
