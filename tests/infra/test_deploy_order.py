"""The order of the stacks, from the manifest of a synthesis, and its check."""

from pathlib import Path

import pytest

from fakes.deployment import STACKS, Environment, settings
from payment_dr.core.errors import PaymentDrError
from payment_dr.infra.deployment_order import Stack, choose, expected_order, read_order


@pytest.fixture(name="environment")
def fixture_environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def names(stacks: tuple[Stack, ...]) -> list[str]:
    return [stack.name for stack in stacks]


def test_home_is_deployed_before_the_site_whose_cluster_joins_it() -> None:
    assert expected_order(settings()) == STACKS
    moved = settings().model_copy(update={"home": "west"})
    assert expected_order(moved) == ("foundation", "west", "east", "links")


def test_stacks_are_read_in_the_order_of_their_deployment(environment: Environment) -> None:
    environment.manifest({"links": ["west", "east"], "west": [], "east": [], "foundation": []})
    stacks = environment.stacks()
    assert names(stacks) == list(STACKS)
    assert stacks[1].directory == environment.directory("east")


def test_a_dependency_against_the_order_is_refused(environment: Environment) -> None:
    environment.manifest({"links": [], "west": [], "east": ["west"], "foundation": []})
    with pytest.raises(PaymentDrError, match="east depends on west, which is deployed after it"):
        environment.stacks()


def test_a_circle_is_refused(environment: Environment) -> None:
    environment.manifest({"links": [], "west": ["east"], "east": ["west"], "foundation": []})
    with pytest.raises(PaymentDrError, match=r"circle: (east -> west|west -> east)"):
        environment.stacks()


def test_a_synthesis_of_other_settings_is_refused(environment: Environment) -> None:
    environment.manifest({"links": [], "north": [], "east": [], "foundation": []})
    with pytest.raises(PaymentDrError, match="north") as raised:
        environment.stacks()
    assert raised.value.remedy == "payment-dr synth"


def test_a_stack_without_its_configuration_is_refused(environment: Environment) -> None:
    (environment.directory("west") / "cdk.tf.json").unlink()
    with pytest.raises(PaymentDrError, match=r"west has no cdk\.tf\.json"):
        environment.stacks()


def test_without_a_manifest_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(PaymentDrError, match="No such file"):
        read_order(tmp_path, settings())
    (tmp_path / "manifest.json").write_text('{"stacks": 7}')
    with pytest.raises(PaymentDrError, match="no manifest"):
        read_order(tmp_path, settings())


def test_one_stack_or_the_rest_from_one_on_can_be_chosen(environment: Environment) -> None:
    stacks = environment.stacks()
    assert names(choose(stacks)) == list(STACKS)
    assert names(choose(stacks, only="west")) == ["west"]
    assert names(choose(stacks, start="west")) == ["west", "links"]


def test_one_stack_and_the_rest_from_one_on_contradict_each_other(
    environment: Environment,
) -> None:
    with pytest.raises(PaymentDrError, match="give one of the two"):
        choose(environment.stacks(), only="east", start="west")


@pytest.mark.parametrize("wanted", [{"only": "north"}, {"start": "north"}])
def test_a_stack_that_is_not_there_is_refused_with_those_that_are(
    environment: Environment, wanted: dict[str, str]
) -> None:
    with pytest.raises(PaymentDrError, match="no stack 'north'; there are foundation, east, west"):
        choose(environment.stacks(), **wanted)
