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
from payment_dr.recovery.readiness_survey import Unconfirmed


class Refusing:
    """A client that may do nothing."""

    def __getattr__(self, _: str) -> Any:
        def refused(*_args: object, **_request: object) -> None:
            raise refusal("AccessDenied")

        return refused


class Clients:
    """Makes clients that refuse everything, and notes for which region each was made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Any = None) -> None:
        self.made: list[tuple[str, str]] = []
        self.answer = answer
        for one in (module, readiness):
            monkeypatch.setattr(one, "aws_client", self.make)

    def make(self, environment: Environment, service: str, _config: object) -> Any:
        self.made.append((environment.here.region, service))
        return Refusing() if self.answer is None else PlannedClient(self.answer)

    def away(self) -> set[str]:
        """Services that east's region was asked for, by west."""
        return {service for region, service in self.made if region == "us-east-1"}


def environment_of(site: str = WEST, **changes: Any) -> Environment:
    return replace(Parts().parts(site).environment, evidence_bucket="bucket", **changes)


ACCESS = AwsAccess(endpoint_url="http://127.0.0.1:1", access_key_id="a", secret_access_key="b")


def test_on_aws_the_other_region_is_asked_only_where_it_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clients = Clients(monkeypatch)
    monkeypatch.setattr(readiness, "unconfirmed", lambda table, now: Unconfirmed(count=0, age_s=0))
    world = FakeWorld().ports()
    desk = compose_desk(environment_of(), None)
    desk.readiness(world, Asked.THIS_REGION)
    assert not clients.away()
    desk.readiness(world, Asked.BOTH_REGIONS)
    assert clients.away() == {"rds", "lambda"}


def test_of_a_failovers_target_little_is_asked_and_in_its_region(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clients = Clients(monkeypatch)
    desk = compose_desk(environment_of(), None)
    before = set(clients.made)
    items = desk.readiness(FakeWorld().ports(), Asked.TARGET)
    assert {item.name for item in items} == {"secrets", "keys"}
    assert {service for _, service in set(clients.made) - before} == {"secretsmanager", "kms"}
    assert not clients.away()


def test_in_a_lab_the_other_region_is_asked_at_its_own_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clients = Clients(monkeypatch)
    monkeypatch.setattr(readiness, "unconfirmed", lambda table, now: Unconfirmed(count=0, age_s=0))
    world = FakeWorld().ports()
    here = environment_of(aws=ACCESS)
    compose_desk(here, None).readiness(world, Asked.BOTH_REGIONS)
    assert not clients.away(), "its address is not known here"
    compose_desk(here, environment_of(EAST, aws=ACCESS)).readiness(world, Asked.BOTH_REGIONS)
    assert clients.away() == {"rds", "lambda"}


def test_who_calls_is_asked_of_the_sites_own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = Clients(monkeypatch, {"Arn": "arn:ada"})
    assert compose_desk(environment_of(), None).identity() == "arn:ada"
    assert clients.made[-1] == ("us-west-2", "sts")
    Clients(monkeypatch)
    assert compose_desk(environment_of(), None).identity() is None


def test_without_a_bucket_there_is_no_desk() -> None:
    with pytest.raises(SettingsError, match="EVIDENCE_BUCKET"):
        compose_desk(Parts().parts(WEST).environment, None)
