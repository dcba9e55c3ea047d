"""The same scenarios against both kinds of provider: what the protocol relies on holds for each."""

import asyncio
import json
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fakes.loop_thread import LoopThread
from fakes.scripted_server import Scripted, ScriptedServer
from payment_dr.adapters.acquirer_provider import AcquirerProvider
from payment_dr.adapters.stripe_provider import StripeProvider
from payment_dr.core.errors import UnavailableError
from payment_dr.core.money import Money
from payment_dr.core.provider_kind import ProviderKind
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.http_server import HttpServer, Request
from payment_dr.lab.provider.faults import Faults
from payment_dr.lab.provider.service import Provider
from payment_dr.lab.provider.store import Store
from payment_dr.payments.ports import Declined, ProviderCall, Succeeded
from payment_dr.payments.record import Operation, OperationKind, OperationState

PATIENCE_S = 20.0
KEY = "sk_test_x"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of provider in front of a simulator."""

    kind: ProviderKind
    simulator: Provider
    url: str
    loop: LoopThread

    def provider(self, timeout_s: float = PATIENCE_S) -> StripeProvider | AcquirerProvider:
        made = StripeProvider if self.kind is ProviderKind.STRIPE else AcquirerProvider
        return made(lambda: KEY, timeout_s=timeout_s, url=self.url)

    def until_done(self) -> None:
        """Wait until the simulator has done what it was asked for."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.effects:
            assert time.monotonic() < deadline

    @property
    def effects(self) -> list[dict[str, Any]]:
        asked = Request(method="GET", path="/_lab/rows", query="", headers={}, body=b"")
        body = self.loop.run(self.simulator.serve(asked)).body
        return [json.loads(line) for line in body.splitlines()]


@pytest.fixture(name="loop", scope="module")
def loop_fixture() -> Iterator[LoopThread]:
    with LoopThread() as loop:
        yield loop


@pytest.fixture(name="at", params=list(ProviderKind))
def at_fixture(request: pytest.FixtureRequest, loop: LoopThread, tmp_path: Path) -> Iterator[Kind]:
    store = loop.call(Store, tmp_path / "provider.sqlite")
    simulator = Provider(store)
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = int(probe.getsockname()[1])
    server = HttpServer(port, simulator.serve)
    loop.open(server)
    yield Kind(kind=request.param, simulator=simulator, url=f"http://{LOOPBACK}:{port}", loop=loop)
    loop.call(server.refuse)
    loop.call(store.close)


def call(
    kind: OperationKind = OperationKind.CHARGE,
    amount: int = 1000,
    *,
    charge: str | None = None,
    capture: bool = True,
    method: str | None = "pm_card_visa",
) -> ProviderCall:
    operation = Operation(
        operation_id=str(uuid.uuid4()),
        kind=kind,
        idempotency_key="order-1",
        fingerprint="f",
        amount_minor=amount,
        capture=capture,
        payment_method=method if kind is OperationKind.CHARGE else None,
        state=OperationState.PENDING,
        provider_reference=None,
        decline_code=None,
        response=None,
        started_at=0.0,
        decided_at=None,
    )
    return ProviderCall(
        payment_id=str(uuid.uuid4()),
        merchant="acme",
        money=Money(minor_units=amount, currency="EUR"),
        operation=operation,
        charge_reference=charge,
    )


def charged(provider: StripeProvider | AcquirerProvider, *, capture: bool = True) -> str:
    outcome = provider.perform(call(capture=capture))
    assert isinstance(outcome, Succeeded)
    return outcome.reference


def test_an_operation_sent_twice_has_one_effect_and_one_outcome(at: Kind) -> None:
    provider, charge = at.provider(), call()
    first = provider.perform(charge)
    assert provider.perform(charge) == first
    assert provider.look_up(charge) == first
    assert len(at.effects) == 1
    provider.close()


def test_an_effect_names_payment_operation_merchant_and_key(at: Kind) -> None:
    provider, charge = at.provider(), call(amount=777)
    outcome = provider.perform(charge)
    (effect,) = at.effects
    assert isinstance(outcome, Succeeded)
    assert (effect["reference"], effect["amount"]) == (outcome.reference, 777)
    assert effect["operation_id"] == charge.operation.operation_id
    assert (effect["payment_id"], effect["merchant"]) == (charge.payment_id, "acme")
    assert (effect["idempotency_key"], effect["currency"]) == ("order-1", "EUR")
    provider.close()


def test_what_was_never_sent_is_definitely_not_there(at: Kind) -> None:
    provider = at.provider()
    assert provider.look_up(call()) is None
    assert provider.look_up(call(OperationKind.REFUND, charge=charged(provider))) is None
    provider.close()


def test_an_authorisation_is_captured_in_part_and_another_one_voided(at: Kind) -> None:
    provider = at.provider()
    capture = call(OperationKind.CAPTURE, 400, charge=charged(provider, capture=False))
    assert isinstance(provider.perform(capture), Succeeded)
    void = call(OperationKind.VOID, 1000, charge=charged(provider, capture=False))
    assert isinstance(provider.perform(void), Succeeded)
    for done in (capture, void):
        assert provider.look_up(done) == provider.perform(done)
    assert [effect["kind"] for effect in at.effects] == ["charge", "capture", "charge", "void"]
    provider.close()


def test_refunds_are_given_up_to_what_was_captured(at: Kind) -> None:
    provider = at.provider()
    charge = charged(provider)
    refund = call(OperationKind.REFUND, 600, charge=charge)
    assert isinstance(provider.perform(refund), Succeeded)
    assert provider.look_up(refund) == provider.perform(refund)
    assert isinstance(provider.perform(call(OperationKind.REFUND, 500, charge=charge)), Declined)
    assert sum(effect["amount"] for effect in at.effects if effect["kind"] == "refund") == 600
    provider.close()


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_unknown", "resource_missing"),
    ],
)
def test_a_decline_is_an_outcome_with_its_reason_and_stays_one(
    at: Kind, method: str, code: str
) -> None:
    provider, charge = at.provider(), call(method=method)
    outcome = provider.perform(charge)
    assert isinstance(outcome, Declined)
    assert outcome.code == code
    assert provider.perform(charge) == outcome
    assert not at.effects
    provider.close()


@pytest.mark.parametrize("when", ["hang_before", "hang_after"])
def test_a_provider_that_hangs_leaves_doubt_and_charges_once(at: Kind, when: str) -> None:
    impatient, charge = at.provider(timeout_s=0.15), call()
    at.simulator.faults = Faults.model_validate({when: 1.0, "hang_s": 0.5})
    with pytest.raises(UnavailableError) as caught:
        impatient.perform(charge)
    assert not caught.value.definite
    at.simulator.faults = Faults()
    at.until_done()
    patient = at.provider()
    outcome = patient.perform(charge)
    assert isinstance(outcome, Succeeded)
    assert len(at.effects) == 1
    impatient.close()
    patient.close()


def test_it_can_be_reached_and_once_gone_nothing_was_sent(at: Kind) -> None:
    provider = at.provider()
    provider.reach()
    provider.close()
    gone = replace(at, url=f"http://{LOOPBACK}:1").provider()
    with pytest.raises(UnavailableError) as caught:
        gone.perform(call())
    assert caught.value.definite
    with pytest.raises(UnavailableError):
        gone.reach()
    gone.close()


def test_a_wrong_key_is_refused_and_nothing_took_effect(at: Kind) -> None:
    made = StripeProvider if at.kind is ProviderKind.STRIPE else AcquirerProvider
    stranger = made(lambda: "nobody", timeout_s=PATIENCE_S, url=at.url)
    with pytest.raises(UnavailableError) as caught:
        stranger.perform(call())
    assert caught.value.definite
    stranger.close()


def acquirer_request(at: Kind, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    asked = Request(
        method=method,
        path=f"/acquirer/v1/{path}",
        query="",
        headers={"authorization": f"Bearer {KEY}"},
        body=body,
    )
    answer = at.loop.run(at.simulator.serve(asked))
    return answer.status, json.loads(answer.body)


def asked_operation(**changes: object) -> bytes:
    body = {
        "kind": "charge",
        "payment_id": "p1",
        "merchant": "acme",
        "amount": 1000,
        "currency": "EUR",
        "capture": True,
        "payment_method": None,
        "charge": None,
        "idempotency_key": "k",
        **changes,
    }
    return json.dumps(body).encode()


@pytest.mark.parametrize("at", [ProviderKind.ACQUIRER], indirect=True)
def test_the_second_kind_refuses_what_makes_no_sense(at: Kind) -> None:
    assert acquirer_request(at, "PUT", "operations/o1", b"{")[0] == 400
    assert acquirer_request(at, "PUT", "operations/o1", asked_operation(kind="gift"))[0] == 400
    assert acquirer_request(at, "GET", "elsewhere")[0] == 404
    assert acquirer_request(at, "GET", "operations/o1")[0] == 404
    status, body = acquirer_request(at, "PUT", "operations/o1", asked_operation(amount=0))
    assert (status, body["state"], body["code"]) == (201, "declined", "parameter_invalid_integer")
    assert acquirer_request(at, "PUT", "operations/o1", asked_operation(amount=5))[0] == 422
    over = asked_operation(kind="refund", charge="pi_none")
    assert acquirer_request(at, "PUT", "operations/o2", over)[1]["code"] == "resource_missing"


@pytest.mark.parametrize("at", [ProviderKind.ACQUIRER], indirect=True)
def test_an_operation_of_the_second_kind_under_way_is_neither_there_nor_not(at: Kind) -> None:
    at.simulator.faults = Faults(hang_before=1.0, hang_s=0.2)

    async def scenario() -> list[int]:
        def asked(method: str) -> Request:
            return Request(
                method=method,
                path="/acquirer/v1/operations/o1",
                query="",
                headers={"authorization": f"Bearer {KEY}"},
                body=asked_operation() if method == "PUT" else b"",
            )

        first = asyncio.get_running_loop().create_task(at.simulator.serve(asked("PUT")))
        await asyncio.sleep(0)
        during = [(await at.simulator.serve(asked(method))).status for method in ("PUT", "GET")]
        return [*during, (await first).status]

    assert at.loop.run(scenario()) == [409, 409, 201]


@pytest.mark.parametrize(
    "answer",
    [
        Scripted(status=500),
        Scripted(status=409),
        Scripted(status=307, headers={"location": "/"}),
        Scripted(status=422),
        Scripted(status=200, body=b"<html>"),
        Scripted(status=200, body={"state": "perhaps"}),
        Scripted(status=200, body={"state": "succeeded"}),
        Scripted(drop=True),
    ],
)
def test_of_the_second_kinds_other_answers_only_a_refusal_leaves_no_doubt(
    answer: Scripted,
) -> None:
    with ScriptedServer(answer).running() as server:
        provider = AcquirerProvider(lambda: KEY, timeout_s=PATIENCE_S, url=server.url)
        with pytest.raises(UnavailableError) as caught:
            provider.perform(call())
        assert caught.value.definite is (answer.status == 422)
        with pytest.raises(UnavailableError):
            provider.look_up(call())
        provider.close()


def test_the_second_kind_that_is_not_well_is_not_reached() -> None:
    with ScriptedServer(Scripted(status=503)).running() as server:
        provider = AcquirerProvider(lambda: KEY, timeout_s=PATIENCE_S, url=server.url)
        with pytest.raises(UnavailableError, match="answered 503"):
            provider.reach()
        provider.close()


def test_a_decline_of_the_second_kind_without_a_reason_has_one_all_the_same() -> None:
    with ScriptedServer(Scripted(body={"state": "declined"})).running() as server:
        provider = AcquirerProvider(lambda: KEY, timeout_s=PATIENCE_S, url=server.url)
        assert provider.perform(call()) == Declined(code="declined", reference=None)
        provider.close()
