"""Versions and stages of a secret as Secrets Manager keeps them."""

import json
import uuid
from typing import Any

import pytest

from fakes.aws import EAST, WEST, CloudUnderTest
from fakes.planned_client import PlannedClient, refusal
from fakes.rotation import RotationWorld
from payment_dr.adapters.secret_rotation import SecretVersions, Stages
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.functions.rotation import Step


def secret(cloud: CloudUnderTest) -> tuple[Any, str, str]:
    """A client, and a secret of its own with a version that is current."""
    client = cloud.client("secretsmanager", EAST)
    name = f"rotates-{uuid.uuid4().hex}"
    content = json.dumps({"username": "payment_app", "password": "old"})
    version = client.create_secret(Name=name, SecretString=content)["VersionId"]
    return client, name, version


def begin(client: Any, name: str) -> str:
    """What Secrets Manager does before it calls the first step: a pending version, empty."""
    token = str(uuid.uuid4())
    client.put_secret_value(SecretId=name, ClientRequestToken=token, VersionStages=["AWSPENDING"])
    return token


def test_stages_move_as_a_rotation_goes_on(cloud: CloudUnderTest) -> None:
    client, name, old = secret(cloud)
    versions = SecretVersions(client, name)
    assert versions.stages() == Stages(name=name, current=old, pending=None)
    token = begin(client, name)
    assert versions.stages() == Stages(name=name, current=old, pending=token)
    assert versions.content(token) is None
    versions.put_pending(token, {"username": "payment_app_2", "password": "new"})
    assert versions.content(token) == {"username": "payment_app_2", "password": "new"}
    versions.make_current(token, instead_of=old)
    assert versions.stages().current == token
    stages = client.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert stages[old] == ["AWSPREVIOUS"]


def test_a_rotation_runs_on_the_service_and_its_replica_follows(cloud: CloudUnderTest) -> None:
    client, name, _ = secret(cloud)
    client.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": WEST}])
    world, token = RotationWorld(), begin(client, name)
    for _ in range(2):
        for step in Step:
            world.rotation_of(SecretVersions(client, name), token).run(step)
    there = cloud.client("secretsmanager", WEST).get_secret_value(SecretId=name)
    assert json.loads(there["SecretString"]) == {"username": "payment_app_2", "password": "new-1"}
    assert world.effects.done == ["password"]


def test_a_version_that_was_overtaken_is_not_made_current(cloud: CloudUnderTest) -> None:
    client, name, old = secret(cloud)
    token = begin(client, name)
    client.put_secret_value(SecretId=name, SecretString="{}")
    with pytest.raises(UnavailableError, match="not version"):
        SecretVersions(client, name).make_current(token, instead_of=old)


def test_a_version_that_does_not_exist_has_no_content(cloud: CloudUnderTest) -> None:
    client, name, _ = secret(cloud)
    assert SecretVersions(client, name).content(str(uuid.uuid4())) is None


def test_the_replicas_region_cannot_rotate(cloud: CloudUnderTest) -> None:
    client, name, _ = secret(cloud)
    client.replicate_secret_to_regions(SecretId=name, AddReplicaRegions=[{"Region": WEST}])
    replica = SecretVersions(cloud.client("secretsmanager", WEST), name)
    with pytest.raises(UnavailableError, match="storing a version") as caught:
        replica.put_pending(str(uuid.uuid4()), {"username": "u", "password": "p"})
    assert caught.value.definite


def versions_of(*planned: Any) -> SecretVersions:
    client: Any = PlannedClient(*planned)
    return SecretVersions(client, "payments-ledger-dev")


def test_content_that_another_call_stored_first_stays() -> None:
    versions_of(refusal("ResourceExistsException")).put_pending("t", {"username": "u"})


def test_other_refusals_are_told() -> None:
    with pytest.raises(UnavailableError, match="AccessDenied"):
        versions_of(refusal("AccessDenied")).put_pending("t", {"username": "u"})
    with pytest.raises(UnavailableError, match="AccessDenied"):
        versions_of(refusal("AccessDenied")).content("t")


def test_a_version_that_is_no_login_is_refused_without_repeating_it() -> None:
    with pytest.raises(PaymentDrError, match="not a JSON object") as caught:
        versions_of({"SecretString": "hunter2"}).content("t")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
