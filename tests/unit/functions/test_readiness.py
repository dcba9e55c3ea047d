"""The function that judges readiness: what it asks, answers and publishes."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fakes.composed import SETTINGS
from fakes.planned_client import refusal
from fakes.recovery_world import EAST, WEST, FakeWorld
from fakes.scene import PAY, Scene
from payment_dr.core.errors import UnavailableError
from payment_dr.functions import readiness as module
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.functions.environment import Environment
from payment_dr.functions.recovery_composition import Recovery
from payment_dr.recovery.readiness_survey import ReadinessSurvey, Unconfirmed


class RefusingClient:
    """Every call is refused, but DynamoDB's queries find nothing."""

    def __init__(self, service: str, region: str, asked: list[str]) -> None:
        self._service = service
        self._region = region
        self._asked = asked

    def __getattr__(self, action: str) -> Callable[..., Any]:
        def act(*_: object, **request: Any) -> Any:
            self._asked.append(f"{self._region} {self._service} {action} {sorted(request.items())}")
            if self._service == "dynamodb":
                return {"Items": []}
            raise refusal("AccessDenied", 403)

        return act


class Site:
    """West's function over a fake world."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = FakeWorld()
        self.asked: list[str] = []
        self.closed = 0
        variables = {
            "PAYMENT_DR_SITE": "west",
            "PAYMENT_DR_SETTINGS": SETTINGS.model_dump_json(),
            "PAYMENT_DR_LEDGER_HOST": "127.0.0.1",
            "PAYMENT_DR_LEDGER_PORT": "1",
            "PAYMENT_DR_EVIDENCE_BUCKET": "evidence",
        }
        monkeypatch.setattr(module, "environ", variables)
        monkeypatch.setattr(module, "configure_logs", lambda: None)
        monkeypatch.setattr(module, "compose_recovery", self.recovery)
        monkeypatch.setattr(module, "aws_client", self.client)

    def recovery(self, environment: Environment) -> Recovery:
        heartbeats: Any = None
        return Recovery(
            environment=environment,
            world=self.world.ports(),
            heartbeats=heartbeats,
            close=self.close,
        )

    def close(self) -> None:
        self.closed += 1

    def client(self, environment: Environment, service: str, _config: Any) -> RefusingClient:
        return RefusingClient(service, environment.here.region, self.asked)


@pytest.fixture(name="site")
def site_fixture(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


def items(document: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {item["name"]: item for item in document["items"]}


def test_what_does_not_answer_is_unknown_and_the_site_is_not_ready(site: Site) -> None:
    document = module.handler({}, None)
    judged = items(document)
    assert document["ready"] is False
    assert document["blocking"] == []
    assert judged["standby-member"]["state"] == "ok"
    assert judged["replication-lag"]["state"] == "ok"
    assert judged["unconfirmed-count"]["evidence"] == "0 records, at most 100000"
    assert judged["keys"]["state"] == "unknown"
    assert "kms:DescribeKey alias/payments-data-west-dev" in judged["keys"]["evidence"]
    assert site.closed == 1


def test_both_regions_are_asked_for_what_must_be_equal_and_only_the_own_for_the_rest(
    site: Site,
) -> None:
    module.handler({}, None)
    away = [call.split()[1] for call in site.asked if call.startswith("us-east-1")]
    assert set(away) == {"rds", "lambda"}
    assert any("payments-cluster-east-dev" in call for call in site.asked)


def test_an_item_that_failed_blocks_and_is_named(site: Site) -> None:
    site.world.ledgers[WEST].writable = True
    site.world.writer = WEST
    document = module.handler({}, None)
    assert document["blocking"] == ["standby-member", "replication-lag"]


def test_without_the_control_record_who_stands_by_is_unknown_too(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_self: object) -> Any:
        raise UnavailableError("the control record")

    monkeypatch.setattr(type(site.world.ports().control), "read", gone)
    judged = items(module.handler({}, None))
    assert judged["standby-member"]["state"] == "unknown"
    assert judged["replication-lag"]["evidence"] == "the control record"


def published(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(line)["fields"] for line in caplog.records if line.message == "metrics"]


def test_counts_and_items_are_published_and_an_unknown_item_publishes_nothing(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.world.writer = WEST
    caplog.set_level(logging.INFO, "payment_dr")
    document = module.handler({}, None)
    counts, *per_item = published(caplog)
    states = [item["state"] for item in document["items"]]
    assert counts["ReadinessBlocking"] == 1
    assert counts["ReadinessFailed"] == states.count("failed") == 1
    assert counts["ReadinessUnknown"] == states.count("unknown")
    assert "CertificateDaysLeft" not in counts
    assert {one["Item"]: one["ReadinessItem"] for one in per_item} == {
        item["name"]: float(item["state"] == "ok")
        for item in document["items"]
        if item["state"] != "unknown"
    }
    (directive,) = per_item[0]["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Site", "Item"]]


def test_days_left_of_the_certificate_are_published(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = module.survey

    def with_days(*given: Any) -> ReadinessSurvey:
        return replace(asked(*given), certificate_days=45.5)

    monkeypatch.setattr(module, "survey", with_days)
    caplog.set_level(logging.INFO, "payment_dr")
    module.handler({}, None)
    assert published(caplog)[0]["CertificateDaysLeft"] == 45.5
    assert site.closed == 1


def test_the_peer_is_lost_by_two_signals_only(site: Site) -> None:
    ports = site.world.ports()
    assert not module.peer_lost(ports, WEST, EAST)
    site.world.east_healthy = False
    assert module.peer_lost(ports, WEST, EAST)
    assert module.handler({}, None)["peer_lost"] is True
    site.world.east_healthy = True
    site.world.control = replace(site.world.control, active=WEST)
    assert not module.peer_lost(ports, WEST, EAST)


def test_the_unconfirmed_are_counted_and_the_oldest_is_timed() -> None:
    scene = Scene()
    now = scene.clock.now()
    assert module.unconfirmed(scene.table, now) == Unconfirmed(count=0, age_s=0)
    scene.paid()
    written = scene.record.updated_at
    scene.service_at(WEST).pay(replace(PAY, idempotency_key="another"))
    assert module.unconfirmed(scene.table, written + 60) == Unconfirmed(count=2, age_s=60)


def test_every_function_of_the_catalogue_is_asked_for(site: Site) -> None:
    module.handler({}, None)
    first = next(call for call in site.asked if "get_function_configuration" in call)
    assert "payments-api-west-dev" in first
    assert FUNCTIONS[0].name == "api"
