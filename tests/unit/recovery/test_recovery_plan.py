"""The plans as data: order, budgets, and the point of no return."""

import pytest

from fakes.recovery_world import SETTINGS, FakeWorld, to_west
from payment_dr.core.settings import FailoverSettings
from payment_dr.recovery.context import MoveContext
from payment_dr.recovery.control import MoveKind, StepName
from payment_dr.recovery.plan import plan_for


def names(kind: MoveKind) -> list[str]:
    return [step.name for step in plan_for(kind).steps]


def test_the_plans_have_the_steps_of_the_design_in_their_order() -> None:
    end = ["open-ledger", "verify", "evidence"]
    assert names(MoveKind.FAILOVER) == ["open-move", "route", "promote", "reconcile", *end]
    planned = ["ready", "open-move", "route", "pause-posting", "drain", "promote", "reconcile"]
    assert names(MoveKind.SWITCHOVER) == [*planned, *end]
    assert names(MoveKind.FAILBACK) == names(MoveKind.SWITCHOVER)
    scans = ["open-move", "restore", "rebuild", "compare", "reconcile"]
    assert names(MoveKind.REBUILD) == [*scans, *end]


def test_a_failovers_budget_is_the_one_that_the_settings_are_checked_by() -> None:
    settings = FailoverSettings()
    plan = plan_for(MoveKind.FAILOVER, settings.budgets)
    assert plan.ledger_budget_s == settings.ledger_s


@pytest.mark.parametrize("kind", list(MoveKind))
def test_what_makes_a_ledger_the_writer_alone_is_past_the_point_of_no_return(
    kind: MoveKind,
) -> None:
    far = StepName.RESTORE if kind is MoveKind.REBUILD else StepName.PROMOTE
    assert [s.name for s in plan_for(kind).steps if s.point_of_no_return] == [far]


def test_a_step_after_open_move_does_not_run_before_the_move_is_open() -> None:
    ctx = MoveContext(
        world=FakeWorld().ports(),
        request=to_west(MoveKind.FAILOVER),
        settings=SETTINGS,
        by="ada",
    )
    with pytest.raises(AssertionError, match="before the move was open"):
        _ = ctx.stamp
