"""How moves look on a terminal: plans, progress, status. Talk goes to stderr, data is returned."""

import json
import sys
import time
from typing import Any, Final, assert_never

import typer
from pydantic import TypeAdapter

from payment_dr.core.stamp import SiteName
from payment_dr.recovery.control import Phase
from payment_dr.recovery.plan import Plan
from payment_dr.recovery.ports import LedgerView, Transition, TransitionEvent
from payment_dr.recovery.readiness import BlockingItem
from payment_dr.recovery.runner import AwaitsApproval, Completed, MoveOutcome, Stopped
from payment_dr.recovery.survey import Survey

_SURVEY: Final = TypeAdapter(Survey)
_COLOURS: Final = {
    TransitionEvent.BEGAN: typer.colors.BLUE,
    TransitionEvent.DONE: typer.colors.GREEN,
    TransitionEvent.FOUND_DONE: typer.colors.GREEN,
    TransitionEvent.WAITS: typer.colors.YELLOW,
    TransitionEvent.AWAITS_APPROVAL: typer.colors.YELLOW,
    TransitionEvent.FAILED: typer.colors.RED,
}


class Progress:
    """Says each transition with the seconds since the start, on stderr."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._start = time.monotonic()

    def __call__(self, transition: Transition) -> None:
        """Say one transition."""
        seconds = time.monotonic() - self._start
        place = f"{self._plan.position(transition.step) + 1}/{len(self._plan.steps)}"
        event = f"{transition.event:15}"
        if coloured():
            event = typer.style(event, fg=_COLOURS[transition.event])
        say(
            f"{seconds:7.2f} s  {place:5} {transition.step:14} {event} {transition.detail}".rstrip()
        )


def coloured() -> bool:
    """Whether stderr is a terminal."""
    return sys.stderr.isatty()


def say(sentence: str) -> None:
    """To stderr."""
    sys.stderr.write(f"{sentence}\n")


def plan_text(plan: Plan, target: SiteName, items: tuple[BlockingItem, ...]) -> str:
    """The plan as a table, with budgets, the point of no return, and what would block it now."""
    lines = [f"{plan.kind} to {target}; runs at {target}"]
    for number, step in enumerate(plan.steps, start=1):
        if step.point_of_no_return:
            lines.append("    -- point of no return: from here on the way back is another move --")
        lines.append(f"{number:3} {step.name:14} {step.budget_s:6g} s  {step.does}")
        lines.append(f"{'':28}reads back: {step.reads_back}")
    lines.append(f"ledger open within {plan.ledger_budget_s:g} s, by the steps' budgets")
    lines += [f"would be refused: {item.gate}: {item.says}" for item in items]
    return "\n".join(lines) + "\n"


def plan_json(plan: Plan, target: SiteName, items: tuple[BlockingItem, ...]) -> str:
    """The same as JSON."""
    return _json(
        {
            "kind": plan.kind,
            "target": target,
            "steps": [
                {
                    "name": step.name,
                    "does": step.does,
                    "reads_back": step.reads_back,
                    "budget_s": step.budget_s,
                    "point_of_no_return": step.point_of_no_return,
                }
                for step in plan.steps
            ],
            "ledger_budget_s": plan.ledger_budget_s,
            "blocking": [{"gate": item.gate, "says": item.says} for item in items],
        }
    )


def outcome_json(outcome: MoveOutcome) -> str:
    """What became of a move."""
    return _json(_outcome(outcome))


def status_json(found: Survey) -> str:
    """Everything that `status` found."""
    return _json(_SURVEY.dump_python(found, mode="json"))


def status_text(found: Survey) -> str:
    """The same for people."""
    control = found.control
    lines = [f"active {control.active}, epoch {control.epoch}, {control.phase}"]
    if found.repair is not None:
        lines.append(f"REPAIR NEEDED: {found.repair}; fail over to where the writer is")
    platform = "no answer" if found.platform is None else f"writer {found.platform.writer}"
    lines.append(f"platform: {platform}")
    lines += [f"ledger {site}: {ledger_text(view)}" for site, view in found.ledgers.items()]
    lines.append(
        f"DNS answers {found.answer}; this site is {'' if found.healthy else 'not '}healthy"
    )
    move = control.move
    if move is not None:
        state = "in progress" if control.phase is Phase.MOVING else "latest, opened"
        lines.append(
            f"move {move.move_id} ({state}): {move.kind} {move.source} -> {move.target}, at step "
            f"{move.step}, by {move.started_by}: {move.reason}"
        )
        lines += [
            f"  {line.at - move.started_at:8.2f} s  {line.step:14} {line.event:15} {line.detail}"
            f"  [{line.by}]"
            for line in found.run_log
        ]
    return "\n".join(lines) + "\n"


def _outcome(outcome: MoveOutcome) -> dict[str, Any]:
    match outcome:
        case Completed():
            return {"outcome": "completed", "move_id": outcome.move_id, "epoch": outcome.epoch}
        case AwaitsApproval():
            return {"outcome": "awaits-approval", "move_id": outcome.move_id}
        case Stopped():
            return {
                "outcome": "stopped",
                "error": type(outcome.error).__name__,
                "what": outcome.error.what,
                "remedy": outcome.error.remedy,
                "definite": outcome.error.definite,
            }
        case unreachable:
            assert_never(unreachable)


def ledger_text(view: LedgerView | None) -> str:
    """One ledger in a few words."""
    if view is None:
        return "no answer"
    stamp = "none" if view.stamp is None else f"({view.stamp.epoch}, {view.stamp.site})"
    if view.writable:
        return f"takes writes, stamp {stamp}"
    state = "receives" if view.receiving else "receives NOTHING"
    return f"replica, {state}, {view.lag_bytes} bytes behind, stamp {stamp}"


def _json(document: object) -> str:
    return json.dumps(document, indent=2) + "\n"
