"""The plans as data: order, budgets, the point of no return, and where clients are sent."""

from dataclasses import replace

import pytest

from fakes.recovery_world import EAST, SETTINGS, STEADY_AT_EAST, WEST, FakeWorld, to_west
from payment_dr.core.settings import FailoverSettings
from payment_dr.recovery.context import MoveContext
from payment_dr.recovery.control import MoveKind
from payment_dr.recovery.moves import opened, with_move
from payment_dr.recovery.plan import plan_for, traffic_site
from payment_dr.recovery.steps import StepName


def names(kind: MoveKind) -> list[str]:
    return [step.name for step in plan_for(kind).steps]


def test_the_plans_have_the_steps_of_the_design_in_their_order() -> None:
    end = ["open-ledger", "verify", "evidence"]
    assert names(MoveKind.FAILOVER) == ["open-move", "route", "promote", "reconcile", *end]
    planned = ["ready", "open-move", "route", "pause-posting", "drain", "promote", "reconcile"]
    assert names(MoveKind.SWITCHOVER) == [*planned, *end]
    assert names(MoveKind.FAILBACK) == names(MoveKind.SWITCHOVER)


def test_a_failovers_budget_is_the_one_that_the_settings_are_checked_by() -> None:
    settings = FailoverSettings()
    plan = plan_for(MoveKind.FAILOVER, settings.budgets)
    assert plan.ledger_budget_s == settings.ledger_s


@pytest.mark.parametrize("kind", list(MoveKind))
def test_promotion_alone_is_past_the_point_of_no_return(kind: MoveKind) -> None:
    assert [s.name for s in plan_for(kind).steps if s.point_of_no_return] == [StepName.PROMOTE]


@pytest.mark.parametrize(
    ("kind", "step", "site"),
    [
        (MoveKind.FAILOVER, "open-move", EAST),
        (MoveKind.FAILOVER, "route", WEST),
        (MoveKind.FAILOVER, "promote", WEST),
        (MoveKind.SWITCHOVER, "open-move", EAST),
        (MoveKind.SWITCHOVER, "route", WEST),
        (MoveKind.SWITCHOVER, "pause-posting", WEST),
        (MoveKind.SWITCHOVER, "reconcile", WEST),
    ],
)
def test_clients_are_sent_to_the_target_from_routing_on(
    kind: MoveKind, step: str, site: str
) -> None:
    moving = opened(STEADY_AT_EAST, to_west(kind), step="open-move", now=0.0)
    assert moving.move is not None
    assert traffic_site(with_move(moving, replace(moving.move, step=step))) == site


def test_clients_are_sent_to_the_active_site_of_a_steady_phase() -> None:
    assert traffic_site(STEADY_AT_EAST) == EAST


def test_a_step_after_open_move_does_not_run_before_the_move_is_open() -> None:
    ctx = MoveContext(
        world=FakeWorld().ports(),
        request=to_west(MoveKind.FAILOVER),
        settings=SETTINGS,
        by="ada",
    )
    with pytest.raises(AssertionError, match="before the move was open"):
        _ = ctx.stamp
