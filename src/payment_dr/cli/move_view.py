"""How moves look on a terminal: plans, progress, status. Talk goes to stderr, data is returned."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any, Final, assert_never

import typer
from pydantic import TypeAdapter

from payment_dr.cli.talk import say
from payment_dr.cli.watching import Watched
from payment_dr.core.stamp import SiteName
from payment_dr.recovery.control import ControlRecord, Phase
from payment_dr.recovery.plan import Plan
from payment_dr.recovery.ports import LedgerView, Transition, TransitionEvent
from payment_dr.recovery.readiness import BlockingItem
from payment_dr.recovery.readiness_items import Item, forbidding
from payment_dr.recovery.readiness_judges import ItemState
from payment_dr.recovery.runner import AwaitsApproval, Completed, MoveOutcome, Stopped
from payment_dr.recovery.survey import Survey

_SURVEY: Final = TypeAdapter(Survey)
_CONTROL: Final = TypeAdapter(ControlRecord)
_STATE_COLOURS: Final = {
    ItemState.OK: typer.colors.GREEN,
    ItemState.FAILED: typer.colors.RED,
    ItemState.UNKNOWN: typer.colors.YELLOW,
}
_COLOURS: Final = {
    TransitionEvent.BEGAN: typer.colors.BLUE,
    TransitionEvent.DONE: typer.colors.GREEN,
    TransitionEvent.FOUND_DONE: typer.colors.GREEN,
    TransitionEvent.WAITS: typer.colors.YELLOW,
    TransitionEvent.AWAITS_APPROVAL: typer.colors.YELLOW,
    TransitionEvent.FAILED: typer.colors.RED,
}


class Progress:
    """Says each transition with the seconds since the first, and the step's budget, on stderr."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._start: float | None = None
        self._began: dict[str, float] = {}

    def __call__(self, transition: Transition) -> None:
        """Say one transition."""
        step, at = transition.step, transition.at
        self._start = at if self._start is None else self._start
        budget = self._plan.steps[self._plan.position(step)].budget_s
        began = self._began.setdefault(step, at)
        taken = f"{at - began:.1f} of {budget:g} s"
        place = f"{self._plan.position(step) + 1}/{len(self._plan.steps)}"
        event = f"{transition.event:15}"
        if coloured():
            event = typer.style(event, fg=_COLOURS[transition.event])
        say(
            f"{at - self._start:7.2f} s  {place:5} {step:14} {event} {taken:>14}  "
            f"{transition.detail}".rstrip()
        )


def coloured() -> bool:
    """Whether stderr is a terminal."""
    return sys.stderr.isatty()


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a dry run shows: the plan, where the environment stands, and what would refuse it."""

    plan: Plan
    target: SiteName
    control: ControlRecord
    gates: tuple[BlockingItem, ...]
    readiness: tuple[Item, ...]


def plan_text(preview: Preview) -> str:
    """The plan as a table, with budgets, the point of no return, and what would block it now."""
    plan, target, control = preview.plan, preview.target, preview.control
    lines = [
        f"{plan.kind} to {target}; runs at {target}",
        f"now: {control.active} is active in epoch {control.epoch}, {control.phase}"
        + ("" if control.move is None else f"; latest move {control.move.move_id}"),
    ]
    for number, step in enumerate(plan.steps, start=1):
        if step.point_of_no_return:
            lines.append("    -- point of no return: from here on the way back is another move --")
        lines.append(f"{number:3} {step.name:14} {step.budget_s:6g} s  {step.does}")
        lines.append(f"{'':28}reads back: {step.reads_back}")
    lines.append(f"ledger open within {plan.ledger_budget_s:g} s, by the steps' budgets")
    lines += [f"would be refused: {item.gate}: {item.says}" for item in preview.gates]
    refusing = forbidding(preview.readiness, plan.kind)
    lines += [
        f"would be refused: {_told(item)}"
        if item in refusing
        else f"readiness, refuses no {plan.kind}: {_told(item)}"
        for item in preview.readiness
        if item.blocks
    ]
    lines.append(_counted(preview.readiness))
    return "\n".join(lines) + "\n"


def plan_json(preview: Preview) -> str:
    """The same as JSON."""
    plan = preview.plan
    return _json(
        {
            "kind": plan.kind,
            "target": preview.target,
            "now": _CONTROL.dump_python(preview.control, mode="json"),
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
            "blocking": [{"gate": item.gate, "says": item.says} for item in preview.gates],
            "readiness": items_document(preview.readiness),
        }
    )


def items_document(items: tuple[Item, ...]) -> list[dict[str, Any]]:
    """Items of readiness as JSON, with whether each blocks."""
    return [asdict(item) | {"blocks": item.blocks} for item in items]


def items_text(items: tuple[Item, ...]) -> str:
    """Items of readiness as a table; what is to be done about those that are not ok."""
    lines: list[str] = []
    for item in items:
        word = f"{item.state:8}"
        if coloured():
            word = typer.style(word, fg=_STATE_COLOURS[item.state])
        lines.append(f"{word} {item.severity:9} {item.name:20} {item.evidence}")
        if item.state is not ItemState.OK:
            lines.append(f"{'':39}next: {item.remedy}")
    return "\n".join([*lines, _counted(items)]) + "\n"


def _counted(items: tuple[Item, ...]) -> str:
    states = [item.state for item in items]
    blocking = [item.name for item in items if item.blocks]
    told = ", ".join(f"{states.count(state)} {state}" for state in ItemState)
    return f"readiness: {told}; blocking: {', '.join(blocking) or 'nothing'}"


def _told(item: Item) -> str:
    return f"{item.name}: {item.evidence}; {item.remedy}"


def outcome_json(outcome: MoveOutcome | Watched) -> str:
    """What became of a move."""
    return _json(_outcome(outcome))


def approval_json(move_id: str, approvals: tuple[str, ...]) -> str:
    """The approvals that a move has."""
    return _json({"move_id": move_id, "approvals": approvals})


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


def _outcome(outcome: MoveOutcome | Watched) -> dict[str, Any]:
    match outcome:
        case Watched():
            return {"outcome": outcome.end, "move_id": outcome.move_id, "says": outcome.says}
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
