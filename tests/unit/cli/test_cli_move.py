"""Moves from the command line, over fakes: what they show, ask, change, and exit with."""

import json
from dataclasses import replace

import pytest

from fakes.command_line import LENIENT, WITH_APPROVAL, Desk
from fakes.faults import Fault
from fakes.operating import item
from fakes.recovery_world import EAST, STEADY_AT_EAST, WEST, FakeWorld, to_west
from payment_dr.cli import move, move_view
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import StepBudgets
from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.recovery.control import MoveKind, Phase
from payment_dr.recovery.moves import opened


@pytest.fixture(name="desk")
def desk_fixture(monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk()
    monkeypatch.setattr(move, "target_of", lambda where: desk.target)
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    return desk


def test_a_failover_runs_at_the_site_that_it_leads_to_and_says_each_step(desk: Desk) -> None:
    desk.fake.lose_east()
    end = desk.run("failover", "--to", "west", "--yes", "--reason", "drill")
    assert end.exit_code == 0
    assert end.stdout == ""
    assert "1/7   open-move      began" in end.stderr
    assert "saw 6 unconfirmed, posted 4" in end.stderr
    assert end.stderr.splitlines()[-1].endswith("is complete in epoch 2")
    assert desk.opened == ["west"]
    assert desk.closed == 1
    assert desk.office.asked == ["target"], "a failover asks little, and nothing in east"
    made = desk.fake.control.move
    assert made is not None
    assert (made.started_by, made.reason, made.kind) == ("ada", "drill", MoveKind.FAILOVER)


def test_a_switchover_and_the_failback_print_their_outcome_as_json(desk: Desk) -> None:
    there = desk.run("switchover", "--to", "west", "--yes", "--json")
    assert json.loads(there.stdout)["outcome"] == "completed"
    assert desk.fake.control.active == WEST
    back = desk.run("failback", "--yes", "--json")
    assert json.loads(back.stdout)["epoch"] == 3
    assert desk.fake.control.active == EAST
    assert desk.opened == ["west", "east"]


def test_a_dry_run_shows_the_plan_its_budgets_and_what_would_block_it(desk: Desk) -> None:
    shown = desk.run("failover", "--to", "east", "--dry-run")
    assert shown.exit_code == 0
    assert "point of no return" in shown.stdout
    assert shown.stdout.index("point of no return") < shown.stdout.index("promote")
    assert "ledger open within 500 s" in shown.stdout
    assert "now: east is active in epoch 1, steady" in shown.stdout
    assert "readiness: 2 ok, 0 failed, 0 unknown; blocking: nothing" in shown.stdout
    assert desk.office.asked == ["this-region"], (
        "not even a dry run of a failover asks the other region"
    )
    assert "would be refused: already-active: east is active already" in shown.stdout
    assert desk.fake.control == STEADY_AT_EAST

    plan = json.loads(desk.run("switchover", "--to", "west", "--dry-run", "--json").stdout)
    assert [step["name"] for step in plan["steps"]][2:5] == ["route", "pause-posting", "drain"]
    assert [s["name"] for s in plan["steps"] if s["point_of_no_return"]] == ["promote"]
    assert plan["blocking"] == []


def test_without_a_terminal_a_move_needs_yes(desk: Desk) -> None:
    assert "give --yes-move-to west" in desk.refused("failover", "--to", "west").remedy
    assert desk.fake.control == STEADY_AT_EAST


def test_with_a_terminal_the_sites_name_has_to_be_typed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "interactive", lambda: True)
    wrong = desk.run("failover", "--to", "west", answers="east\n")
    assert isinstance(wrong.exception, PaymentDrError)
    assert "nothing was changed" in str(wrong.exception)
    assert desk.fake.control == STEADY_AT_EAST
    assert desk.run("failover", "--to", "west", answers="west\n").exit_code == 0


def test_an_unknown_site_is_told_with_those_that_there_are(desk: Desk) -> None:
    assert str(desk.refused("failover", "--to", "north")) == (
        "there is no site 'north'; there are east, west"
    )


def test_a_refused_move_exits_with_1_and_says_what_would_override_it(desk: Desk) -> None:
    desk.fake.linked = False
    end = desk.run("switchover", "--to", "west", "--yes", "--json")
    assert end.exit_code == 1
    assert json.loads(end.stdout)["error"] == "Refused"
    assert "--override replication-lag --override standby-available" in end.stderr
    overridden = ["--override", "replication-lag", "--override", "standby-available"]
    desk.failover = LENIENT.model_copy(update={"budgets": StepBudgets(reconcile_s=1)})
    assert "give --reason" in desk.refused("switchover", "--to", "west", *overridden).remedy
    reason = ["--reason", "the old ledger is lost anyway"]
    again = desk.run("switchover", "--to", "west", "--yes", *overridden, *reason)
    assert again.exit_code == 1
    assert "step drain" in again.stderr, "it was opened, and then the drain did not end"


def test_an_unfinished_move_is_resumed_by_its_name(desk: Desk) -> None:
    desk.fake.control = opened(
        STEADY_AT_EAST, to_west(MoveKind.SWITCHOVER), step="open-move", now=0.0
    )
    assert "the latest move is m1, not m9" in desk.refused("resume", "m9", "--yes").what
    end = desk.run("resume", "m1", "--yes", "--json")
    assert json.loads(end.stdout) == {"outcome": "completed", "move_id": "m1", "epoch": 2}
    assert desk.opened[-1] == "west"


def test_where_no_move_ever_was_there_is_none_to_resume(desk: Desk) -> None:
    assert "the latest move is none" in desk.refused("resume", "m1", "--yes").what


def test_a_promotion_that_needs_an_approval_gets_it_from_the_command_line(desk: Desk) -> None:
    desk.failover = WITH_APPROVAL
    desk.fake.lose_east()
    waits = desk.run("failover", "--to", "west", "--yes", "--json")
    assert waits.exit_code == 1
    name = json.loads(waits.stdout)["move_id"]
    assert json.loads(waits.stdout)["outcome"] == "awaits-approval"
    assert f"payment-dr approve {name}" in waits.stderr
    assert "does not approve" in str(desk.refused("approve", "failover-0"))
    assert f"{name} is approved by ada" in desk.run("approve", name).stderr
    assert desk.run("resume", name, "--yes").exit_code == 0


def test_an_unfinished_move_is_taken_back_by_its_name(desk: Desk) -> None:
    desk.fake.control = opened(
        STEADY_AT_EAST, to_west(MoveKind.SWITCHOVER), step="open-move", now=0.0
    )
    assert desk.run("abort", "m1", "--yes").exit_code == 0
    assert (desk.fake.control.active, desk.fake.control.phase) == (EAST, Phase.STEADY)
    assert desk.opened[-1] == "east"
    assert "past the point of no return" not in str(desk.refused("abort", "m1", "--yes"))


def test_a_move_may_take_the_place_of_an_unfinished_one_by_name(desk: Desk) -> None:
    desk.fake.control = opened(
        STEADY_AT_EAST, to_west(MoveKind.SWITCHOVER), step="open-move", now=0.0
    )
    assert desk.run("failover", "--to", "west", "--yes").exit_code == 1
    assert desk.run("failover", "--to", "west", "--yes", "--supersede", "m1").exit_code == 0


def test_status_shows_everything_that_a_move_changes(desk: Desk) -> None:
    quiet = desk.run("status")
    assert quiet.exit_code == 0
    assert quiet.stdout.splitlines() == [
        "active east, epoch 1, steady",
        "platform: writer east",
        "ledger east: takes writes, stamp (1, east)",
        "ledger west: replica, receives, 0 bytes behind, stamp (1, east)",
        "DNS answers east; this site is healthy",
    ]
    desk.fake.lose_east()
    desk.run("failover", "--to", "west", "--yes")
    lost = desk.run("status").stdout
    assert "ledger east: no answer" in lost
    assert "this site is not healthy" in lost
    assert "(latest, opened): failover east -> west" in lost
    assert "promote        done" in lost
    document = json.loads(desk.run("status", "--json").stdout)
    assert document["control"]["active"] == "west"
    assert document["run_log"][0]["step"] == "open-move"


def test_status_says_what_contradicts_the_control_record_and_exits_with_1(desk: Desk) -> None:
    desk.fake.writer = WEST
    desk.fake.linked = False
    desk.fake.ledgers[WEST].stamp = Stamp(epoch=Epoch(0), site=None)
    end = desk.run("status")
    assert end.exit_code == 1
    assert "REPAIR NEEDED: the platform's writer is west" in end.stdout
    assert "replica, receives NOTHING, None bytes behind, stamp (0, None)" in end.stdout


def test_status_asks_at_the_other_site_when_one_does_not_answer(desk: Desk) -> None:
    with desk.fake.disturbed(faults={1: Fault.REFUSED}):
        assert desk.run("status").exit_code == 0
    assert desk.opened == ["east", "west"]
    with desk.fake.disturbed(faults={1: Fault.REFUSED, 2: Fault.REFUSED}):
        assert "no site answers; east: control.read refused" in str(desk.refused("status"))


def test_status_of_a_move_under_way_and_a_platform_that_is_silent(desk: Desk) -> None:
    desk.fake.control = opened(
        STEADY_AT_EAST, to_west(MoveKind.SWITCHOVER), step="open-move", now=0.0
    )
    with desk.fake.disturbed(faults={2: Fault.REFUSED}):
        shown = desk.run("status").stdout
    assert "platform: no answer" in shown
    assert "move m1 (in progress)" in shown


def test_a_ledger_without_a_stamp_is_shown_as_that() -> None:
    fake = FakeWorld()
    view = replace(fake.ports().ledgers.view(EAST), stamp=None)
    assert move_view.ledger_text(view) == "takes writes, stamp none"


def test_progress_has_colour_where_there_is_a_terminal(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move_view, "coloured", lambda: True)
    desk.fake.lose_east()
    assert "\x1b[32m" in desk.run("failover", "--to", "west", "--yes").stderr
    assert "\x1b[32mok" in move_view.items_text((item("keys"),))


def test_a_site_whose_environment_is_not_here_says_how_to_get_there(desk: Desk) -> None:
    alone = replace(desk.target, environments={EAST: desk.target.environments[EAST]})
    with pytest.raises(PaymentDrError) as caught, alone.at(WEST):
        pass
    assert "PAYMENT_DR_SITE=west" in caught.value.remedy
