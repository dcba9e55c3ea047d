"""Amazon States Language for tests: a checker of a document's structure, and an interpreter.

Both know what the machine of the moves uses: Pass, Task, Choice, Wait, Succeed and Fail, paths of
plain names, and the intrinsic functions MathAdd and Format.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ENDS = ("Succeed", "Fail")
_NAME_MAX = 80


def followers(state: Mapping[str, Any]) -> Iterator[str]:
    """Names of the states that may come after this one."""
    if "Next" in state:
        yield state["Next"]
    if "Default" in state:
        yield state["Default"]
    for rule in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield rule["Next"]


def reached(states: Mapping[str, Any], start: str) -> set[str]:
    """Every state that can be come to from `start`, itself among them."""
    found: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        if name in states and name not in found:
            found.add(name)
            todo += followers(states[name])
    return found


def problems(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with a machine, each as a sentence; empty if nothing is."""
    states: Mapping[str, Any] = document["States"]
    found = [] if "TimeoutSeconds" in document else ["the machine has no timeout"]
    if document["StartAt"] not in states:
        return [*found, f"it starts at {document['StartAt']}, which is not there"]
    found += [
        f"{name} goes on to {follower}, which is not there"
        for name, state in states.items()
        for follower in followers(state)
        if follower not in states
    ]
    found += [
        f"{name} is never reached" for name in states.keys() - reached(states, document["StartAt"])
    ]
    for name, state in states.items():
        found += _state_problems(name, state)
        if not any(states[end]["Type"] in ENDS for end in reached(states, name)):
            found.append(f"{name} has no end")
    return [*found, *_loop_problems(states)]


def _state_problems(name: str, state: Mapping[str, Any]) -> Iterator[str]:
    if len(name) > _NAME_MAX:
        yield f"{name} is a name of more than {_NAME_MAX} characters"
    if state["Type"] not in (*ENDS, "Choice") and "Next" not in state:
        yield f"{name} does not say what comes next"
    if state["Type"] == "Choice" and "Default" not in state:
        yield f"{name} has no default"
    if state["Type"] == "Task":
        yield from _task_problems(name, state)


def _task_problems(name: str, state: Mapping[str, Any]) -> Iterator[str]:
    if "TimeoutSeconds" not in state:
        yield f"{name} has no timeout"
    retriers = state.get("Retry", [])
    if any("MaxAttempts" not in retrier for retrier in retriers):
        yield f"{name} retries without a bound of its own"
    if any("States.ALL" in r["ErrorEquals"] for r in retriers[:-1]):
        yield f"{name} retries everything before it is choosy"
    if not any(catcher["ErrorEquals"] == ["States.ALL"] for catcher in state.get("Catch", [])):
        yield f"{name} does not catch everything"


def _loop_problems(states: Mapping[str, Any]) -> Iterator[str]:
    """Every loop passes a rule that compares a counter, and then a state that counts it."""
    uncounted: dict[str, list[str]] = {}
    for name, state in states.items():
        plain = [rule["Next"] for rule in state.get("Choices", ()) if _counter(rule) is None]
        others = [state[key] for key in ("Next", "Default") if key in state]
        caught = [rule["Next"] for rule in state.get("Catch", ())]
        uncounted[name] = [*plain, *others, *caught]
        for rule in state.get("Choices", ()):
            counter = _counter(rule)
            if counter is not None and not _counts(states, rule["Next"], counter):
                yield f"{name} compares {counter}, and nothing counts it"
    for name in states:
        seen: set[str] = set()
        todo = list(uncounted[name])
        while todo:
            follower = todo.pop()
            if follower in states and follower not in seen:
                seen.add(follower)
                todo += uncounted[follower]
        if name in seen:
            yield f"{name} is in a loop without a bound"


def _counter(rule: Mapping[str, Any]) -> str | None:
    for part in rule.get("And", ()):
        if "NumericLessThan" in part:
            return str(part["Variable"])
    return None


def _counts(states: Mapping[str, Any], start: str, counter: str) -> bool:
    """Whether the way from `start` to the next task adds one to the counter."""
    name = start
    for _ in states:
        state = states[name]
        if state["Type"] == "Task":
            break
        added = f"States.MathAdd({counter}, 1)"
        place, _, last = counter.rpartition(".")
        if state.get("ResultPath") == place and state.get("Parameters") == {f"{last}.$": added}:
            return True
        name = state["Next"]
    return False


class TaskError(Exception):
    """What a task's function raised, by the name that the machine knows it by."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(name)
        self.name = name
        self.cause = cause


@dataclass
class Execution:
    """One execution. `call` is the function, `sleep` waits, `data` is the input, as JSON.

    `ended` is None until the end, then ("Succeed", "", "") or ("Fail", error, cause).
    """

    document: Mapping[str, Any]
    call: Callable[[Any], Any]
    sleep: Callable[[float], None]
    data: Any
    at: str = ""
    visited: list[str] = field(default_factory=list)
    ended: tuple[str, str, str] | None = None

    def __post_init__(self) -> None:
        self.at = self.document["StartAt"]

    def run(self, *, states_max: int = 10_000) -> tuple[str, str, str] | None:
        """Go on to the end, or for at most so many states."""
        for _ in range(states_max):
            if self.ended is not None:
                break
            self.step()
        return self.ended

    def step(self) -> None:
        """Pass through one state."""
        state = self.document["States"][self.at]
        self.visited.append(self.at)
        match state["Type"]:
            case "Pass":
                given = _filled(state["Parameters"], self.data) if "Parameters" in state else None
                self._go(state, state.get("Result", given))
            case "Wait":
                self.sleep(state["Seconds"])
                self.at = state["Next"]
            case "Choice":
                chosen = (r["Next"] for r in state["Choices"] if _holds(r, self.data))
                self.at = next(chosen, state["Default"])
            case "Task":
                self._task(state)
            case "Succeed":
                self.ended = ("Succeed", "", "")
            case "Fail":
                error, cause = (self._said(state, what) for what in ("Error", "Cause"))
                self.ended = ("Fail", error, cause)
            case other:
                raise AssertionError(other)

    def _task(self, state: Mapping[str, Any]) -> None:
        payload = _filled(state["Parameters"], self.data)["Payload"]
        tries = [0] * len(state["Retry"])
        while True:
            try:
                answer = json.loads(json.dumps(self.call(json.loads(json.dumps(payload)))))
            except TaskError as error:
                if self._again(state, tries, error.name):
                    continue
                catcher = next(c for c in state["Catch"] if _matches(c, error.name))
                failure = {"Error": error.name, "Cause": error.cause}
                self.data = _placed(self.data, catcher["ResultPath"], failure)
                self.at = catcher["Next"]
            else:
                self._go(state, _filled(state["ResultSelector"], {"Payload": answer}))
            return

    def _again(self, state: Mapping[str, Any], tries: list[int], name: str) -> bool:
        for index, retrier in enumerate(state["Retry"]):
            if _matches(retrier, name):
                if tries[index] >= retrier["MaxAttempts"]:
                    return False
                rate = retrier.get("BackoffRate", 2)
                self.sleep(retrier["IntervalSeconds"] * rate ** tries[index])
                tries[index] += 1
                return True
        return False

    def _go(self, state: Mapping[str, Any], result: Any) -> None:
        self.data = _placed(self.data, state["ResultPath"], result)
        self.at = state["Next"]

    def _said(self, state: Mapping[str, Any], what: str) -> str:
        said = state[what] if what in state else _value(state[f"{what}Path"], self.data)
        assert isinstance(said, str)
        return said


def _matches(rule: Mapping[str, Any], name: str) -> bool:
    return name in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"]


def _holds(rule: Mapping[str, Any], data: Any) -> bool:
    if "And" in rule:
        return all(_holds(part, data) for part in rule["And"])
    value = _value(rule["Variable"], data)
    if "StringEquals" in rule:
        return bool(value == rule["StringEquals"])
    return bool(value < rule["NumericLessThan"])


def _filled(template: Any, data: Any) -> Any:
    if not isinstance(template, dict):
        return template
    return {
        key.removesuffix(".$"): _value(value, data) if key.endswith(".$") else _filled(value, data)
        for key, value in template.items()
    }


def _value(expression: str, data: Any) -> Any:
    call = re.fullmatch(r"States\.(\w+)\((.*)\)", expression, re.DOTALL)
    if call is None:
        value = data
        for name in expression.removeprefix("$").strip(".").split("."):
            value = value[name] if name else value
        return value
    if call[1] == "MathAdd":
        path, number = call[2].split(", ")
        return _value(path, data) + int(number)
    assert call[1] == "Format"
    text, *paths = re.fullmatch(r"'([^']*)', (.*)", call[2], re.DOTALL).groups()  # type: ignore[union-attr]  # fails the test
    return text.format(*(_value(path, data) for path in paths[0].split(", ")))


def _placed(data: Any, path: str, result: Any) -> Any:
    placed = json.loads(json.dumps(data))
    *parents, last = path.removeprefix("$.").split(".")
    place = placed
    for name in parents:
        place = place[name]
    place[last] = result
    return placed
