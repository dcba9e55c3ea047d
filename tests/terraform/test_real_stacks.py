"""The stacks of the production example under the real engine, with the stand-in for AWS."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.aws import CloudUnderTest
from fakes.loop_thread import LoopThread
from payment_dr.infra.deployment_order import expected_order
from payment_dr.infra.engine_run import EngineError
from payment_dr.infra.engine_stack import EngineStack
from policy.planned import ENDPOINTS, Stacks, planned

STACKS = ("foundation", "east", "west", "links")
SITES = ("east", "west")


@pytest.fixture(scope="session", name="stacks")
def _stacks(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    return planned(tmp_path_factory)


def test_the_stacks_are_those_of_the_order_of_deployment(stacks: Stacks) -> None:
    assert expected_order(stacks.settings) == STACKS
    assert stacks.sites == list(SITES)


@pytest.mark.parametrize("name", STACKS)
def test_each_stack_validates_and_is_planned_from_nothing(stacks: Stacks, name: str) -> None:
    stack = stacks.stacks[name]
    assert stacks.seconds[name].keys() == {"validate", "plan"}
    planned_ones = [one for one in stack.document.resource_changes if one.mode == "managed"]
    written = {
        f"{kind}.{resource}"
        for kind, named in stack.configuration["resource"].items()
        for resource in named
    }
    assert {one.address for one in planned_ones} == written
    assert {tuple(one.change.actions) for one in planned_ones} == {("create",)}
    assert stack.plan["complete"]
    assert stack.plan["applyable"]


@pytest.mark.parametrize("name", STACKS)
def test_after_an_apply_a_second_plan_is_empty(stacks: Stacks, name: str) -> None:
    before, after = stacks.stacks[name], stacks.settled[name]
    assert after.changed == []
    assert set(before.changed) > {one["address"] for one in after.resources}
    outputs = after.plan["planned_values"]["outputs"]
    assert outputs.keys() == after.configuration["output"].keys()
    assert all("value" in one for one in outputs.values())


@pytest.fixture(scope="module", name="cloud")
def _cloud(stacks: Stacks) -> Iterator[CloudUnderTest]:
    """An emulator that holds what a site reads by name: its region's copy of a secret."""
    secret = stacks.settings.resource("ledger-master")
    with LoopThread() as loop:
        cloud = CloudUnderTest(loop, majority_delay_ms=0)
        clients = [cloud.client("secretsmanager", site.region) for site in stacks.settings.sites]
        for client in clients:
            client.create_secret(Name=secret, SecretString='{"password": "hunter2"}')
        yield cloud
        for client in clients:
            client.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        cloud.close()


@pytest.fixture(name="closed_port")
def _closed_port() -> Iterator[int]:
    """A port that nobody else gets, and on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(params=SITES, name="alone")
def _alone(
    request: pytest.FixtureRequest,
    stacks: Stacks,
    cloud: CloudUnderTest,
    closed_port: int,
    tmp_path: Path,
) -> EngineStack:
    """Each site in turn, deployed once, while the region of the other one refuses connections."""
    here = stacks.settings.site(request.param).region
    endpoints = {
        region: f"http://127.0.0.1:{port if region == here else closed_port}"
        for region, port in cloud.addresses.aws_port.items()
    }
    return stacks.applied(request.param, tmp_path, {ENDPOINTS: json.dumps(endpoints)})


def test_a_site_is_planned_while_the_other_region_is_away(alone: EngineStack) -> None:
    # The emulator has nothing of what was deployed, so the plan is to make it: it has been asked.
    made = {one.type for one in alone.plan().changes if one.change.actions == ["create"]}
    assert {"aws_lambda_function", "aws_rds_cluster", "aws_sfn_state_machine"} <= made


@pytest.mark.parametrize("alone", ["east"], indirect=True)
def test_a_look_into_the_other_region_is_noticed(stacks: Stacks, alone: EngineStack) -> None:
    other = stacks.settings.peer(alone.name)
    secret = {"secret_id": stacks.settings.resource("ledger-master"), "region": other.region}
    planted = {"ephemeral": {"aws_secretsmanager_secret_version": {"planted": secret}}}
    (alone.directory / "planted.tf.json").write_text(json.dumps(planted))
    with pytest.raises(EngineError, match=r"planted.*\n.*Could not connect"):
        alone.plan()


@pytest.mark.parametrize("name", SITES)
def test_nothing_of_a_site_is_or_is_read_in_another_region(stacks: Stacks, name: str) -> None:
    stack, here = stacks.stacks[name], stacks.settings.site(name).region
    assert stack.configuration["provider"].keys() == {"aws"}
    assert [one["region"] for one in stack.configuration["provider"]["aws"]] == [here]
    assert "terraform_remote_state" not in stack.configuration.get("data", {})
    # Every regional resource of the provider says its region, whoever chose it.
    read = stack.plan["prior_state"]["values"]["root_module"].get("resources", [])
    regions = {one["values"].get("region", here) for one in (*stack.resources, *read)}
    assert regions == {here}
    assert sum("region" in one["values"] for one in stack.resources) > len(stack.resources) / 2
    written = stack.configuration.get("ephemeral", {})
    assert all("region" not in one for named in written.values() for one in named.values())


def test_what_joins_the_sites_is_in_both_regions(stacks: Stacks) -> None:
    """So the search above finds a region where one is given."""
    found = {one["values"].get("region") for one in stacks.stacks["links"].resources}
    assert {site.region for site in stacks.settings.sites} <= found
