"""Plans of every shape are judged: a linter that stops at an odd plan is switched off."""

import json
import random
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from payment_dr.lint.document import PlanDocument
from payment_dr.lint.engine import lint
from payment_dr.lint.plan import Plan

USUAL: Final = json.loads(
    (Path(__file__).parents[3] / "examples" / "usual-design" / "plan.json").read_bytes()
)
ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1.5,
    "",
    "${",
    "*",
    [],
    [None],
    {},
    {"references": [""]},
    [[{}]],
)


def containers(plan: dict[str, Any]) -> list[Any]:
    """Every object and array inside values, unknowns and expressions."""
    root = plan["configuration"]["root_module"]
    todo: list[Any] = [one["expressions"] for one in root["resources"]]
    todo += [one["values"] for one in plan["planned_values"]["root_module"]["resources"]]
    todo += [one["change"]["after_unknown"] for one in plan["resource_changes"]]
    found: list[Any] = []
    while todo:
        item = todo.pop()
        if isinstance(item, dict | list) and item:
            found.append(item)
            todo += item.values() if isinstance(item, dict) else item
    return found


@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_values_of_any_shape_are_judged(seed: int) -> None:
    chance = random.Random(seed)
    plan = deepcopy(USUAL)
    places = containers(plan)
    for _ in range(150):
        item = chance.choice(places)
        key = chance.choice(list(item) if isinstance(item, dict) else range(len(item)))
        item[key] = deepcopy(chance.choice(ODD))
    document = msgspec.convert(plan, PlanDocument)
    result = lint(Plan([document]), configurations=[None], acceptance_s=60)
    assert result.resources == 61
