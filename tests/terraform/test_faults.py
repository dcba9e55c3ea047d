"""Each planted fault is found by the real engine, whose error names it; what is right passes.

Faults that `validate` finds stand in one configuration, each in a module of its own, and one run of
the engine finds them all. Those that keep it from looking at anything else stand alone.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from fakes.once import once
from terraform.faults import FAULTS, Fault, Stage
from terraform.workspace import Workspace

ALONE: Final = frozenset(
    {
        "count and for_each at once",
        "cycle",
        "duplicate resource",
        "text without an end",
        "undefined provider alias",
        "version of the engine that is refused",
    }
)
TOGETHER: Final = {
    f"fault-{number}": fault
    for number, fault in enumerate(FAULTS)
    if fault.stage is Stage.VALIDATE and fault.name not in ALONE
}
"""By the name of the module."""
_ANSWER: Final = "answer.json"


@pytest.fixture(scope="session", name="answers")
def _answers(
    tmp_path_factory: pytest.TempPathFactory, environment: Mapping[str, str]
) -> Mapping[str, str]:
    """What the engine said of each module."""

    def ask(directory: Path) -> None:
        for name, fault in TOGETHER.items():
            (directory / name).mkdir()
            (directory / name / "main.tf").write_text(fault.configuration)
        modules = (f'module "{name}" {{ source = "./{name}" }}' for name in TOGETHER)
        workspace = Workspace(directory, environment).write("\n".join(modules))
        workspace.well("get")
        found = workspace.terraform("validate", "-json")
        assert found.code == 1, found.output
        (directory / _ANSWER).write_text(found.output)

    directory = once(tmp_path_factory, "faults", ask)
    answer = json.loads((directory / _ANSWER).read_text())
    said = dict.fromkeys(TOGETHER, "")
    for each in answer["diagnostics"]:
        if each["severity"] == "error":
            said[each["range"]["filename"].partition("/")[0]] += _text(each)
    return said


def _text(diagnostic: Mapping[str, Any]) -> str:
    snippet = diagnostic["snippet"]
    parts = (diagnostic["summary"], diagnostic["detail"], snippet["context"], snippet["code"])
    return " ".join(" ".join(part for part in parts if part).split()) + "\n"


@pytest.mark.parametrize("name", TOGETHER, ids=lambda name: TOGETHER[name].name.replace(" ", "-"))
def test_a_planted_fault_is_found_and_named(answers: Mapping[str, str], name: str) -> None:
    assert [each for each in TOGETHER[name].names if each not in answers[name]] == [], answers[name]


@pytest.mark.parametrize(
    "fault",
    [fault for fault in FAULTS if fault not in TOGETHER.values()],
    ids=lambda fault: fault.name.replace(" ", "-"),
)
def test_a_planted_fault_that_hides_others_is_found_and_named(
    workspace: Workspace, fault: Fault
) -> None:
    workspace.write(fault.configuration)
    found = workspace.terraform(fault.stage, "-no-color")
    assert found.code == 1, found.output
    assert [name for name in fault.names if name not in found.flat] == [], found.output


def test_a_module_without_a_fault_is_not_blamed(answers: Mapping[str, str]) -> None:
    blamed = {name for name, said in answers.items() if said}
    assert blamed == set(TOGETHER)


def test_faults_are_of_different_kinds_and_found_before_anything_is_applied() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 24
    assert {fault.stage for fault in FAULTS} == set(Stage)
    assert {fault.name for fault in FAULTS} >= ALONE
