"""`payment-dr rebuild-ledger`: its plan, its confirmation, what refuses it, and how it ends."""

import json
from dataclasses import replace

import pytest

from fakes.command_line import Desk
from fakes.recovery_world import EAST, STEADY_AT_EAST, WEST
from payment_dr.cli import move, rebuild
from payment_dr.core.stamp import Epoch, Stamp


@pytest.fixture(name="desk")
def desk_fixture(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """West is active, east is gone, and west's ledger was restored from an older backup."""
    desk = Desk(move.register, rebuild.register)
    monkeypatch.setattr(move, "target_of", lambda where: desk.target)
    monkeypatch.setattr(rebuild, "target_of", lambda where: desk.target)
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    fake = desk.fake
    fake.lose_east()
    fake.promote_now(WEST)
    fake.control = replace(STEADY_AT_EAST, active=WEST, epoch=Epoch(2))
    fake.ledgers[WEST].stamp = Stamp(epoch=Epoch(1), site=EAST)
    return desk


def test_it_completes_the_ledger_and_says_how_far_it_is_and_what_it_found(desk: Desk) -> None:
    end = desk.run("rebuild-ledger", "--at", "west", "--yes-move-to", "west", "--reason", "lost")
    assert end.exit_code == 0
    assert "3/8   rebuild" in end.stderr
    assert "table and ledger have 6 of 1 EUR" in end.stderr
    assert end.stderr.splitlines()[-1].endswith("is complete in epoch 3")
    assert desk.fake.ledgers[WEST].entries == set(desk.fake.records)
    assert desk.fake.control.move is not None
    assert desk.fake.control.move.reason == "lost"


def test_a_dry_run_shows_the_plan_with_its_hours_and_changes_nothing(desk: Desk) -> None:
    shown = desk.run("rebuild-ledger", "--at", "west", "--dry-run", "--json")
    plan = json.loads(shown.stdout)
    names = [step["name"] for step in plan["steps"]]
    assert names[:5] == ["open-move", "restore", "rebuild", "compare", "reconcile"]
    assert plan["blocking"] == []
    assert desk.fake.control.epoch == 2
    assert desk.office.asked == ["this-region"]


def test_a_ledger_that_is_alive_is_refused_in_the_dry_run_and_for_real(desk: Desk) -> None:
    desk.fake.ledgers[WEST].stamp = desk.fake.control.stamp
    shown = desk.run("rebuild-ledger", "--at", "west", "--dry-run")
    assert "would be refused: ledger-alive" in shown.stdout
    assert "readiness, refuses no rebuild" not in shown.stdout
    end = desk.run("rebuild-ledger", "--at", "west", "--yes")
    assert end.exit_code == 1
    assert "ledger-alive" in end.stderr
    assert "--override ledger-alive" in end.stderr
    taken = ("--override", "ledger-alive", "--reason", "a backup of this epoch")
    assert desk.run("rebuild-ledger", "--at", "west", "--yes", *taken).exit_code == 0


def test_without_a_terminal_it_wants_the_site_named(desk: Desk) -> None:
    assert "give --yes-move-to west" in desk.refused("rebuild-ledger", "--at", "west").remedy
    assert desk.fake.control.epoch == 2


def test_what_the_comparison_finds_ends_it_with_1_and_resume_goes_on(desk: Desk) -> None:
    desk.fake.left_out = {"p3"}
    end = desk.run("rebuild-ledger", "--at", "west", "--yes", "--json")
    assert end.exit_code == 1
    assert json.loads(end.stdout)["error"] == "LedgerDiffersError"
    assert "p3" in end.stderr
    desk.fake.left_out = set()
    assert desk.fake.control.move is not None
    again = desk.run("resume", desk.fake.control.move.move_id, "--yes")
    assert again.exit_code == 0
