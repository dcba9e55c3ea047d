"""Webhooks in a running lab: verified by their receiver, retried, given up, replayed, moved."""

import http.client
import json
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import Any, Final

import pytest
import stripe
import typer
from typer.testing import CliRunner, Result

from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.merchant_directory import MerchantDirectory
from payment_dr.adapters.name_resolver import resolving
from payment_dr.adapters.settings_file import example
from payment_dr.adapters.webhook_sender import WebhookSender
from payment_dr.cli import move, reconcile, settlement, webhooks
from payment_dr.core.settings import FailoverSettings, Settings
from payment_dr.core.stamp import SiteName
from payment_dr.functions.composition import JOBS, compose
from payment_dr.functions.environment import environment_from
from payment_dr.functions.webhooks import deliveries_of, queue_of
from payment_dr.lab.http_call import call_json
from payment_dr.lab.provider.webhooks import event_of, signature
from payment_dr.lab.supervisor import Lab
from payment_dr.lab.webhook_receiver import Manner, WebhookReceiver
from payment_dr.payments.endpoints import CreateEndpoint, Endpoints, EndpointWritten
from payment_dr.payments.jobs.deliverer import Deliverer
from payment_dr.payments.record import payment_id as payment_id_of
from payment_dr.payments.webhooks import secrets_of

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

MERCHANT: Final = "merchant-1"
EAST, WEST = SiteName("east"), SiteName("west")
PATIENCE_S: Final = 40.0
ATTEMPTS: Final = 3


class Shop:
    """A merchant of a lab with a webhook endpoint on loopback."""

    def __init__(self, lab: Lab, receiver: WebhookReceiver) -> None:
        self.lab = lab
        self.receiver = receiver
        self.paid: list[str] = []

    def post(
        self,
        site: SiteName,
        path: str,
        body: bytes,
        headers: dict[str, str],
        method: str = "POST",
    ) -> tuple[int, Any]:
        addresses = self.lab.addresses
        connection = http.client.HTTPConnection(
            addresses.link_address[site], addresses.api_port, timeout=15
        )
        with closing(connection):
            connection.request(method, path, body, {"content-type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def headers(self, key: str, request_id: str) -> dict[str, str]:
        return {
            "authorization": f"Bearer {self.lab.merchant_keys[MERCHANT]}",
            "idempotency-key": key,
            "x-request-id": request_id,
        }

    def ask(self, site: SiteName, key: str, request_id: str = "r") -> tuple[int, Any]:
        headers = self.headers(key, request_id)
        body = json.dumps({"amount": 1000, "currency": "EUR"}).encode()
        return self.post(site, "/v1/payments", body, headers)

    def pay(self, site: SiteName, count: int) -> None:
        for _ in range(count):
            status, body = self.ask(site, str(uuid.uuid4()))
            assert status == 201, body
            self.paid.append(body["payment_id"])

    def has_all(self) -> bool:
        told = {event.payment_id for event in self.receiver.accepted.values()}
        return told == set(self.paid)

    def run(self, *arguments: str) -> Result:
        app = typer.Typer()
        move.register(app)
        webhooks.register(app)
        reconcile.register(app)
        settlement.register(app)
        return CliRunner().invoke(app, [*arguments, "--lab", str(self.lab.directory)])


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        threading.Event().wait(0.05)


def settings() -> Settings:
    made = example("development")
    failover = made.failover.model_dump() | {"min_stay_s": 0}
    return made.model_copy(update={"failover": FailoverSettings.model_validate(failover)})


@contextmanager
def shop(**lab_options: Any) -> Iterator[Shop]:
    with ExitStack() as undo:
        lab = undo.enter_context(Lab(settings(), **lab_options))
        table = lab.settings.resource("table")
        endpoints = Endpoints(
            directory=MerchantDirectory(lab.aws_client("dynamodb", WEST), table),
            clock=SystemClock(),
            random=secrets.token_bytes,
        )
        secret = lab.aws_client("secretsmanager", EAST).get_secret_value(
            SecretId=lab.settings.resource("webhooks")
        )
        master = bytes.fromhex(json.loads(secret["SecretString"])["master"])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])

        def signing() -> tuple[str, ...]:
            return tuple(
                one
                for known in endpoints.all(MERCHANT)
                for one in secrets_of(master, known, time.time())
            )

        receiver = undo.enter_context(WebhookReceiver(port, signing))
        made = endpoints.write(MERCHANT, CreateEndpoint(url=receiver.url, events=("*",)), "first")
        assert isinstance(made, EndpointWritten)
        yield Shop(lab, receiver)


def test_events_are_delivered_from_either_site_before_and_after_the_other_is_lost() -> None:
    with shop() as merchant:
        merchant.pay(EAST, 3)
        merchant.pay(WEST, 2)
        until(merchant.has_all)
        assert {event.order for event in merchant.receiver.accepted.values()} == {1}
        merchant.receiver.behave(Manner.FAIL)
        merchant.pay(EAST, 2)
        merchant.lab.kill_site(EAST)
        merchant.receiver.behave(Manner.ACCEPT)
        merchant.pay(WEST, 2)
        until(merchant.has_all)
        assert all(one.event is not None for one in merchant.receiver.received)


@contextmanager
def deliverer_at(lab: Lab, site: SiteName, *, pauses: list[float]) -> Iterator[Deliverer]:
    """The site's own deliverer in this process; its pauses are noted, and none is waited for."""
    parts = compose(environment_from(lab.environment(site)), JOBS)
    sender = WebhookSender(resolving(), loopback=True, total_s=0.2)
    queue = queue_of(parts.environment)

    def pause(attempt: int, chance: float) -> float | None:
        pauses.append(attempt + 0 * chance)
        return 0.0 if attempt < ATTEMPTS else None

    made = deliveries_of(parts, queue, sender).deliverer
    yield replace(made, pause=pause)
    queue.close()
    sender.close()
    parts.close()


@pytest.mark.parametrize("manner", [Manner.FAIL, Manner.HANG, Manner.REDIRECT])
def test_what_an_endpoint_does_not_take_is_tried_again_given_up_listed_and_replayed(
    quiet_shop: Shop, manner: Manner
) -> None:
    merchant, pauses = quiet_shop, list[float]()
    merchant.receiver.behave(manner)
    merchant.receiver.received.clear()
    merchant.paid.clear()
    merchant.pay(EAST, 1)
    with deliverer_at(merchant.lab, EAST, pauses=pauses) as deliverer:
        runs = [deliverer.run(10) for _ in range(ATTEMPTS)]
        assert sum(run.dead for run in runs) == 1
        assert pauses == [float(attempt) for attempt in range(1, ATTEMPTS + 1)]
        listed = json.loads(merchant.run("webhooks", "list", "--json").stdout)
        assert [(one["attempts"], one["state"]) for one in listed] == [(ATTEMPTS, "dead")]
        event_id = listed[0]["event_id"]
        assert event_id in merchant.run("webhooks", "list").stdout
        merchant.receiver.behave(Manner.ACCEPT)
        again = {
            Manner.FAIL: ("--all-dead",),
            Manner.HANG: ("--endpoint", listed[0]["endpoint_id"]),
            Manner.REDIRECT: (event_id,),
        }[manner]
        assert json.loads(merchant.run("webhooks", "replay", *again, "--json").stdout) == {
            "replayed": 1
        }
        pending = merchant.run("webhooks", "list", "--state", "pending", "--json")
        assert [one["event_id"] for one in json.loads(pending.stdout)] == [event_id]
        assert deliverer.run(10).delivered == 1
    assert merchant.has_all()
    assert {one.event_id for one in merchant.receiver.received} == {event_id}
    assert merchant.run("webhooks", "replay", "--all-dead").exit_code == 1


def test_a_webhook_of_the_provider_finishes_what_nobody_works_on(quiet_shop: Shop) -> None:
    """The provider charged and did not answer in time; nothing else is scheduled here."""
    lab = quiet_shop.lab
    provider = lab.addresses.provider_port
    call_json(provider, "POST", "/_lab/faults", {"hang_after": 1.0, "hang_s": 6.0}, timeout_s=5)
    key = str(uuid.uuid4())
    assert quiet_shop.ask(EAST, key)[0] == 202
    call_json(provider, "POST", "/_lab/faults", {}, timeout_s=5)
    payment_id = payment_id_of(MERCHANT, key)
    found = lab.aws_client("secretsmanager", WEST).get_secret_value(
        SecretId=lab.settings.resource("provider")
    )
    secret = json.loads(found["SecretString"])["webhook_secret"]
    intent = {
        "object": "payment_intent",
        "status": "succeeded",
        "metadata": {"payment_id": payment_id},
    }
    body = json.dumps(event_of(intent)).encode()
    forged = signature(body, "whsec_other", int(time.time()))
    assert quiet_shop.post(WEST, "/provider/events", body, {"stripe-signature": forged})[0] == 400
    signed = signature(body, secret, int(time.time()))
    assert quiet_shop.post(WEST, "/provider/events", body, {"stripe-signature": signed})[0] == 200
    status, answer = quiet_shop.ask(EAST, key)
    assert (status, answer["payment_id"], answer["status"]) == (201, payment_id, "captured")
    assert answer["captured"] == 1000


def lines_of(lab: Lab, site: SiteName) -> list[dict[str, Any]]:
    """What the site's API has logged."""
    text = (lab.directory / "logs" / f"api-{site}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def of_provider(lab: Lab, payment_id: str, charge: str) -> list[str]:
    """The provider finds the payment by the id of its charge's request: those of its refunds."""
    secret = lab.aws_client("secretsmanager", EAST).get_secret_value(
        SecretId=lab.settings.resource("provider")
    )
    provider = stripe.StripeClient(
        json.loads(secret["SecretString"])["api_key"],
        base_addresses={"api": f"http://127.0.0.1:{lab.addresses.provider_port}"},
    ).v1
    found = provider.payment_intents.search({"query": f"metadata['request_id']:'{charge}'"})
    (intent,) = found.data
    assert intent.metadata["payment_id"] == payment_id
    refunds = provider.refunds.list({"payment_intent": intent.id})
    return [one.metadata["request_id"] for one in refunds.data if one.metadata]


def test_one_request_is_found_by_its_id_from_the_log_to_the_webhook(quiet_shop: Shop) -> None:
    """The charge answers to the id of the request that claimed it, the refund to its own."""
    lab = quiet_shop.lab
    quiet_shop.receiver.received.clear()
    charge, again, refund, key = (str(uuid.uuid4()) for _ in range(4))
    paid = quiet_shop.ask(EAST, key, request_id=charge)[1]
    quiet_shop.paid.append(payment_id := paid["payment_id"])
    assert quiet_shop.ask(WEST, key, request_id=again)[1] == paid
    path = f"/v1/payments/{payment_id}/refunds"
    assert (
        quiet_shop.post(EAST, path, b'{"amount": 300}', quiet_shop.headers("b", refund))[0] == 201
    )

    for site, asked in ((EAST, charge), (WEST, again), (EAST, refund)):
        lines = [one for one in lines_of(lab, site) if one.get("request_id") == asked]
        # Whatever else was said of it meanwhile, on a slow machine, names it as well.
        assert [one["payment_id"] for one in lines if one["message"] == "request"] == [payment_id]
        assert not [one for one in lines if one["function_request_id"] == asked]

    item = lab.aws_client("dynamodb", WEST).get_item(
        TableName=lab.settings.resource("table"), Key={"payment_id": {"S": payment_id}}
    )["Item"]
    assert [one["request_id"] for one in json.loads(item["operations"]["S"])] == [charge, refund]

    assert of_provider(lab, payment_id, charge) == [refund]

    for listed in ("/v1/ledger_entries", "/v1/events"):
        rows = quiet_shop.post(EAST, listed, b"", quiet_shop.headers("c", "r"), "GET")[1]["data"]
        told = [row["request_id"] for row in rows if row["payment_id"] == payment_id]
        assert told == [refund, charge]

    with deliverer_at(lab, EAST, pauses=[]) as deliverer:
        assert deliverer.run(10).delivered == 2
    events = [received.event for received in quiet_shop.receiver.received]
    assert {event.request_id for event in events if event} == {charge, refund}


@pytest.fixture(name="quiet_shop", scope="module")
def quiet_shop_fixture() -> Iterator[Shop]:
    """A shop of a lab in which nothing is scheduled."""
    with shop(schedules={}) as merchant:
        yield merchant


def test_ledger_provider_and_table_of_a_lab_agree_and_a_planted_difference_is_told() -> None:
    with shop() as merchant:
        merchant.pay(EAST, 3)
        merchant.pay(WEST, 2)
        until(merchant.has_all)
        for deep in ((), ("--deep",)):
            done = merchant.run("reconcile", *deep, "--json")
            assert (done.exit_code, json.loads(done.stdout)) == (
                0,
                {"payments": 5, "remaining": 0, "differences": []},
            )
        with closing(merchant.lab.connect(EAST)) as ledger:
            ledger.execute(
                "UPDATE ledger.payment SET captured = 1 WHERE payment_id = %s", (merchant.paid[0],)
            )
            ledger.commit()
        found = merchant.run("reconcile")
        assert found.exit_code == 1
        assert f"remains  projection behind  {merchant.paid[0]}" in found.output
        days = ("--merchant", MERCHANT, "--from", "2026-01-01", "--to", "2126-01-01")
        (sums,) = json.loads(merchant.run("settlement", *days, "--json").stdout)["currencies"]
        assert (sums["captured"], sums["net"], sums["entries"]) == (5_000, 5_000, 5)
