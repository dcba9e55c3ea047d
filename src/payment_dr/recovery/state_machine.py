"""The state machine of a site's moves, in Amazon States Language, derived from the plans.

One machine for every kind of move to the site; its tasks are the plan's steps, run by the function
`recovery`. A step with more budget than one call should take is called again, slice by slice,
until the budget is used up. What an execution is given is `recovery.execution`.

Waiting for an approval is asking the control record again: a callback with a task token would have
to be kept somewhere and handed back by a call of its own, and dies with the execution. So anything
may crash, and any other execution or person may take the move over.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from payment_dr.core.settings import Promotion, Settings
from payment_dr.recovery.control import MoveKind
from payment_dr.recovery.execution import (
    APPROVAL_S_MAX,
    DEFINITE_ERRORS,
    MACHINE_INPUT,
    Chore,
    MachineInput,
    slices_of,
)
from payment_dr.recovery.moves import MoveRequest
from payment_dr.recovery.plan import Plan, Step, plan_for
from payment_dr.recovery.run import StepState

GRACE_S: Final = 60
"""How much longer than the whole budget a call may take: its start, and its last act."""

PAUSE_S: Final = 1
"""Between two slices; the function has waited through the first."""

APPROVAL_PAUSE_S: Final = 15
"""Between two questions whether the move is approved.

An execution has at most 25,000 events in its history, and asking again takes about ten.
"""

_COUNT: Final = "count from zero"
_BEGIN: Final = "look at the control record"
_KIND: Final = "which kind of move"
_RECORD: Final = "record the failure"
_FAILED: Final = "unfinished"
_UNRECORDED: Final = "unfinished and unrecorded"
_UNKNOWN: Final = "no such kind of move"
_COMPLETE: Final = "complete"
_APPROVAL: Final = "approval"
_CHORE_S: Final = 30


def definition(settings: Settings, *, function_arn: str) -> dict[str, Any]:
    """The machine's document.

    Args:
        settings: budgets, and whether promotion waits for an approval.
        function_arn: the function `recovery` of the site, with its alias.
    """
    chains = _chains(settings)
    states: dict[str, Any] = dict(_before(chains, function_arn))
    for plan in chains.values():
        states |= _chain(plan, settings, function_arn)
    states |= _after(function_arn)
    return {
        "Comment": "Moves of the active role to this site, derived from the plans of payment-dr",
        "StartAt": _COUNT,
        "TimeoutSeconds": _longest_s(chains, settings),
        "States": states,
    }


def input_from_alarm(settings: Settings, *, site: str) -> tuple[dict[str, str], str]:
    """How EventBridge makes an execution's input of an alarm: the paths, and the template.

    The move's gates refuse it like any other: while another one is under way, or after one.
    """
    request = MoveRequest(
        move_id="failover-<id>",
        kind=MoveKind.FAILOVER,
        source=settings.peer(site).name,
        target=settings.site(site).name,
        by="alarm/<alarm>",
        reason="the alarm <alarm> said so",
    )
    template = MACHINE_INPUT.dump_json(MachineInput(move=request)).decode()
    return {"id": "$.id", "alarm": "$.detail.alarmName"}, template


def _chains(settings: Settings) -> dict[tuple[MoveKind, ...], Plan]:
    chains = (
        (MoveKind.FAILOVER,),
        (MoveKind.SWITCHOVER, MoveKind.FAILBACK),
        (MoveKind.REBUILD,),
    )
    return {kinds: plan_for(kinds[0], settings.failover.budgets) for kinds in chains}


def _before(
    chains: Mapping[tuple[MoveKind, ...], Plan], function_arn: str
) -> Iterator[tuple[str, Any]]:
    """From the start to the first step of a plan."""
    counted = [_key(step) for plan in chains.values() for step in plan.steps]
    yield (
        _COUNT,
        {
            "Type": "Pass",
            "Comment": "How many slices of each step's budget are used up",
            "Result": {name: {"used": 0} for name in (*counted, _APPROVAL)},
            "ResultPath": "$.slices",
            "Next": _BEGIN,
        },
    )
    yield (
        _BEGIN,
        {
            **_chore(function_arn, Chore.BEGIN),
            "Comment": "In which epoch the move is asked for: in a later one it is not opened",
            "Next": _KIND,
        },
    )
    yield (
        _KIND,
        {
            "Type": "Choice",
            "Choices": [
                {
                    "Variable": "$.move.kind",
                    "StringEquals": kind.value,
                    "Next": _name(plan, plan.steps[0]),
                }
                for kinds, plan in chains.items()
                for kind in kinds
            ],
            "Default": _UNKNOWN,
        },
    )


def _chain(plan: Plan, settings: Settings, function_arn: str) -> Iterator[tuple[str, Any]]:
    """The states of each step of a plan: the task, what follows from its answer, and its loops."""
    followers = (*(_name(plan, step) for step in plan.steps[1:]), _COMPLETE)
    for step, follower in zip(plan.steps, followers, strict=True):
        name = _name(plan, step)
        payload = {
            "step": step.name.value,
            "move.$": "$.move",
            "carried.$": "$.run.carried",
            "used.$": f"$.slices.{_key(step)}.used",
        }
        attempts = _attempts(step.budget_s)
        yield (
            name,
            {
                **_task(function_arn, payload, math.ceil(step.budget_s) + GRACE_S, attempts),
                "Comment": _told(step),
                "Next": f"{name}: how far",
            },
        )
        loops = [(StepState.WAITS, _key(step), slices_of(step.budget_s).count - 1, PAUSE_S)]
        if _asks_for_approval(plan, step, settings):
            most = APPROVAL_S_MAX // APPROVAL_PAUSE_S
            loops.append((StepState.AWAITS_APPROVAL, _APPROVAL, most, APPROVAL_PAUSE_S))
        choices: list[Any] = [_answers(StepState.DONE) | {"Next": follower}]
        for state, counter, most, pause_s in loops:
            # A step of one slice is never called again.
            if most:
                within = {"Variable": f"$.slices.{counter}.used", "NumericLessThan": most}
                choices.append({"And": [_answers(state), within], "Next": f"{name}: {state}"})
                yield from _loop(name, state, counter, pause_s)
        yield (f"{name}: how far", {"Type": "Choice", "Choices": choices, "Default": _RECORD})


def _loop(name: str, state: StepState, counter: str, pause_s: int) -> Iterator[tuple[str, Any]]:
    """Wait, count, and call the step again."""
    again = f"{name}: {state}, once more"
    yield f"{name}: {state}", {"Type": "Wait", "Seconds": pause_s, "Next": again}
    yield (
        again,
        {
            "Type": "Pass",
            "Parameters": {"used.$": f"States.MathAdd($.slices.{counter}.used, 1)"},
            "ResultPath": f"$.slices.{counter}",
            "Next": name,
        },
    )


def _after(function_arn: str) -> Iterator[tuple[str, Any]]:
    """The ends: complete, or unfinished with what to run next as the cause."""
    yield (
        _RECORD,
        {
            **_chore(function_arn, Chore.RECORD_FAILURE),
            "Comment": "Into the run log; the answer says what happened and what to run next",
            "ResultSelector": {"error.$": "$.Payload.error", "cause.$": "$.Payload.cause"},
            "ResultPath": "$.ended",
            "Catch": [
                {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": _UNRECORDED}
            ],
            "Next": _FAILED,
        },
    )
    yield (
        _FAILED,
        {"Type": "Fail", "ErrorPath": "$.ended.error", "CausePath": "$.ended.cause"},
    )
    yield (
        _UNRECORDED,
        {
            "Type": "Fail",
            "Error": "NotRecorded",
            "CausePath": "States.Format('move {} is unfinished, and even that could not be written "
            "down; next: payment-dr resume {}', $.move.move_id, $.move.move_id)",
        },
    )
    yield (
        _UNKNOWN,
        {
            "Type": "Fail",
            "Error": "UnknownKind",
            "Cause": f"the kind of a move is one of {', '.join(MoveKind)}; nothing has changed",
        },
    )
    yield _COMPLETE, {"Type": "Succeed"}


def _chore(function_arn: str, chore: Chore) -> dict[str, Any]:
    payload = {"step": chore.value, "input.$": "$"}
    return _task(function_arn, payload, _CHORE_S, _attempts(_CHORE_S))


def _task(
    function_arn: str, payload: dict[str, Any], timeout_s: int, attempts: int
) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function_arn, "Payload": payload},
        "ResultSelector": {"state.$": "$.Payload.state", "carried.$": "$.Payload.carried"},
        "ResultPath": "$.run",
        "TimeoutSeconds": timeout_s,
        "Retry": [
            {"ErrorEquals": list(DEFINITE_ERRORS), "MaxAttempts": 0},
            {"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 1},
            {
                "ErrorEquals": ["States.ALL"],
                "IntervalSeconds": 1,
                "BackoffRate": 2,
                "MaxAttempts": attempts,
            },
        ],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": _RECORD}],
    }


def _answers(state: StepState) -> dict[str, Any]:
    return {"Variable": "$.run.state", "StringEquals": state.value}


def _told(step: Step) -> str:
    warning = "Point of no return: from here on the only way back is another move. "
    return (
        f"{warning if step.point_of_no_return else ''}{step.does}; reads back {step.reads_back}. "
        f"Budget {step.budget_s:g} s"
    )


def _asks_for_approval(plan: Plan, step: Step, settings: Settings) -> bool:
    return (
        step.point_of_no_return
        and plan.kind is MoveKind.FAILOVER
        and settings.failover.promotion is Promotion.APPROVAL
    )


def _attempts(budget_s: float) -> int:
    """As many tries as their pauses, 1 s, 2 s, 4 s and so on, fit into the budget; at least 1."""
    return max(1, int(math.log2(budget_s + 1)))


def _longest_s(chains: Mapping[tuple[MoveKind, ...], Plan], settings: Settings) -> int:
    """Bound of an execution whatever happens: three times each task's own, and the approval's.

    Three: a call that hangs, one more after it, and pauses, which are shorter than the budget.
    """
    plans = chains.values()
    tasks = max(sum(math.ceil(s.budget_s) + GRACE_S for s in plan.steps) for plan in plans)
    waits = settings.failover.promotion is Promotion.APPROVAL
    return 3 * tasks + (APPROVAL_S_MAX if waits else 0)


def _name(plan: Plan, step: Step) -> str:
    return f"{plan.kind}: {step.name}"


def _key(step: Step) -> str:
    """The step's name as it is written in paths."""
    return step.name.replace("-", "_")
