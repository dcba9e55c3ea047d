"""The lab's receiver believes only what is signed, and misbehaves as told."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest

from payment_dr.lab import webhook_receiver as module
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.webhook_receiver import Manner, WebhookReceiver
from payment_dr.payments.webhooks import SIGNATURE_HEADER, signature

SECRETS: Final = ("whsec_1",)
BODY: Final = json.dumps(
    {
        "event_id": "e1",
        "type": "payment.captured",
        "order": 1,
        "payment_id": "p1",
        "amount": 5,
        "currency": "EUR",
        "occurred_at": 1.0,
        "payment": {},
    }
).encode()


@pytest.fixture(name="receiver")
def receiver_fixture() -> Iterator[WebhookReceiver]:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = int(probe.getsockname()[1])
    with WebhookReceiver(port, lambda: SECRETS) as receiver:
        yield receiver


def post(receiver: WebhookReceiver, secret: str, timeout_s: float = 20.0) -> int:
    host, _, path = receiver.url.removeprefix("http://").partition("/")
    headers = {SIGNATURE_HEADER: signature([secret], BODY, time.time())}
    with closing(http.client.HTTPConnection(host, timeout=timeout_s)) as connection:
        connection.request("POST", f"/{path}", BODY, headers)
        return connection.getresponse().status


def test_what_is_signed_is_accepted_and_what_is_not_is_refused(receiver: WebhookReceiver) -> None:
    assert post(receiver, "whsec_other") == 400
    assert not receiver.accepted
    assert post(receiver, *SECRETS) == 200
    assert receiver.accepted["e1"].payment_id == "p1"
    assert [one.event is None for one in receiver.received] == [True, False]


@pytest.mark.parametrize(("manner", "status"), [(Manner.FAIL, 500), (Manner.REDIRECT, 307)])
def test_it_fails_or_redirects_when_told_to(
    receiver: WebhookReceiver, manner: Manner, status: int
) -> None:
    receiver.behave(manner)
    assert post(receiver, *SECRETS) == status


def test_it_leaves_the_sender_waiting_when_told_to(receiver: WebhookReceiver) -> None:
    receiver.behave(Manner.HANG)
    with pytest.raises(TimeoutError):
        post(receiver, *SECRETS, timeout_s=0.1)
    assert len(receiver.received) == 1


def test_its_end_waits_for_connections_only_so_long(
    monkeypatch: pytest.MonkeyPatch, receiver: WebhookReceiver
) -> None:
    monkeypatch.setattr(module, "_TURNS_MAX", 0)
    assert post(receiver, *SECRETS) == 200
