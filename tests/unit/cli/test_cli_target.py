"""What a move from the command line acts on: a lab by name or directory, or the variables."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.recovery_world import EAST, WEST
from payment_dr.adapters.settings_file import example
from payment_dr.cli import target
from payment_dr.cli.target import target_of
from payment_dr.core.errors import PaymentDrError, SettingsError
from payment_dr.lab.addresses import Addresses, addresses_from
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.function_environment import function_environment
from payment_dr.lab.registry import Registry, this_process

SETTINGS = example("development")


@pytest.fixture(name="addresses")
def addresses_fixture() -> Addresses:
    return addresses_from(SETTINGS, 20_000 + 32 * random.randrange(100))


@pytest.fixture(name="lab")
def lab_fixture(tmp_path: Path, addresses: Addresses) -> Path:
    """The directory of a lab, as a supervisor writes it."""
    directory = LabDirectory.create(tmp_path / "lab")
    directory.write(SETTINGS, addresses)
    return directory.root


@pytest.fixture(name="registry")
def registry_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    registry = Registry(tmp_path)
    monkeypatch.setattr(target, "user_registry", lambda: registry)
    return registry


def test_a_lab_is_known_by_its_directory(lab: Path, addresses: Addresses) -> None:
    found = target_of(str(lab))
    assert found.settings == SETTINGS
    assert list(found.environments) == [EAST, WEST]
    assert found.environments[WEST].ledger.port == addresses.postgres_port[WEST]


def test_a_lab_is_known_by_its_name(lab: Path, registry: Registry) -> None:
    registry.add(this_process("mine", directory=lab, control_port=1))
    assert list(target_of("mine").environments) == [EAST, WEST]


def test_a_lab_whose_supervisor_is_dead_is_no_target(lab: Path, registry: Registry) -> None:
    registry.add(replace(this_process("mine", directory=lab, control_port=1), started=0.0))
    with pytest.raises(PaymentDrError, match="no lab runs that is named 'mine'"):
        target_of("mine")


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("lab", ["unknown", "/no/such/directory"])
def test_an_unknown_lab_says_how_to_find_those_that_run(lab: str) -> None:
    with pytest.raises(PaymentDrError) as caught:
        target_of(lab)
    assert caught.value.remedy.startswith("payment-dr lab status")


def test_without_a_lab_the_variables_describe_one_site(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = function_environment(SETTINGS, addresses, WEST)
    monkeypatch.setattr("os.environ", variables)
    assert list(target_of(None).environments) == [WEST]
    monkeypatch.setattr("os.environ", {})
    with pytest.raises(SettingsError, match="PAYMENT_DR_SETTINGS"):
        target_of(None)
