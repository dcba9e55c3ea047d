"""The state machine's document: sound, and the same as the plans."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fakes.composed import SETTINGS
from fakes.states_language import problems
from payment_dr.core.settings import FailoverSettings, Promotion, Settings, StepBudgets
from payment_dr.recovery import state_machine
from payment_dr.recovery.control import MoveKind
from payment_dr.recovery.execution import (
    APPROVAL_S_MAX,
    MACHINE_INPUT,
    SLICE_S_MAX,
    slices_of,
)
from payment_dr.recovery.plan import Plan, plan_for, switchover_plan
from payment_dr.recovery.state_machine import APPROVAL_PAUSE_S, definition, input_from_alarm

ARN = "arn:aws:lambda:us-west-2:000000000000:function:payments-recovery-west-dev:live"
BY_APPROVAL = SETTINGS.model_copy(
    update={"failover": FailoverSettings(promotion=Promotion.APPROVAL)}
)
BOTH = pytest.mark.parametrize("settings", [SETTINGS, BY_APPROVAL])


def machine(settings: Settings = SETTINGS) -> dict[str, Any]:
    return definition(settings, function_arn=ARN)


def tasks_of(document: dict[str, Any], plan: str) -> list[dict[str, Any]]:
    """The tasks of a plan in the order in which a move that needs no waiting passes them."""
    states = document["States"]
    kinds = {rule["StringEquals"]: rule["Next"] for rule in states["which kind of move"]["Choices"]}
    found: list[dict[str, Any]] = []
    name = kinds[plan]
    while states[name]["Type"] == "Task":
        found.append(states[name])
        name = states[states[name]["Next"]]["Choices"][0]["Next"]
    assert states[name] == {"Type": "Succeed"}
    return found


def steps_of(document: dict[str, Any], plan: str) -> list[str]:
    return [task["Parameters"]["Payload"]["step"] for task in tasks_of(document, plan)]


@BOTH
def test_the_document_is_sound(settings: Settings) -> None:
    assert not problems(json.loads(json.dumps(machine(settings))))


@pytest.mark.parametrize("kind", list(MoveKind))
def test_its_steps_are_the_plans_steps_in_their_order(kind: MoveKind) -> None:
    assert steps_of(machine(), kind) == [step.name.value for step in plan_for(kind).steps]


@pytest.mark.parametrize("kind", list(MoveKind))
@pytest.mark.parametrize("budgets", [StepBudgets(), StepBudgets(promote_s=480, verify_s=7)])
def test_the_slices_of_its_tasks_are_together_the_plans_budgets(
    kind: MoveKind, budgets: StepBudgets
) -> None:
    settings = SETTINGS.model_copy(
        update={"failover": SETTINGS.failover.model_copy(update={"budgets": budgets})}
    )
    document = machine(settings)
    plan = plan_for(kind, budgets)
    total = 0.0
    for step, task in zip(plan.steps, tasks_of(document, kind), strict=True):
        calls = 1 + sum(
            part["NumericLessThan"]
            for rule in document["States"][task["Next"]]["Choices"]
            for part in rule.get("And", ())
            if "NumericLessThan" in part and "approval" not in part["Variable"]
        )
        total += calls * slices_of(step.budget_s).each_s
        assert task["TimeoutSeconds"] > step.budget_s
    assert total == pytest.approx(sum(step.budget_s for step in plan.steps))


@pytest.mark.parametrize(
    ("budget_s", "count", "each_s"), [(0.5, 1, 0.5), (60, 1, 60), (61, 2, 30.5), (300, 5, 60)]
)
def test_a_budget_is_cut_into_equal_slices(budget_s: float, count: int, each_s: float) -> None:
    slices = slices_of(budget_s)
    assert (slices.count, slices.each_s) == (count, each_s)
    assert slices.each_s <= SLICE_S_MAX


def test_a_step_added_to_a_plan_is_a_task_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def longer(kind: MoveKind, budgets: StepBudgets) -> Plan:
        plan = plan_for(kind, budgets)
        ready = switchover_plan(budgets).steps[0]
        added = (ready,) if kind is MoveKind.FAILOVER else ()
        return replace(plan, steps=(*added, *plan.steps))

    monkeypatch.setattr(state_machine, "plan_for", longer)
    document = machine()
    assert steps_of(document, MoveKind.FAILOVER)[:2] == ["ready", "open-move"]
    assert not problems(document)


def test_the_task_past_the_point_of_no_return_says_so() -> None:
    said = [
        name
        for name, state in machine()["States"].items()
        if "oint of no return" in state.get("Comment", "")
    ]
    assert said == ["failover: promote", "switchover: promote", "rebuild: restore"]


def test_an_approval_is_waited_for_in_a_failover_only_and_not_for_ever() -> None:
    assert not [name for name in machine()["States"] if "approval" in name]
    states = machine(BY_APPROVAL)["States"]
    waits = [name for name, state in states.items() if state.get("Seconds") == APPROVAL_PAUSE_S]
    assert waits == ["failover: promote: awaits-approval"]
    rules = states["failover: promote: how far"]["Choices"]
    most = [part["NumericLessThan"] for rule in rules for part in rule.get("And", [])[1:]][-1]
    assert most * APPROVAL_PAUSE_S == APPROVAL_S_MAX
    assert most * 10 < 25_000, "events in the history of an execution"


def test_retries_wait_no_longer_than_the_steps_budget() -> None:
    document = machine()
    for kind in MoveKind:
        for step, task in zip(plan_for(kind).steps, tasks_of(document, kind), strict=True):
            attempts = task["Retry"][-1]["MaxAttempts"]
            assert attempts >= 1
            assert sum(2**n for n in range(attempts)) <= step.budget_s


def test_what_an_alarm_starts_is_a_failover_to_the_site_of_the_machine() -> None:
    paths, template = input_from_alarm(SETTINGS, site="west")
    assert paths == {"id": "$.id", "alarm": "$.detail.alarmName"}
    filled = template.replace("<id>", "7").replace("<alarm>", "unhealthy")
    asked = MACHINE_INPUT.validate_json(filled)
    assert asked.move.move_id == "failover-7"
    assert (asked.move.source, asked.move.target) == ("east", "west")
    assert asked.epoch is None


def misspelt(document: dict[str, Any]) -> None:
    document["States"]["failover: route"]["Next"] = "failover: rout"


def cut_off(document: dict[str, Any]) -> None:
    document["States"]["failover: route: how far"]["Choices"][0]["Next"] = "failover: reconcile"


def uncounted(document: dict[str, Any]) -> None:
    document["States"]["failover: promote: waits"]["Next"] = "failover: promote"


def unbounded(document: dict[str, Any]) -> None:
    document["States"]["failover: promote: how far"]["Choices"][1] = {
        "Variable": "$.run.state",
        "StringEquals": "waits",
        "Next": "failover: promote: waits",
    }


def endless(document: dict[str, Any]) -> None:
    document["States"]["complete"] = {"Type": "Pass", "Next": "complete"}
    document["States"]["unfinished"] = {"Type": "Pass", "Next": "unfinished"}


def uncaught(document: dict[str, Any]) -> None:
    del document["States"]["failover: route"]["Catch"]


def tried_for_ever(document: dict[str, Any]) -> None:
    del document["States"]["failover: route"]["Retry"][-1]["MaxAttempts"]


def hasty(document: dict[str, Any]) -> None:
    document["States"]["failover: route"]["Retry"].reverse()


def timeless(document: dict[str, Any]) -> None:
    del document["States"]["failover: route"]["TimeoutSeconds"]
    del document["TimeoutSeconds"]


def started_nowhere(document: dict[str, Any]) -> None:
    document["StartAt"] = "the beginning"


def undecided(document: dict[str, Any]) -> None:
    del document["States"]["failover: route: how far"]["Default"]


def wordy(document: dict[str, Any]) -> None:
    document["States"]["n" * 81] = {"Type": "Pass"}


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (misspelt, "goes on to failover: rout, which is not there"),
        (cut_off, "failover: promote is never reached"),
        (uncounted, "and nothing counts it"),
        (unbounded, "is in a loop without a bound"),
        (endless, "complete has no end"),
        (uncaught, "failover: route does not catch everything"),
        (tried_for_ever, "failover: route retries without a bound"),
        (hasty, "failover: route retries everything before it is choosy"),
        (timeless, "failover: route has no timeout"),
        (started_nowhere, "which is not there"),
        (undecided, "failover: route: how far has no default"),
        (wordy, "characters"),
    ],
)
def test_a_planted_fault_is_found(fault: Callable[[dict[str, Any]], None], says: str) -> None:
    document = copy.deepcopy(machine())
    fault(document)
    assert any(says in problem for problem in problems(document)), problems(document)
