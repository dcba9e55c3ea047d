"""`payment-dr webhooks`: what is asked for is checked; what it does is tested in a lab."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from fakes.composed import SETTINGS, FakeWorld
from fakes.operating import Office
from payment_dr.adapters.delivery_queue import ListedDelivery
from payment_dr.cli import webhooks, writer
from payment_dr.cli.target import Target
from payment_dr.cli.writer import Writer
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.payments.deliveries import DeliveryState
from payment_dr.recovery.control import ControlRecord, Phase

EVENT = "0b1e7a3c-5f0e-4c1e-9d57-0c8a4f5f8c11"
EAST, WEST = SiteName("east"), SiteName("west")


def delivery(state: DeliveryState) -> ListedDelivery:
    return ListedDelivery(
        event_id=EVENT,
        endpoint_id="we_1",
        merchant="shop",
        type="payment.captured",
        attempts=3,
        state=state,
        next_at=60.0,
        last_status=None,
        last_error=None,
        updated_at=30.0,
    )


@dataclass
class FakeQueue:
    found: int = 1
    asked: list[tuple[str, ...]] = field(default_factory=list)
    closed: int = 0
    office: Office = field(default_factory=Office)

    def listed(self, state: DeliveryState, limit: int) -> tuple[ListedDelivery, ...]:
        self.asked.append(("listed", state, str(limit)))
        return (delivery(state),)

    def replay_event(self, event_id: str, now: float) -> int:
        return self._replay("event", event_id, now)

    def replay_endpoint(self, endpoint_id: str, now: float) -> int:
        return self._replay("endpoint", endpoint_id, now)

    def replay_dead(self, now: float) -> int:
        return self._replay("dead", "", now)

    def _replay(self, what: str, which: str, now: float) -> int:
        assert now > 0
        self.asked.append((what, which))
        return self.found

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(name="queue")
def queue_fixture(monkeypatch: pytest.MonkeyPatch) -> FakeQueue:
    queue = FakeQueue()
    monkeypatch.setattr(webhooks, "active_environment", lambda lab: lab)
    monkeypatch.setattr(webhooks, "queue_of", lambda _environment: queue)
    monkeypatch.setattr(webhooks, "audited_at", queue.office.audited_at)
    return queue


def run(*arguments: str) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    webhooks.register(app)
    return CliRunner().invoke(app, ["webhooks", *arguments])


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ((EVENT,), ("event", EVENT)),
        (("--endpoint", "we_1"), ("endpoint", "we_1")),
        (("--all-dead",), ("dead", "")),
    ],
)
def test_one_event_one_endpoint_or_all_dead_letters_are_replayed(
    queue: FakeQueue, arguments: tuple[str, ...], asked: tuple[str, str]
) -> None:
    done = run("replay", *arguments, "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"replayed": 1})
    assert queue.asked == [asked]
    assert queue.closed == 1
    started, finished = (queue.office.audit.kept[number].deed for number in (1, 2))
    assert started.reason == (asked[1] or "every dead letter")
    assert finished.detail == "1 deliveries will be sent again"


def test_nothing_to_replay_is_exit_code_1(queue: FakeQueue) -> None:
    queue.found = 0
    done = run("replay", "--all-dead")
    assert done.exit_code == 1
    assert "0 deliveries will be sent again" in done.output


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("replay",), "give one of"),
        (("replay", EVENT, "--all-dead"), "give one of"),
        (("replay", "evt_1"), "no event's id"),
        (("list", "--state", "delivered"), "no state 'delivered'; there are dead, pending"),
    ],
)
def test_what_makes_no_sense_is_refused(
    queue: FakeQueue, arguments: tuple[str, ...], error: str
) -> None:
    done = run(*arguments)
    assert isinstance(done.exception, PaymentDrError)
    assert error in done.exception.what
    assert not queue.asked


@pytest.mark.parametrize(
    ("state", "next_at"), [("dead", None), ("pending", "1970-01-01T00:01:00+00:00")]
)
def test_deliveries_are_listed_for_people_and_for_programs(
    queue: FakeQueue, state: str, next_at: str | None
) -> None:
    (shown,) = json.loads(run("list", "--state", state, "--json").stdout)
    assert (shown["event_id"], shown["state"], shown["next_at"]) == (EVENT, state, next_at)
    text = run("list", "--state", state, "--limit", "5").output
    assert f"{EVENT} we_1 shop payment.captured attempts=3\n" in text
    assert queue.asked == [("listed", state, "100"), ("listed", state, "5")]


def control(active: SiteName = WEST) -> ControlRecord:
    return ControlRecord(
        active=active, epoch=Epoch(2), phase=Phase.STEADY, move=None, version=1, changed_at=0.0
    )


def target(*sites: str) -> Target:
    world = FakeWorld()
    return Target(
        settings=SETTINGS,
        environments={SiteName(site): world.parts(site).environment for site in sites},
    )


def test_the_active_site_is_asked_of_whichever_site_answers() -> None:
    def answer(environment: Any) -> ControlRecord:
        if environment.site == EAST:
            raise UnavailableError("down")
        return control()

    assert Writer(target=target("east", "west"), control=answer).environment().site == WEST


def test_without_any_site_that_answers_it_is_unavailable() -> None:
    def silent(_environment: object) -> ControlRecord:
        raise UnavailableError("down")

    with pytest.raises(UnavailableError, match="east: down; west: down"):
        Writer(target=target("east", "west"), control=silent).environment()


def test_in_another_sites_environment_it_says_where_to_run() -> None:
    with pytest.raises(PaymentDrError, match="west is active") as caught:
        Writer(target=target("east"), control=lambda _environment: control()).environment()
    assert "PAYMENT_DR_SITE=west" in caught.value.remedy


def test_the_control_record_is_read_from_the_table_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Table:
        def __init__(self, client: str, name: str) -> None:
            assert (client, name) == ("dynamodb", SETTINGS.resource("table"))

        def read(self) -> ControlRecord:
            return control(EAST)

    monkeypatch.setattr(writer, "aws_client", lambda _environment, service, _config: service)
    monkeypatch.setattr(writer, "DynamoControlTable", Table)
    monkeypatch.setattr(writer, "target_of", lambda _lab: target("east", "west"))
    assert writer.active_environment(None).site == EAST
