"""The simulated provider tells of what it did, as often as it is told to, and signs it."""

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from fakes.loop_thread import LoopThread
from payment_dr.adapters.stripe_events import payment_of
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.http_server import HttpServer, Request, Response
from payment_dr.lab.provider.service import Provider
from payment_dr.lab.provider.store import Store
from payment_dr.lab.provider.webhooks import event_of

PAYMENT = "0b1e7a3c-5f0e-4c1e-9d57-0c8a4f5f8c11"
CHARGE = (
    "amount=500&currency=eur&confirm=true&payment_method={method}&capture_method={capture}"
    f"&metadata[payment_id]={PAYMENT}"
)
SIGNING = "whsec_of_the_lab"


class Telling:
    """A provider and whoever it tells."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.provider = Provider(self.store)
        self.told: list[Request] = []
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            self.port = int(probe.getsockname()[1])
        self.listener = HttpServer(self.port, self.listen)

    async def listen(self, request: Request) -> Response:
        self.told.append(request)
        return Response(status=200)

    async def call(self, path: str, body: str) -> Any:
        answer = await self.provider.serve(
            Request(
                method="POST",
                path=path,
                query="",
                headers={"authorization": "Bearer sk_test_x"},
                body=body.encode(),
            )
        )
        return json.loads(answer.body)

    async def told_to(self, **more: object) -> Any:
        target = {"url": f"http://{LOOPBACK}:{self.port}/events", "secret": SIGNING, **more}
        return await self.call("/_lab/webhooks", json.dumps(target))

    async def quiet(self) -> None:
        while self.provider.webhooks.under_way:
            await asyncio.gather(*self.provider.webhooks.under_way)

    @property
    def types(self) -> list[str]:
        return [json.loads(request.body)["type"] for request in self.told]


@pytest.fixture(name="telling")
def telling_fixture(tmp_path: Path) -> Iterator[tuple[Telling, LoopThread]]:
    with LoopThread() as loop:
        telling = loop.call(Telling, tmp_path / "provider.sqlite")
        loop.open(telling.listener)
        yield telling, loop
        loop.call(telling.listener.refuse)
        loop.call(telling.store.close)


def charge(method: str = "pm_card_visa", capture: str = "automatic") -> str:
    return CHARGE.format(method=method, capture=capture)


def test_every_change_is_told_with_the_payment_that_it_is_about(
    telling: tuple[Telling, LoopThread],
) -> None:
    telling_, loop = telling

    async def scenario() -> None:
        assert await telling_.told_to() == {"told": True}
        captured = await telling_.call("/v1/payment_intents", charge())
        held = await telling_.call("/v1/payment_intents", charge(capture="manual"))
        await telling_.call(f"/v1/payment_intents/{held['id']}/cancel", "")
        await telling_.call("/v1/payment_intents", charge("pm_card_visa_chargeDeclined"))
        refund = f"payment_intent={captured['id']}&metadata[payment_id]={PAYMENT}"
        await telling_.call("/v1/refunds", refund)
        await telling_.quiet()

    loop.run(scenario())
    assert sorted(telling_.types) == [
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
        "refund.created",
    ]
    for request in telling_.told:
        assert payment_of(request.body, request.headers["stripe-signature"], SIGNING) == PAYMENT
        stripe.Webhook.construct_event(request.body, request.headers["stripe-signature"], SIGNING)


def test_it_can_repeat_itself_and_stop(telling: tuple[Telling, LoopThread]) -> None:
    telling_, loop = telling

    async def scenario() -> None:
        await telling_.told_to(copies=3)
        await telling_.call("/v1/payment_intents", charge())
        await telling_.quiet()
        assert await telling_.call("/_lab/webhooks", "null") == {"told": False}
        await telling_.call("/v1/payment_intents", charge())
        await telling_.quiet()

    loop.run(scenario())
    assert len(telling_.told) == 3


def test_nobody_listening_is_no_trouble(telling: tuple[Telling, LoopThread]) -> None:
    telling_, loop = telling

    async def scenario() -> Any:
        await telling_.told_to(url=f"http://{LOOPBACK}:1/events")
        charged = await telling_.call("/v1/payment_intents", charge())
        await telling_.quiet()
        return charged

    assert loop.run(scenario())["status"] == "succeeded"


@pytest.mark.parametrize("bad", [{"url": "http://example.com/"}, {"secret": ""}, {"copies": 9}])
def test_a_target_that_cannot_be_used_is_refused(
    telling: tuple[Telling, LoopThread], bad: dict[str, object]
) -> None:
    telling_, loop = telling
    assert "error" in loop.run(telling_.told_to(**bad))
    assert telling_.provider.webhooks.target is None


def test_what_changed_nothing_is_no_event() -> None:
    assert event_of({"error": {"type": "invalid_request_error"}}) is None
