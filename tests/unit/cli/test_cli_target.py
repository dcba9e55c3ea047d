"""What a move from the command line acts on: a lab by name or directory, or the variables."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.operating import Office
from fakes.recovery_world import EAST, WEST
from payment_dr.adapters.settings_file import example, example_text
from payment_dr.cli import target
from payment_dr.cli.target import TargetKind, Where, target_of
from payment_dr.core.errors import PaymentDrError, SettingsError
from payment_dr.functions.desk import Desk
from payment_dr.functions.environment import Environment
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
    found = target_of(Where(lab=str(lab)))
    assert found.settings == SETTINGS
    assert list(found.environments) == [EAST, WEST]
    assert found.environments[WEST].ledger.port == addresses.postgres_port[WEST]


def test_a_lab_is_known_by_its_name(lab: Path, registry: Registry) -> None:
    registry.add(this_process("mine", directory=lab, control_port=1))
    assert list(target_of(Where(lab="mine")).environments) == [EAST, WEST]


def test_a_lab_whose_supervisor_is_dead_is_no_target(lab: Path, registry: Registry) -> None:
    registry.add(replace(this_process("mine", directory=lab, control_port=1), started=0.0))
    with pytest.raises(PaymentDrError, match="no lab runs that is named 'mine'"):
        target_of(Where(lab="mine"))


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("lab", ["unknown", "/no/such/directory"])
def test_an_unknown_lab_says_how_to_find_those_that_run(lab: str) -> None:
    with pytest.raises(PaymentDrError) as caught:
        target_of(Where(lab=lab))
    assert caught.value.remedy.startswith("payment-dr lab status")


def test_without_a_lab_the_variables_describe_one_site(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = function_environment(SETTINGS, addresses, WEST)
    monkeypatch.setattr("os.environ", variables)
    assert list(target_of(Where()).environments) == [WEST]
    monkeypatch.setattr("os.environ", {"PAYMENT_DR_SETTINGS": "{}"})
    with pytest.raises(SettingsError, match="PAYMENT_DR_SETTINGS"):
        target_of(Where())


def test_the_only_lab_that_runs_needs_no_name(lab: Path, registry: Registry) -> None:
    where = Where(target=TargetKind.LAB)
    with pytest.raises(PaymentDrError, match="there run: none"):
        target_of(where)
    registry.add(this_process("mine", directory=lab, control_port=1))
    assert list(target_of(where).environments) == [EAST, WEST]
    registry.add(this_process("other", directory=lab, control_port=1))
    with pytest.raises(PaymentDrError, match="there run: mine, other"):
        target_of(where)


def test_a_lab_is_nothing_on_aws() -> None:
    with pytest.raises(PaymentDrError, match="--target aws is none"):
        target_of(Where(target=TargetKind.AWS, lab="mine"))


OUTPUTS = {
    f"{stack}{name}": f"{stack.lower()}-{name}"
    for stack in ("East", "West")
    for name in ("LedgerEndpoint", "LedgerReaderEndpoint", "EvidenceBucket")
}


@pytest.fixture(name="deployed")
def deployed_fixture(tmp_path: Path) -> Where:
    """Settings and outputs of an environment on AWS, as files."""
    settings, outputs = tmp_path / "payment-dr.toml", tmp_path / "flat-outputs.json"
    settings.write_text(example_text("production"))
    outputs.write_text(json.dumps(OUTPUTS))
    return Where(target=TargetKind.AWS, settings=settings, outputs=outputs)


def test_on_aws_files_are_enough_and_the_variables_of_no_function_are_needed(
    deployed: Where,
) -> None:
    found = target_of(deployed)
    settings = example("production")
    assert found.settings == settings
    west = found.environments[WEST]
    assert west.aws is None
    assert west.ledger.host == "west-LedgerEndpoint,west-LedgerReaderEndpoint"
    assert west.evidence_bucket == "west-EvidenceBucket"
    assert west.own_url == f"https://west.{settings.dns.name}"
    assert west.peer_health_url == f"https://east.{settings.dns.name}/health"
    assert list(found.environments) == [EAST, WEST]


def test_without_options_and_variables_it_is_aws(deployed: Where) -> None:
    assert list(target_of(replace(deployed, target=None)).environments) == [EAST, WEST]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file"),
        ("{", "are no JSON"),
        ("[]", "are no object"),
        ('{"EastLedgerEndpoint": "x"}', "lack EastLedgerReaderEndpoint, EastEvidenceBucket"),
    ],
)
def test_outputs_that_cannot_be_used_say_how_to_get_them(
    deployed: Where, text: str | None, says: str
) -> None:
    if text is None:
        deployed.outputs.unlink()
    else:
        deployed.outputs.write_text(text)
    with pytest.raises(PaymentDrError, match=says) as caught:
        target_of(deployed)
    assert "payment-dr outputs --write" in caught.value.remedy


def test_a_desk_knows_the_other_sites_environment(lab: Path) -> None:
    asked: list[tuple[str, str | None]] = []

    def desk_of(environment: Environment, peer: Environment | None) -> Desk:
        asked.append((environment.site, None if peer is None else peer.site))
        return Office().desk()

    found = replace(target_of(Where(lab=str(lab))), desk_of=desk_of)
    with found.at(WEST) as recovery:
        found.desk(recovery)
    assert asked == [("west", "east")]
