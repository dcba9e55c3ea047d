"""The provider's adapter through the real SDK, against the simulator and planted answers."""

import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom
from typing import Any

import pytest
from urllib3 import PoolManager
from urllib3.exceptions import ProtocolError

from fakes.loop_thread import LoopThread
from payment_dr.adapters.settings_file import example
from payment_dr.adapters.stripe_provider import StripeProvider
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.money import Money
from payment_dr.lab.addresses import choose_addresses
from payment_dr.lab.http_server import HttpServer, Request, Response
from payment_dr.lab.provider.faults import Faults
from payment_dr.lab.provider.service import Provider
from payment_dr.lab.provider.store import Store
from payment_dr.payments.ports import Declined, ProviderCall, Succeeded
from payment_dr.payments.record import Operation, OperationKind, OperationState

DECLINED_METHOD = "pm_card_visa_chargeDeclinedInsufficientFunds"


class Simulator:
    """The lab's provider on a port of its own; `planted` replaces its answers, one call each."""

    def __init__(self, loop: LoopThread, directory: Path) -> None:
        self.port = choose_addresses(example("development"), SystemRandom()).provider_port
        self.store = loop.run(self._open(directory / "provider.sqlite"))
        self.provider = Provider(self.store)
        self.planted: list[Response] = []
        self.requests: list[Request] = []
        self.server = HttpServer(self.port, self._serve)
        loop.open(self.server)

    async def _open(self, path: Path) -> Store:
        return Store(path)  # on the loop's thread, which alone may use it

    async def effects(self) -> list[dict[str, Any]]:
        return [json.loads(row) for row in self.store.effects()]

    async def _serve(self, request: Request) -> Response | None:
        self.requests.append(request)
        if self.planted:
            return self.planted.pop(0)
        return await self.provider.serve(request)

    def plant(self, status: int, body: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.planted.append(Response(status=status, body=content))

    def plant_error(self, status: int, kind: str, **more: Any) -> None:
        self.plant(status, {"error": {"type": kind, "message": "planted", **more}})


@pytest.fixture(name="loop", scope="module")
def loop_fixture() -> Iterator[LoopThread]:
    with LoopThread() as thread:
        yield thread


@pytest.fixture(name="simulator")
def simulator_fixture(loop: LoopThread, tmp_path: Path) -> Iterator[Simulator]:
    simulator = Simulator(loop, tmp_path)
    yield simulator
    loop.call(simulator.store.close)


@pytest.fixture(name="stripe")
def stripe_fixture(simulator: Simulator) -> Iterator[StripeProvider]:
    provider = connect(simulator.port)
    yield provider
    provider.close()


def connect(port: int, timeout_s: float = 5) -> StripeProvider:
    return StripeProvider(
        lambda: "sk_test_lab", timeout_s=timeout_s, url=f"http://127.0.0.1:{port}"
    )


def call(
    kind: OperationKind = OperationKind.CHARGE,
    amount: int = 1250,
    *,
    capture: bool = True,
    method: str | None = "pm_card_visa",
    of: str | None = None,
) -> ProviderCall:
    operation = Operation(
        operation_id=str(uuid.uuid4()),
        kind=kind,
        idempotency_key="key of the client",
        fingerprint="f",
        amount_minor=amount,
        capture=capture,
        payment_method=method,
        state=OperationState.PENDING,
        provider_reference=None,
        decline_code=None,
        response=None,
        started_at=1000.0,
        decided_at=None,
    )
    return ProviderCall(
        payment_id=str(uuid.uuid4()),
        merchant="shop",
        money=Money(minor_units=amount, currency="EUR"),
        operation=operation,
        charge_reference=of,
    )


def charged(stripe: StripeProvider, *, capture: bool = True) -> str:
    outcome = stripe.perform(call(capture=capture))
    assert isinstance(outcome, Succeeded)
    return outcome.reference


def test_a_charge_is_made_once_however_often_it_is_sent(
    loop: LoopThread, simulator: Simulator, stripe: StripeProvider
) -> None:
    once = call()
    first = stripe.perform(once)
    assert isinstance(first, Succeeded)
    assert stripe.perform(once) == first
    assert {r.headers["idempotency-key"] for r in simulator.requests} == {
        once.operation.operation_id
    }
    (effect,) = loop.run(simulator.effects())
    assert effect["operation_id"] == once.operation.operation_id
    assert effect["payment_id"] == once.payment_id
    assert (effect["merchant"], effect["idempotency_key"]) == ("shop", "key of the client")


def test_a_declined_card_is_a_decline_with_its_reason_and_reference(
    stripe: StripeProvider,
) -> None:
    declined = call(method=DECLINED_METHOD)
    outcome = stripe.perform(declined)
    assert isinstance(outcome, Declined)
    assert outcome.code == "insufficient_funds"
    assert outcome.reference is not None
    assert stripe.look_up(declined) == outcome


def test_an_authorisation_is_captured_in_part(stripe: StripeProvider) -> None:
    intent = charged(stripe, capture=False)
    capture = call(OperationKind.CAPTURE, 1000, of=intent)
    assert stripe.look_up(capture) is None
    assert stripe.perform(capture) == Succeeded(reference=intent)
    assert stripe.look_up(capture) == Succeeded(reference=intent)


def test_an_authorisation_is_voided(stripe: StripeProvider) -> None:
    intent = charged(stripe, capture=False)
    void = call(OperationKind.VOID, of=intent)
    assert stripe.look_up(void) is None
    assert stripe.perform(void) == Succeeded(reference=intent)
    assert stripe.look_up(void) == Succeeded(reference=intent)


def test_what_the_provider_refuses_to_do_is_a_decline(stripe: StripeProvider) -> None:
    void = call(OperationKind.VOID, of=charged(stripe))
    assert stripe.perform(void) == Declined(
        code="payment_intent_unexpected_state", reference=void.charge_reference
    )


def test_a_refund_has_a_reference_of_its_own_and_is_found_by_its_operation(
    stripe: StripeProvider,
) -> None:
    intent = charged(stripe)
    first, second = (call(OperationKind.REFUND, 100, of=intent) for _ in range(2))
    outcome = stripe.perform(first)
    assert isinstance(outcome, Succeeded)
    assert outcome.reference != intent
    assert stripe.look_up(first) == outcome
    assert stripe.look_up(second) is None


def test_a_charge_is_found_by_its_operation_and_none_is_found_where_none_was_made(
    stripe: StripeProvider,
) -> None:
    made = call()
    assert stripe.look_up(made) is None
    outcome = stripe.perform(made)
    assert stripe.look_up(made) == outcome


def test_a_request_that_nobody_answers_leaves_doubt_and_the_retry_finds_out(
    simulator: Simulator,
) -> None:
    simulator.provider.faults = Faults(hang_after=1.0, hang_s=5)
    hurried = connect(simulator.port, timeout_s=0.2)
    once = call()
    with pytest.raises(UnavailableError) as caught:
        hurried.perform(once)
    assert not caught.value.definite
    found = hurried.look_up(once)
    assert isinstance(found, Succeeded)
    hurried.close()


def test_a_provider_that_cannot_be_reached_has_certainly_done_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = connect(taken.getsockname()[1])
        for act in (lambda: nowhere.perform(call()), nowhere.reach):
            with pytest.raises(UnavailableError) as caught:
                act()
            assert caught.value.definite
        nowhere.close()


@pytest.mark.parametrize(
    ("status", "kind", "definite"),
    [
        (500, "api_error", False),
        (409, "idempotency_error", False),
        (400, "idempotency_error", False),
        (429, "rate_limit_error", True),
        (401, "authentication_error", True),
        (403, "invalid_request_error", True),
    ],
)
def test_an_error_tells_whether_the_charge_may_exist(
    simulator: Simulator, stripe: StripeProvider, status: int, kind: str, *, definite: bool
) -> None:
    simulator.plant_error(status, kind)
    with pytest.raises(UnavailableError) as caught:
        stripe.perform(call())
    assert caught.value.definite is definite


@pytest.mark.parametrize("body", [b"<html>gateway</html>", b"\xff\xfe", b"[]"])
def test_an_answer_that_is_not_the_providers_leaves_doubt(
    simulator: Simulator, stripe: StripeProvider, body: bytes
) -> None:
    simulator.plant(502, body)
    with pytest.raises(UnavailableError) as caught:
        stripe.perform(call())
    assert not caught.value.definite


def test_a_refusal_without_a_reason_is_a_decline_all_the_same(
    simulator: Simulator, stripe: StripeProvider
) -> None:
    simulator.plant_error(400, "invalid_request_error")
    assert stripe.perform(call()) == Declined(code="invalid_request", reference=None)
    simulator.plant_error(402, "card_error")
    assert stripe.perform(call()) == Declined(code="card_declined", reference=None)


def planted_intent(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "status": status,
        "last_payment_error": None,
        **more,
    }


def test_a_charge_that_is_still_processing_leaves_doubt(
    simulator: Simulator, stripe: StripeProvider
) -> None:
    simulator.plant(200, planted_intent("processing"))
    with pytest.raises(UnavailableError, match="processing") as caught:
        stripe.perform(call())
    assert not caught.value.definite


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, "requires_payment_method"),
        ({"code": "card_declined"}, "card_declined"),
        ({"code": "card_declined", "decline_code": "lost_card"}, "lost_card"),
    ],
)
def test_an_intent_that_was_not_charged_is_a_decline(
    simulator: Simulator, stripe: StripeProvider, error: dict[str, str] | None, code: str
) -> None:
    if error is not None:
        error = {"type": "card_error", **error}
    simulator.plant(200, planted_intent("requires_payment_method", last_payment_error=error))
    assert stripe.perform(call()) == Declined(code=code, reference="pi_1")


@pytest.mark.parametrize(
    ("more", "code"),
    [({}, "refund_failed"), ({"failure_reason": "lost_or_stolen_card"}, "lost_or_stolen_card")],
)
def test_a_refund_that_failed_is_a_decline(
    simulator: Simulator, stripe: StripeProvider, more: dict[str, str], code: str
) -> None:
    refund = {"id": "re_1", "object": "refund", "status": "failed", **more}
    simulator.plant(200, refund)
    outcome = stripe.perform(call(OperationKind.REFUND, of="pi_1"))
    assert outcome == Declined(code=code, reference="re_1")


def test_refunds_made_by_hand_are_not_taken_for_ours(
    simulator: Simulator, stripe: StripeProvider
) -> None:
    made = [
        {"id": "re_1", "object": "refund", "metadata": None},
        {"id": "re_2", "object": "refund", "metadata": {"reason": "goodwill"}},
    ]
    simulator.plant(200, {"object": "list", "data": made, "has_more": False, "url": "/v1/refunds"})
    assert stripe.look_up(call(OperationKind.REFUND, of="pi_1")) is None


def test_a_look_up_that_is_refused_is_not_taken_for_nothing_found(
    simulator: Simulator, stripe: StripeProvider
) -> None:
    simulator.plant_error(404, "invalid_request_error", code="resource_missing")
    with pytest.raises(UnavailableError):
        stripe.look_up(call(OperationKind.CAPTURE, of="pi_1"))


def test_an_operation_on_no_charge_is_a_defect_and_never_sent(
    simulator: Simulator, stripe: StripeProvider
) -> None:
    with pytest.raises(PaymentDrError, match="names no charge"):
        stripe.perform(call(OperationKind.REFUND))
    assert not simulator.requests


def test_a_record_without_a_means_of_payment_is_charged_with_the_default(
    simulator: Simulator, stripe: StripeProvider
) -> None:
    assert isinstance(stripe.perform(call(method=None)), Succeeded)
    assert "payment_method=pm_card_visa" in simulator.requests[0].body.decode()


def test_the_key_is_asked_for_each_call_so_that_it_may_rotate(simulator: Simulator) -> None:
    keys = ["sk_test_old", "sk_test_new"]
    provider = StripeProvider(
        lambda: keys.pop(0), timeout_s=5, url=f"http://127.0.0.1:{simulator.port}"
    )
    provider.reach()
    provider.reach()
    assert [r.headers["authorization"] for r in simulator.requests] == [
        "Bearer sk_test_old",
        "Bearer sk_test_new",
    ]
    provider.close()


def test_without_another_address_the_provider_is_stripe_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def refuse(_pool: PoolManager, method: str, url: str, **_: object) -> None:
        asked.append(f"{method} {url}")
        raise ProtocolError("no network in tests")

    monkeypatch.setattr(PoolManager, "request", refuse)
    provider = StripeProvider(lambda: "sk_test_lab", timeout_s=5)
    with pytest.raises(UnavailableError):
        provider.reach()
    assert asked == ["GET https://api.stripe.com/v1/balance"]
