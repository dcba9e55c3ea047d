"""An operator's desk put together: which regions are asked, and who calls."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.composed import FakeWorld as Parts
from fakes.planned_client import PlannedClient, refusal
from fakes.recovery_world import EAST, WEST, FakeWorld
from payment_dr.core.errors import SettingsError
from payment_dr.functions import desk as module
from payment_dr.functions import readiness
from payment_dr.functions.desk import Asked, compose_desk
from payment_dr.functions.environment import AwsAccess, Environment


class Clients:
    """Makes clients that refuse everything, and notes for which region each was made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Any = None) -> None:
        self.made: list[tuple[str, str]] = []
        self.answer = refusal("AccessDenied") if answer is None else answer
        for one in (module, readiness):
            monkeypatch.setattr(one, "aws_client", self.make)

    def make(self, environment: Environment, service: str, _config: object) -> Any:
        self.made.append((environment.here.region, service))
        return PlannedClient(self.answer)

    def away(self) -> set[str]:
        """Services that east's region was asked for, by west."""
        return {service for region, service in self.made if region == "us-east-1"}


def environment(site: str = WEST, **changes: Any) -> Environment:
    return replace(Parts().parts(site).environment, evidence_bucket="bucket", **changes)


ACCESS = AwsAccess(endpoint_url="http://127.0.0.1:1", access_key_id="a", secret_access_key="b")


def test_on_aws_the_other_region_is_asked_only_where_it_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clients = Clients(monkeypatch)
    monkeypatch.setattr(readiness, "unconfirmed", lambda table, now: None)
    world = FakeWorld().ports()
    desk = compose_desk(environment(), None)
    items = {item.name: item for item in desk.readiness(world, Asked.THIS_REGION)}
    assert not clients.away()
    assert "asks nothing in the other site's region" in items["engine-versions"].evidence
    desk.readiness(world, Asked.BOTH_REGIONS)
    assert clients.away() == {"rds", "lambda"}


def test_in_a_lab_the_other_region_is_asked_at_its_own_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clients = Clients(monkeypatch)
    monkeypatch.setattr(readiness, "unconfirmed", lambda table, now: None)
    world = FakeWorld().ports()
    here = environment(aws=ACCESS)
    compose_desk(here, None).readiness(world, Asked.BOTH_REGIONS)
    assert not clients.away(), "its address is not known here"
    compose_desk(here, environment(EAST, aws=ACCESS)).readiness(world, Asked.BOTH_REGIONS)
    assert clients.away() == {"rds", "lambda"}


def test_who_calls_is_asked_of_the_sites_own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = Clients(monkeypatch, {"Arn": "arn:ada"})
    assert compose_desk(environment(), None).identity() == "arn:ada"
    assert clients.made[-1] == ("us-west-2", "sts")
    Clients(monkeypatch)
    assert compose_desk(environment(), None).identity() is None


def test_without_a_bucket_there_is_no_desk() -> None:
    with pytest.raises(SettingsError, match="EVIDENCE_BUCKET"):
        compose_desk(Parts().parts(WEST).environment, None)
