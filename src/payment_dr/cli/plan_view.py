"""How a plan looks: what it would do, what of that takes long, and what is dangerous."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import typer

from payment_dr.infra.deployment import Planned
from payment_dr.infra.expected_times import Expected, expected
from payment_dr.infra.plan_guard import does, name_of, replaced_for
from payment_dr.lint.document import ResourceChange
from payment_dr.lint.values import mapping

_SIGNS: Final = {"create": "+", "change": "~", "replace": "-/+", "destroy": "-", "forget": "."}
"""What happens to a resource, and how it is marked, as the engines do."""
_COLOURS: Final = {
    "create": typer.colors.GREEN,
    "change": typer.colors.YELLOW,
    "replace": typer.colors.RED,
    "destroy": typer.colors.RED,
    "forget": typer.colors.RED,
}
_LISTED_MAX: Final = 12
"""Resources made or destroyed are listed one by one up to here, else by type."""
_NAMES_MAX: Final = 6


def plan_text(planned: Planned, *, colour: bool) -> str:
    """Counts, what is changed, replaced or destroyed by name, and what is slow; for people."""
    if planned.plan.empty:
        return "  no changes\n"
    changes = planned.plan.changes
    counts = Counter(does(one) for one in changes)
    told = [f"{counts[action]} to {action}" for action in _SIGNS if counts[action]]
    lines = [f"  {', '.join(told) or 'only outputs change'}"]
    for action in _SIGNS:
        lines += _listed(action, [one for one in changes if does(one) == action], colour=colour)
    slow = _slow(expected(changes))
    lines += ["  takes its time:", *slow] if slow else []
    for danger in planned.dangers:
        line = f"  DANGER: {danger}"
        lines.append(typer.style(line, fg=typer.colors.RED, bold=True) if colour else line)
    return "\n".join(lines) + "\n"


def plan_json(planned: Planned) -> dict[str, Any]:
    """The same for programs."""
    return {
        "stack": planned.plan.stack,
        "empty": planned.plan.empty,
        "plan": str(planned.plan.json),
        "changes": [
            {"address": name_of(one), "type": one.type, "does": does(one)}
            for one in planned.plan.changes
        ],
        "dangers": [
            {"address": one.address, "does": one.does, "holds": one.holds}
            for one in planned.dangers
        ],
    }


def _listed(action: str, changes: Sequence[ResourceChange], *, colour: bool) -> list[str]:
    if action in {"create", "destroy"} and len(changes) > _LISTED_MAX:
        kinds = Counter(one.type for one in changes)
        texts = [f"{number:4} {kind}" for kind, number in sorted(kinds.items())]
    else:
        texts = [f"{name_of(one)}{_detail(one)}" for one in changes]
    lines = [f"    {_SIGNS[action]:3} {text}" for text in texts]
    return [typer.style(line, fg=_COLOURS[action]) for line in lines] if colour else lines


def _detail(change: ResourceChange) -> str:
    """Which arguments change, or force a replacement."""
    match does(change):
        case "change":
            return f"  {_few(_changed(change))}"
        case "replace":
            paths = replaced_for(change)
            return f"  because of {_few(paths)}" if paths else "  as it was tainted or asked for"
        case _:
            return ""


def _changed(change: ResourceChange) -> list[str]:
    before, after = mapping(change.change.before), mapping(change.change.after)
    return [name for name in sorted({**before, **after}) if before.get(name) != after.get(name)]


def _few(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_MAX
    return ", ".join(names[:_NAMES_MAX]) + (f" and {more} more" if more > 0 else "")


def _slow(times: dict[str, Expected]) -> list[str]:
    """One line for each kind of wait."""
    kinds = Counter((address.split(".")[-2], one) for address, one in times.items())
    return [
        f"    {kind}{f' ({number} of them)' if number > 1 else ''}: {one}"
        for (kind, one), number in kinds.items()
    ]
