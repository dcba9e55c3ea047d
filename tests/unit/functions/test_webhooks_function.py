"""The scheduled deliverer: once, or until shortly before its next call; its metrics."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fakes.composed import SETTINGS, FakeWorld
from fakes.control import WEST
from fakes.deliveries import Delivering, FakeQueue, GatedQueue, endpoint
from payment_dr.adapters.delivery_queue import PostgresDeliveryQueue
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.functions import webhooks as module
from payment_dr.functions.composition import JOBS
from payment_dr.functions.metrics import Metric
from payment_dr.functions.webhooks import (
    DELIVER_EVENT,
    PAUSE_S,
    Deliveries,
    deliver,
    deliveries_of,
    endpoints_of,
    measured,
    purge,
    queue_of,
)
from payment_dr.infra.constructs.schedules import EVENTS
from payment_dr.lab import webhook_delivery
from payment_dr.payments.deliveries import Answered, Backlog
from payment_dr.payments.merchants import Merchant
from payment_dr.payments.ports import ControlView


@pytest.fixture(name="queue")
def queue_fixture() -> FakeQueue:
    return FakeQueue()


@pytest.fixture(name="site")
def site_fixture(queue: FakeQueue) -> Delivering:
    return Delivering(queue=queue)


def parts_of(site: Delivering) -> Deliveries:
    return Deliveries(
        deliverer=site.deliverer(),
        queue=site.queue,
        clock=site.clock,
        site=SiteName("east"),
        delivered_age_days=30,
    )


def test_without_a_time_it_is_one_run(site: Delivering, queue: FakeQueue) -> None:
    queue.book("event-1")
    before = site.clock.monotonic()
    done = deliver(parts_of(site), 0)
    assert done == {"planned": 1, "delivered": 1, "failed": 0, "dead": 0, "active": True}
    assert site.clock.monotonic() == before


def test_with_a_time_it_looks_again_until_the_time_is_over(
    site: Delivering, queue: FakeQueue
) -> None:
    site.endpoints.answers[endpoint().url] = Answered(status=500)
    queue.book("event-1")
    before = site.clock.monotonic()
    done = deliver(parts_of(site), 45.0)
    assert (done["planned"], done["failed"]) == (1, 3)
    assert 45 - 2 * PAUSE_S <= site.clock.monotonic() - before <= 45


def test_a_call_ends_whatever_the_clock_does(
    site: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RUNS_MAX", 2)
    before = site.clock.monotonic()
    deliver(parts_of(site), 45.0)
    assert site.clock.monotonic() - before == 2 * PAUSE_S


def test_the_site_that_is_not_active_publishes_nothing(
    site: Delivering, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "payment_dr")
    site.control.view = ControlView(steady=True, active=WEST, epoch=Epoch(1))
    assert deliver(parts_of(site), 0)["active"] is False
    assert [record.message for record in caplog.records] == ["webhooks"]


def test_what_was_delivered_long_ago_is_removed_and_nothing_else(
    site: Delivering, queue: FakeQueue
) -> None:
    other = endpoint(2)
    site.endpoints.by_merchant["shop"] = (endpoint(), other)
    site.endpoints.answers[other.url] = Answered(status=500)
    queue.book("old")
    deliver(parts_of(site), 0)
    site.clock.advance(30 * 86_400)
    queue.book("new")
    deliver(parts_of(site), 0)
    assert set(queue.rows) == {("old", "we_1"), ("old", "we_2"), ("new", "we_1"), ("new", "we_2")}
    site.clock.advance(1)
    deliver(parts_of(site), 0)
    assert set(queue.rows) == {("old", "we_2"), ("new", "we_1"), ("new", "we_2")}


def test_a_call_removes_many_at_a_time_until_its_time_is_over(
    site: Delivering, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PURGE_BATCH", 2)
    queue.book(*(f"event-{number}" for number in range(7)))
    deliver(parts_of(site), 0)
    site.clock.advance(31 * 86_400)
    parts = parts_of(site)

    def slowly(_name: str, act: Callable[[], Any]) -> Any:
        site.clock.advance(2)
        return act()

    slow = replace(parts, queue=GatedQueue(queue, slowly))
    assert purge(slow) == 4
    monkeypatch.setattr(module, "_PURGES_MAX", 1)
    assert purge(parts) == 2
    assert purge(parts) == 1
    assert purge(parts) == 0


def test_the_active_site_publishes_what_waits(
    site: Delivering, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "payment_dr")
    deliver(parts_of(site), 0)
    fields: dict[str, Any] = vars(caplog.records[-1])["fields"]
    assert (fields["WebhookDead"], fields["WebhookOldestPendingSeconds"]) == (0, 0)


@pytest.mark.parametrize(("due_since", "waited"), [(None, 0.0), (90.0, 10.0), (101.0, 0.0)])
def test_the_oldest_delivery_is_measured_from_when_it_was_due(
    due_since: float | None, waited: float
) -> None:
    values = measured(Backlog(dead=3, due_since=due_since), 100.0)
    assert values == {Metric.WEBHOOK_DEAD: 3, Metric.WEBHOOK_OLDEST: waited}


def test_the_schedule_asks_for_what_the_function_offers() -> None:
    assert EVENTS["webhooks"] == DELIVER_EVENT


def test_endpoints_are_the_merchants_own_and_one_without_an_item_has_none() -> None:
    world = FakeWorld()
    endpoints = endpoints_of(world.parts("east"))
    made = Merchant(merchant="with-endpoint", created_at=1.0, endpoints=(endpoint(),))
    world.directory.add_merchant(made)
    assert endpoints("with-endpoint") == (endpoint(),)
    assert endpoints("nobody") == ()


@pytest.mark.parametrize("handling", [module, webhook_delivery])
def test_a_process_builds_its_deliverer_once(
    handling: Any, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, built = FakeWorld(), []

    def composed(role: object) -> Any:
        built.append(role)
        return world.parts("west")

    monkeypatch.setattr(handling, "composition", composed)
    monkeypatch.setattr(handling, "queue_of", lambda _environment: queue)
    vars(handling)["_built"].cache_clear()
    for _ in range(2):
        assert handling.handler({"for_s": 0}, None)["active"] is False
    vars(handling)["_built"].cache_clear()
    assert built == [JOBS]


def test_it_delivers_for_its_own_site(queue: FakeQueue) -> None:
    world = FakeWorld()
    queue.book("event-1", merchant="shop")
    at_east = deliveries_of(world.parts("east"), queue, Delivering(queue=queue).endpoints)
    assert at_east.deliverer.run(10).planned == 1
    assert replace(at_east.deliverer, site=SiteName("west")).run(10).active is False


def test_the_queue_is_in_the_ledger_of_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Secret(dict[str, str]):
        def __call__(self) -> "Secret":
            return self

        def doubt(self) -> None:
            asked.append("doubt")

    def secret_of(_environment: object, thing: str, _clock: object) -> Secret:
        asked.append(thing)
        return Secret(username="u", password="p")

    monkeypatch.setattr(module, "secret_of", secret_of)
    queue = queue_of(FakeWorld().parts("east").environment)
    assert isinstance(queue, PostgresDeliveryQueue)
    queue.close()
    assert asked[0] == "ledger"
    assert SETTINGS.home == "east"
