"""A planned move sends clients away first; meanwhile the ledger they leave is still posted to."""

from dataclasses import replace

import pytest

from fakes.recovery_world import EAST, STEADY_AT_EAST, WEST, to_east, to_west
from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.payments.ports import ControlView
from payment_dr.recovery.control import ControlRecord, MoveKind, StepName
from payment_dr.recovery.moves import opened, with_move
from payment_dr.recovery.plan import plan_for

PLANNED = (MoveKind.SWITCHOVER, MoveKind.FAILBACK)


def at_step(kind: MoveKind, step: StepName) -> ControlRecord:
    made = opened(STEADY_AT_EAST, to_west(kind), step=StepName.OPEN_MOVE, now=0.0)
    assert made.move is not None
    return with_move(made, replace(made.move, step=step))


@pytest.mark.parametrize("kind", PLANNED)
def test_a_planned_move_lets_its_source_post_until_the_plan_comes_to_the_pause(
    kind: MoveKind,
) -> None:
    plan = plan_for(kind)
    for step in plan.steps:
        paused = plan.reached(step.name, StepName.PAUSE_POSTING)
        expected = None if paused else STEADY_AT_EAST.stamp
        assert at_step(kind, step.name).until_paused == expected, step.name


@pytest.mark.parametrize("kind", [MoveKind.FAILOVER, MoveKind.REBUILD])
def test_no_other_move_lets_anybody_post(kind: MoveKind) -> None:
    for step in plan_for(kind).steps:
        assert at_step(kind, step.name).until_paused is None


def test_in_a_steady_phase_the_stamp_of_the_active_site_is_the_only_one() -> None:
    assert STEADY_AT_EAST.until_paused is None


def test_a_move_in_the_place_of_another_lets_nobody_post_since_the_stamp_is_not_known() -> None:
    first = at_step(MoveKind.SWITCHOVER, StepName.ROUTE)
    back = opened(first, to_east(MoveKind.SWITCHOVER), step=StepName.OPEN_MOVE, now=1.0)
    assert back.until_paused is None


def test_only_the_site_that_the_stamp_names_posts_and_no_site_is_active_meanwhile() -> None:
    stamp = Stamp(epoch=Epoch(1), site=EAST)
    view = ControlView(steady=False, active=EAST, epoch=Epoch(2), until_paused=stamp)
    assert view.posting_stamp(EAST) == stamp
    assert view.posting_stamp(WEST) is None
    assert not view.is_active(EAST)
    assert view.confirming_stamp(WEST) is None
