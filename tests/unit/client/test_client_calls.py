"""The client against a real server: one key, tried until the outcome is known."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.scripted_server import Scripted, ScriptedServer
from payment_dr.client import (
    DeclinedError,
    KeyJournal,
    OutcomeUnknownError,
    Payment,
    PaymentClient,
    RefusedError,
)
from payment_dr.client import client as calls
from payment_dr.core.errors import PaymentDrError

PAYMENT: dict[str, Any] = {
    "payment_id": "p-1",
    "status": "captured",
    "amount": 1250,
    "currency": "EUR",
    "captured": 1250,
    "refunded": 0,
    "new_field": "ignored",
}
CREATED = Scripted(status=201, body=PAYMENT)
UNAVAILABLE = Scripted(status=503, body={"code": "unavailable"}, headers={"retry-after": "2"})
DROPPED = Scripted(drop=True)


class Service:
    """A scripted service, and clients of it that never really wait."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.clock = FakeClock()
        self.server = ScriptedServer(CREATED)

    def answers(self, *script: Scripted) -> PaymentClient:
        self.server = self.stack.enter_context(ScriptedServer(*script).running())
        return self.client()

    def client(self, url: str = "", **options: Any) -> PaymentClient:
        client = PaymentClient(url or self.server.url, "sk_test_x", clock=self.clock, **options)
        return self.stack.enter_context(client)

    @property
    def keys(self) -> list[str]:
        return [asked.headers["idempotency-key"] for asked in self.server.asked]


@pytest.fixture(name="service")
def fixture_service() -> Iterator[Service]:
    with ExitStack() as stack:
        yield Service(stack)


def pay(client: PaymentClient, **changes: Any) -> Payment:
    return client.pay(**{"amount": 1250, "currency": "EUR", "payment_method": "pm", **changes})


def test_a_payment_is_sent_once_and_read(service: Service) -> None:
    payment = pay(service.answers(CREATED), metadata={"order": "17"}, key="order-17")
    assert (payment.payment_id, payment.captured, payment.replayed) == ("p-1", 1250, False)
    (asked,) = service.server.asked
    assert (asked.method, asked.path) == ("POST", "/v1/payments")
    assert asked.headers["authorization"] == "Bearer sk_test_x"
    assert service.keys == ["order-17"]
    assert json.loads(asked.body) == {
        "amount": 1250,
        "currency": "EUR",
        "payment_method": "pm",
        "capture": True,
        "metadata": {"order": "17"},
    }


def test_without_a_key_each_payment_gets_one_of_its_own(service: Service) -> None:
    client = service.answers(CREATED)
    pay(client)
    pay(client)
    assert len(set(service.keys)) == 2


@pytest.mark.parametrize(
    "trouble",
    [DROPPED, UNAVAILABLE, Scripted(status=202), Scripted(status=409), Scripted(status=500),
     Scripted(status=429), Scripted(status=504)],
)  # fmt: skip
def test_what_is_not_known_is_tried_again_with_the_same_key(
    service: Service, trouble: Scripted
) -> None:
    assert pay(service.answers(trouble, trouble, CREATED)).status == "captured"
    assert len(service.keys) == 3
    assert len(set(service.keys)) == 1
    assert len({asked.body for asked in service.server.asked}) == 1


def test_a_replayed_answer_says_so(service: Service) -> None:
    replayed = Scripted(status=201, body=PAYMENT, headers={"Idempotent-Replayed": "true"})
    assert pay(service.answers(DROPPED, replayed)).replayed


def test_it_waits_as_long_as_the_service_asks(service: Service) -> None:
    began = service.clock.monotonic()
    pay(service.answers(UNAVAILABLE, CREATED))
    assert service.clock.monotonic() - began == 2.0


def test_a_decline_is_an_error_with_the_payment(service: Service) -> None:
    body = {**PAYMENT, "status": "declined", "captured": 0, "decline_code": "card_declined"}
    with pytest.raises(DeclinedError, match="card_declined") as caught:
        pay(service.answers(Scripted(status=402, body=body)))
    assert caught.value.payment.payment_id == "p-1"
    assert len(service.keys) == 1


def test_a_refusal_is_an_error_with_its_code(service: Service) -> None:
    body = {"code": "currency_unknown", "detail": "XXX is none"}
    with pytest.raises(RefusedError, match="currency_unknown") as caught:
        pay(service.answers(Scripted(status=400, body=body)))
    assert caught.value.status == 400


def test_a_refusal_after_a_doubtful_try_leaves_the_outcome_unknown(service: Service) -> None:
    unauthorised = Scripted(status=401, body={"code": "unauthorised"})
    with pytest.raises(OutcomeUnknownError) as caught:
        pay(service.answers(DROPPED, unauthorised), key="k")
    assert caught.value.key == "k"
    assert not caught.value.definite


def test_a_decline_settles_what_an_earlier_try_did(service: Service) -> None:
    body = {**PAYMENT, "decline_code": "card_declined"}
    with pytest.raises(DeclinedError):
        pay(service.answers(DROPPED, Scripted(status=402, body=body)))


def test_at_the_deadline_the_caller_is_told_the_key(service: Service) -> None:
    service.answers(UNAVAILABLE)
    client = service.client(deadline_s=20)
    with pytest.raises(OutcomeUnknownError, match="HTTP 503") as caught:
        pay(client)
    assert set(service.keys) == {caught.value.key}
    assert len(service.keys) > 5


def test_tries_are_bounded_however_long_the_deadline(service: Service) -> None:
    service.answers(Scripted(status=500))
    with pytest.raises(OutcomeUnknownError):
        pay(service.client(deadline_s=1e9))
    assert len(service.keys) == 30


def test_nobody_there_is_an_outcome_that_is_known(service: Service) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(OutcomeUnknownError, match="refused"):
        pay(service.client(url, deadline_s=5))


def test_after_a_failure_it_connects_anew(service: Service) -> None:
    client = service.answers(CREATED, CREATED, Scripted(status=503), CREATED)
    for _ in range(3):
        pay(client)
    first, second, third, fourth = (asked.connection for asked in service.server.asked)
    assert first == second == third
    assert fourth != third


def test_an_old_connection_is_not_used_for_ever(service: Service) -> None:
    service.answers(CREATED)
    client = service.client(dns_s=0)
    pay(client)
    pay(client)
    assert len({asked.connection for asked in service.server.asked}) == 2


def test_captures_refunds_and_voids_name_their_payment(service: Service) -> None:
    client = service.answers(CREATED)
    client.capture("p-1", amount=400, key="c")
    client.refund("p-1", amount=300, key="r")
    client.void("p/1", key="v")
    assert [asked.path for asked in service.server.asked] == [
        "/v1/payments/p-1/captures",
        "/v1/payments/p-1/refunds",
        "/v1/payments/p%2F1/void",
    ]
    assert service.keys == ["c", "r", "v"]


def test_a_payment_is_read_without_a_key(service: Service) -> None:
    client = service.answers(Scripted(status=200, body=PAYMENT))
    assert client.payment("p-1").amount == 1250
    assert "idempotency-key" not in service.server.asked[0].headers


def test_lists_are_read_to_their_end_page_by_page(service: Service) -> None:
    first = Scripted(body={"data": [{"id": 1}], "has_more": True, "next_cursor": "abc"})
    last = Scripted(body={"data": [{"id": 2}], "has_more": False, "next_cursor": None})
    client = service.answers(first, last)
    assert [row["id"] for row in client.payments(limit=1)] == [1, 2]
    assert [a.path for a in service.server.asked] == [
        "/v1/payments?limit=1",
        "/v1/payments?limit=1&cursor=abc",
    ]


def test_events_entries_balances_and_endpoints_are_read(service: Service) -> None:
    client = service.answers(Scripted(body={"data": [], "has_more": False}))
    assert not list(client.events())
    assert not list(client.entries())
    assert client.balances()["data"] == []
    assert client.webhook_endpoints()["data"] == []
    assert [asked.path.partition("?")[0] for asked in service.server.asked] == [
        "/v1/events",
        "/v1/ledger_entries",
        "/v1/balances",
        "/v1/webhook_endpoints",
    ]


def test_webhook_endpoints_are_created_rotated_and_disabled_each_under_a_key(
    service: Service, tmp_path: Path
) -> None:
    service.answers(UNAVAILABLE, Scripted(status=201, body={"endpoint_id": "e 1", "secret": "s"}))
    journal = KeyJournal(tmp_path / "keys.db")
    service.stack.callback(journal.close)
    client = service.client(journal=journal)
    made = client.create_webhook_endpoint("https://shop.example/hook", key="first")
    assert made["secret"] == "s"
    client.rotate_webhook_secret("e 1", overlap_s=0)
    client.disable_webhook_endpoint("e 1")
    assert [(asked.path, asked.body) for asked in service.server.asked[1:]] == [
        ("/v1/webhook_endpoints", b'{"url":"https://shop.example/hook","events":["*"]}'),
        ("/v1/webhook_endpoints/e%201/rotate_secret", b'{"overlap_s":0}'),
        ("/v1/webhook_endpoints/e%201/disable", b"{}"),
    ]
    assert service.keys[:2] == ["first", "first"]
    assert len({*service.keys[1:]}) == 3
    assert not journal.unresolved()


def test_balances_that_are_refused_are_an_error(service: Service) -> None:
    with pytest.raises(RefusedError, match="unauthorised"):
        service.answers(Scripted(status=401, body={"code": "unauthorised"})).balances()


def test_balances_that_cannot_be_read_are_an_error(service: Service) -> None:
    with pytest.raises(RefusedError, match="unreadable"):
        service.answers(Scripted(body=b"<html>")).balances()


def test_a_list_without_end_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_PAGES_MAX", 3)
    client = service.answers(Scripted(body={"data": [], "has_more": True, "next_cursor": "a"}))
    with pytest.raises(RefusedError, match="more than 3 pages"):
        list(client.events())


def test_a_list_that_is_refused_is_an_error(service: Service) -> None:
    with pytest.raises(RefusedError, match="forbidden"):
        list(service.answers(Scripted(status=403, body={"code": "forbidden"})).payments())


@pytest.mark.parametrize(("status", "body"), [(201, b"<html>"), (400, b"<html>"), (201, b"{}")])
def test_an_answer_that_cannot_be_read_is_no_success(
    service: Service, status: int, body: bytes
) -> None:
    with pytest.raises(RefusedError, match=r"unreadable|cannot be read"):
        pay(service.answers(Scripted(status=status, body=body)))


def test_the_key_is_kept_before_anything_is_sent_and_until_it_is_settled(
    service: Service, tmp_path: Path
) -> None:
    journal = KeyJournal(tmp_path / "keys.db")
    service.answers(Scripted(status=500))
    client = service.client(deadline_s=5, journal=journal)
    with pytest.raises(OutcomeUnknownError):
        pay(client, key="order-1")
    journal.close()
    # The process ends here; another one starts.
    kept = KeyJournal(tmp_path / "keys.db")
    (unresolved,) = kept.unresolved()
    assert (unresolved.key, unresolved.path) == ("order-1", "/v1/payments")
    service.server.script = [CREATED]
    (settled,) = service.client(journal=kept).resume()
    assert isinstance(settled, Payment)
    assert set(service.keys) == {"order-1"}
    assert len({asked.body for asked in service.server.asked}) == 1
    assert not kept.unresolved()
    assert service.client(journal=kept).resume() == ()
    kept.close()


def test_what_is_resumed_to_a_decline_is_settled_too(service: Service, tmp_path: Path) -> None:
    journal = KeyJournal(tmp_path / "keys.db")
    service.answers(Scripted(status=500))
    with pytest.raises(OutcomeUnknownError):
        pay(service.client(deadline_s=5, journal=journal))
    service.server.script = [Scripted(status=402, body=PAYMENT)]
    (settled,) = service.client(journal=journal).resume()
    assert isinstance(settled, DeclinedError)
    assert not journal.unresolved()
    journal.close()


def test_without_a_journal_there_is_nothing_to_resume(service: Service) -> None:
    assert not service.answers(CREATED).resume()


def test_a_key_under_way_is_not_taken_for_another_request(service: Service, tmp_path: Path) -> None:
    journal = KeyJournal(tmp_path / "keys.db")
    service.answers(Scripted(status=500))
    client = service.client(deadline_s=5, journal=journal)
    with pytest.raises(OutcomeUnknownError):
        pay(client, key="k")
    asked = len(service.server.asked)
    with pytest.raises(PaymentDrError, match="another request"):
        pay(client, key="k", amount=1)
    assert len(service.server.asked) == asked
    with pytest.raises(OutcomeUnknownError):
        pay(client, key="k")
    journal.close()


def test_a_journal_that_cannot_be_written_stops_before_sending(
    service: Service, tmp_path: Path
) -> None:
    with pytest.raises(PaymentDrError, match="cannot be used"):
        KeyJournal(tmp_path / "missing" / "keys.db")
    journal = KeyJournal(tmp_path / "keys.db")
    journal.close()
    service.answers(CREATED)
    with pytest.raises(PaymentDrError, match="cannot be used"):
        pay(service.client(journal=journal))
    assert service.server.asked == []
