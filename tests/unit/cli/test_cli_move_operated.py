"""Moves by operators: confirmation, readiness, overrides, audit log, and the state machine."""

import json

import pytest

from fakes.command_line import BY_MACHINE, WITH_APPROVAL, Desk
from fakes.faults import Crash, Fault
from fakes.operating import FakeMachine, item
from fakes.recovery_world import STEADY_AT_EAST, WEST
from payment_dr.adapters.state_machine import Execution, ExecutionStatus
from payment_dr.cli import move
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import Promotion
from payment_dr.recovery.execution import MachineInput
from payment_dr.recovery.readiness_judges import ItemState
from payment_dr.recovery.runner import resume, start


@pytest.fixture(name="desk")
def desk_fixture(monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk()
    monkeypatch.setattr(move, "target_of", lambda where: desk.target)
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    return desk


def test_a_site_may_be_named_beforehand_and_a_wrong_name_moves_nothing(desk: Desk) -> None:
    assert desk.run("switchover", "--to", "west", "--yes-move-to", "west").exit_code == 0
    wrong = desk.refused("failback", "--yes-move-to", "west")
    assert "not confirmed: east, not 'west'" in wrong.what
    assert desk.fake.control.active == WEST


def test_what_readiness_finds_refuses_a_planned_move_item_by_item(desk: Desk) -> None:
    desk.office.items = (
        item("keys", ItemState.FAILED),
        item("secrets", ItemState.FAILED),
        item("quotas", ItemState.FAILED, blocking=False),
        item("concurrency", ItemState.UNKNOWN),
    )
    end = desk.run("switchover", "--to", "west", "--yes", "--json")
    assert end.exit_code == 1
    document = json.loads(end.stdout)
    assert document["error"] == "NotReadyError"
    assert "keys: evidence of keys" in document["what"]
    assert (
        "mend secrets; or take it upon you: --override keys --override secrets"
        in (document["remedy"])
    )
    assert desk.fake.control == STEADY_AT_EAST
    assert desk.office.audit.told() == [("switchover", "started"), ("switchover", "refused")]
    assert desk.office.asked == ["both-regions"]

    taken = ["--override", "keys", "--override", "secrets", "--reason", "the drill needs it"]
    assert desk.run("switchover", "--to", "west", "--yes", *taken).exit_code == 0
    deed = desk.office.audit.kept[4].deed
    assert (deed.overrides, deed.reason) == (("keys", "secrets"), "the drill needs it")
    assert (deed.who, deed.identity) == ("ada", "arn:aws:sts::0:assumed-role/operator/ada")
    (kept,) = (body for (_, name), body in desk.fake.documents.items() if name == "readiness.json")
    assert json.loads(kept)["overrides"] == ["keys", "secrets"]


def test_a_failover_by_hand_is_refused_by_what_the_target_lacks_unless_it_is_named(
    desk: Desk,
) -> None:
    desk.fake.lose_east()
    desk.office.items = (item("keys", ItemState.FAILED), item("secrets", ItemState.UNKNOWN))
    end = desk.run("failover", "--to", "west", "--yes", "--reason", "east is lost")
    assert end.exit_code == 1
    assert "--override keys" in end.stderr
    assert desk.fake.control == STEADY_AT_EAST
    assert desk.office.asked == ["target"]
    taken = ["--override", "keys", "--reason", "east is lost"]
    assert desk.run("failover", "--to", "west", "--yes", *taken).exit_code == 0
    (kept,) = (body for (_, name), body in desk.fake.documents.items() if name == "readiness.json")
    assert json.loads(kept)["overrides"] == ["keys"]


def test_a_failover_by_hand_goes_on_in_spite_of_what_blocks_only_planned_moves(desk: Desk) -> None:
    desk.fake.lose_east()
    desk.office.items = (item("engine-versions", ItemState.FAILED),)
    assert desk.run("failover", "--to", "west", "--yes", "--reason", "lost").exit_code == 0


def test_what_blocks_is_shown_by_a_dry_run_with_its_remedy(desk: Desk) -> None:
    desk.office.items = (item("keys", ItemState.FAILED),)
    shown = desk.run("switchover", "--to", "west", "--dry-run").stdout
    assert "would be refused: keys: evidence of keys; mend keys" in shown
    desk.office.items = (item("keys", ItemState.FAILED), item("concurrency", ItemState.FAILED))
    shown = desk.run("failover", "--to", "west", "--dry-run").stdout
    assert "would be refused: keys: evidence of keys; mend keys" in shown
    assert "readiness, refuses no failover: concurrency: evidence of concurrency" in shown
    document = json.loads(desk.run("switchover", "--to", "west", "--dry-run", "--json").stdout)
    assert document["readiness"][0]["blocks"] is True
    assert document["now"]["active"] == "east"
    assert not desk.office.audit.kept, "a dry run changes nothing, and is no deed"


@pytest.mark.parametrize("name", ["move-in-progress", "readiness", "everything"])
def test_what_cannot_be_overridden_by_that_name_is_told_with_what_can(
    desk: Desk, name: str
) -> None:
    error = desk.refused("failover", "--to", "west", "--override", name, "--reason", "x")
    assert f"nothing that blocks is named {name}" in error.what
    assert "cool-down" in error.remedy
    assert "engine-versions" in error.remedy


def test_a_readiness_that_cannot_be_kept_stops_no_move(desk: Desk) -> None:
    twin = Desk()
    numbers = [n for n, name in enumerate(twin_names(twin), 1) if name == "evidence.put"]
    with desk.fake.disturbed(faults={numbers[0]: Fault.REFUSED}):
        assert desk.run("switchover", "--to", "west", "--yes").exit_code == 0
    assert not [name for _, name in desk.fake.documents if name == "readiness.json"]


def twin_names(twin: Desk) -> list[str]:
    """The calls of a whole planned move, in a world of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(move, "target_of", lambda where: twin.target)
        twin.run("switchover", "--to", "west", "--yes")
    return twin.fake.names


def test_gates_that_give_no_answer_are_left_to_the_plan(desk: Desk) -> None:
    with desk.fake.disturbed(faults={1: Fault.REFUSED}):
        assert desk.run("switchover", "--to", "west", "--yes").exit_code == 0


def test_who_approves_is_in_the_audit_log_and_in_the_answer(desk: Desk) -> None:
    desk.failover = WITH_APPROVAL
    desk.fake.lose_east()
    name = json.loads(desk.run("failover", "--to", "west", "--yes", "--json").stdout)["move_id"]
    shown = json.loads(desk.run("approve", name, "--json").stdout)
    assert shown["move_id"] == name
    assert shown["approvals"][0].startswith("ada at ")
    desk.run("resume", name, "--yes")
    assert desk.office.audit.told() == [
        ("failover", "started"),
        ("failover", "unfinished"),
        ("approve", "started"),
        ("approve", "finished"),
        ("resume", "started"),
        ("resume", "finished"),
    ]
    assert desk.office.audit.kept[5].deed.approvals == tuple(shown["approvals"])
    assert sorted(desk.office.copies.kept) == [1, 2, 3, 4, 5, 6]


def test_an_approval_that_comes_too_late_is_refused_in_the_audit_log(desk: Desk) -> None:
    desk.run("switchover", "--to", "west", "--yes")
    made = desk.fake.control.move
    assert made is not None
    assert "no move is in progress" in desk.refused("approve", made.move_id).what
    assert desk.office.audit.told()[-1] == ("approve", "refused")


def test_without_the_audit_log_nothing_is_done(desk: Desk) -> None:
    desk.office.audit.faults.append(Fault.REFUSED)
    assert "the table refused" in desk.refused("failover", "--to", "west", "--yes").what
    assert desk.fake.control == STEADY_AT_EAST


def test_what_was_done_is_done_also_when_the_audit_log_lacks_its_end(desk: Desk) -> None:
    desk.office.audit.faults += [Fault.NONE, Fault.REFUSED]
    desk.office.copies.answers = False
    end = desk.run("switchover", "--to", "west", "--yes")
    assert end.exit_code == 0
    assert "warning: no copy of audit entry 1: the bucket does not answer" in end.stderr
    assert "warning: the audit log lacks the end of this command" in end.stderr


def test_an_interrupted_command_is_unfinished_in_the_audit_log(desk: Desk) -> None:
    with pytest.raises(Crash), desk.fake.disturbed(faults={3: Fault.CRASH_BEFORE}):
        desk.run("failover", "--to", "west", "--yes")
    assert desk.office.audit.told()[-1] == ("failover", "unfinished")
    assert "interrupted: Crash" in desk.office.audit.kept[2].deed.detail


def test_a_trouble_that_leaves_doubt_is_unfinished_in_the_audit_log(desk: Desk) -> None:
    desk.failover = BY_MACHINE

    def silent(_: MachineInput) -> None:
        raise UnavailableError("no answer", definite=False)

    desk.office.machine.run = silent
    assert "no answer" in desk.refused("failover", "--to", "west", "--yes").what
    assert desk.office.audit.told()[-1] == ("failover", "unfinished")


class TestByTheStateMachine:
    """With `failover.orchestrator = "state-machine"` the command starts it, and watches."""

    @pytest.fixture(name="machine")
    def machine_fixture(self, desk: Desk) -> FakeMachine:
        desk.failover = BY_MACHINE
        desk.office.machine.run = lambda asked: start(desk.fake.ports(), asked.move, desk.failover)
        return desk.office.machine

    def test_the_move_is_run_by_an_execution_of_its_name(
        self, desk: Desk, machine: FakeMachine
    ) -> None:
        end = desk.run("switchover", "--to", "west", "--yes", "--json")
        assert end.exit_code == 0
        document = json.loads(end.stdout)
        assert document["outcome"] == "completed"
        assert [name for name, _ in machine.started] == [document["move_id"]]
        assert machine.started[0][1].epoch is None
        assert "10/10 evidence       done" in end.stderr
        assert desk.office.audit.told()[-1] == ("switchover", "finished")

    def test_here_runs_the_steps_in_this_process(self, desk: Desk, machine: FakeMachine) -> None:
        assert desk.run("switchover", "--to", "west", "--yes", "--here").exit_code == 0
        assert not machine.started

    def test_what_the_gates_refuse_is_not_even_started(
        self, desk: Desk, machine: FakeMachine
    ) -> None:
        end = desk.run("failover", "--to", "east", "--yes")
        assert "already-active" in end.stderr
        assert not machine.started
        assert desk.office.audit.told()[-1] == ("failover", "refused")

    def test_what_the_execution_refuses_is_refused(self, desk: Desk, machine: FakeMachine) -> None:
        machine.run = lambda asked: None
        machine.answer = Execution(
            status=ExecutionStatus.FAILED, error="Refused", cause="somebody was faster"
        )
        end = desk.run("failover", "--to", "west", "--yes", "--json")
        assert end.exit_code == 1
        assert json.loads(end.stdout)["outcome"] == "refused"
        assert "somebody was faster" in end.stderr
        assert desk.office.audit.told()[-1] == ("failover", "refused")

    def test_an_approval_is_waited_for_by_the_machine_and_not_by_the_command(
        self, desk: Desk, machine: FakeMachine
    ) -> None:
        desk.failover = BY_MACHINE.model_copy(update={"promotion": Promotion.APPROVAL})
        desk.fake.lose_east()
        end = desk.run("failover", "--to", "west", "--yes", "--json")
        assert end.exit_code == 1
        document = json.loads(end.stdout)
        assert document["outcome"] == "awaits-approval"
        assert f"payment-dr approve {document['move_id']}" in document["says"]
        machine.run = lambda asked: resume(
            desk.fake.ports(), desk.fake.control, desk.failover, by="state-machine/west"
        )
        desk.run("approve", document["move_id"])
        assert desk.run("resume", document["move_id"], "--yes").exit_code == 0
        name, asked = machine.started[-1]
        assert name.startswith(document["move_id"] + "-")
        assert asked.epoch == 2
