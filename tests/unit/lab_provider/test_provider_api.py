"""The provider by the official SDK: what it answers, keeps, refuses and does wrong on purpose."""

import asyncio
import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from fakes.loop_thread import LoopThread
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.http_server import HttpServer, Request, Response
from payment_dr.lab.provider.service import Provider
from payment_dr.lab.provider.store import Store

HANG_S = 0.6


class ProviderUnderTest:
    def __init__(self, path: Path, loop: LoopThread) -> None:
        self.loop = loop
        self.store = loop.call(Store, path)  # it belongs to the loop's thread
        self.provider = Provider(self.store)
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port = probe.getsockname()[1]
        self.server = HttpServer(port, self.provider.serve)
        loop.open(self.server)
        self.http: Any = stripe.RequestsClient()
        self.stripe = stripe.StripeClient(
            "sk_test_x",
            base_addresses={"api": f"http://{LOOPBACK}:{port}"},
            max_network_retries=0,
            http_client=self.http,
        )
        self.intents = self.stripe.v1.payment_intents
        self.refunds = self.stripe.v1.refunds

    def close(self) -> None:
        self.http.close()
        self.loop.call(self.server.refuse)
        self.loop.call(self.store.close)

    def charge(self, key: str | None = None, **more: Any) -> stripe.PaymentIntent:
        operation = str(uuid.uuid4())
        parameters: Any = {
            "amount": 1000,
            "currency": "eur",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "payment_method_types": ["card"],
            "error_on_requires_action": True,
            "metadata": {
                "payment_id": "p1",
                "operation_id": key or operation,
                "merchant": "shop",
                "idempotency_key": "k1",
            },
            **more,
        }
        return self.intents.create(parameters, {"idempotency_key": key or operation})

    def call(self, method: str, path: str, body: str = "", **headers: str) -> Response:
        """One request without HTTP."""
        return self.loop.run(self.provider.serve(request(method, path, body, **headers)))

    def rows(self) -> list[dict[str, Any]]:
        body = self.call("GET", "/_lab/rows").body
        return [json.loads(line) for line in body.splitlines()]


def request(method: str, path: str, body: str = "", **headers: str) -> Request:
    path, _, query = path.partition("?")
    return Request(
        method=method,
        path=path,
        query=query,
        headers={"authorization": "Bearer sk_test_x", **headers},
        body=body.encode(),
    )


CHARGE = "amount=500&currency=eur&confirm=true&payment_method=pm_card_visa"


@pytest.fixture(name="loop", scope="module")
def loop_thread() -> Iterator[LoopThread]:
    with LoopThread() as loop:
        yield loop


@pytest.fixture(name="provider")
def provider_under_test(tmp_path: Path, loop: LoopThread) -> Iterator[ProviderUnderTest]:
    provider = ProviderUnderTest(tmp_path / "provider.sqlite", loop)
    yield provider
    provider.close()


def test_a_charge_is_captured_at_once_unless_it_is_only_authorised(
    provider: ProviderUnderTest,
) -> None:
    charged = provider.charge()
    assert (charged.status, charged.amount_received) == ("succeeded", 1000)
    authorised = provider.charge(capture_method="manual")
    assert (authorised.status, authorised.amount_capturable) == ("requires_capture", 1000)
    assert [row["kind"] for row in provider.rows()] == ["charge", "charge"]
    assert [row["status"] for row in provider.rows()] == ["succeeded", "requires_capture"]


def test_an_effect_names_payment_operation_and_merchant(provider: ProviderUnderTest) -> None:
    charged = provider.charge("op1")
    (row,) = provider.rows()
    assert row.pop("time_ns") > 0
    assert row == {
        "reference": charged.id,
        "operation_id": "op1",
        "payment_id": "p1",
        "kind": "charge",
        "amount": 1000,
        "currency": "EUR",
        "status": "succeeded",
        "merchant": "shop",
        "idempotency_key": "k1",
    }


def test_a_captured_part_is_final_and_the_rest_is_released(provider: ProviderUnderTest) -> None:
    intent = provider.charge(capture_method="manual").id
    key: Any = {"idempotency_key": "capture"}
    with pytest.raises(stripe.InvalidRequestError) as caught:
        provider.intents.capture(intent, {"amount_to_capture": 1001})
    assert caught.value.code == "amount_too_large"
    captured = provider.intents.capture(intent, {"amount_to_capture": 400}, key)
    assert (captured.status, captured.amount_received) == ("succeeded", 400)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        provider.intents.capture(intent, {"amount_to_capture": 600})
    assert caught.value.code == "payment_intent_unexpected_state"
    row = provider.rows()[1]
    assert (row["kind"], row["amount"], row["operation_id"]) == ("capture", 400, "capture")


def test_a_capture_without_an_amount_takes_all(provider: ProviderUnderTest) -> None:
    intent = provider.charge(capture_method="manual").id
    assert provider.intents.capture(intent).amount_received == 1000


def test_an_authorisation_can_be_voided_once_and_a_captured_charge_cannot(
    provider: ProviderUnderTest,
) -> None:
    intent = provider.charge(capture_method="manual").id
    assert provider.intents.cancel(intent).status == "canceled"
    for impossible in (intent, provider.charge().id):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            provider.intents.cancel(impossible)
        assert caught.value.code == "payment_intent_unexpected_state"
    assert [(row["kind"], row["amount"]) for row in provider.rows()] == [
        ("charge", 1000),
        ("void", 1000),
        ("charge", 1000),
    ]


def test_refunds_never_exceed_what_was_captured(provider: ProviderUnderTest) -> None:
    intent = provider.charge().id
    first = provider.refunds.create({"payment_intent": intent, "amount": 300})
    assert (first.status, first.amount) == ("succeeded", 300)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        provider.refunds.create({"payment_intent": intent, "amount": 701})
    assert provider.refunds.create({"payment_intent": intent}).amount == 700
    with pytest.raises(stripe.InvalidRequestError) as caught:
        provider.refunds.create({"payment_intent": intent, "amount": 1})
    assert caught.value.code == "charge_already_refunded"
    assert [row["amount"] for row in provider.rows()] == [1000, 300, 700]


def test_refunds_are_listed_newest_first(provider: ProviderUnderTest) -> None:
    intent = provider.charge().id
    made = [
        provider.refunds.create(
            {"payment_intent": intent, "amount": 10, "metadata": {"operation_id": name}}
        )
        for name in ("a", "b", "c")
    ]
    listed = provider.refunds.list({"payment_intent": intent, "limit": 2})
    assert [refund.metadata["operation_id"] for refund in listed.data if refund.metadata] == [
        "c",
        "b",
    ]
    assert listed.has_more
    assert provider.refunds.retrieve(made[0].id).amount == 10


def test_what_was_only_authorised_cannot_be_refunded(provider: ProviderUnderTest) -> None:
    intent = provider.charge(capture_method="manual").id
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        provider.refunds.create({"payment_intent": intent, "amount": 1})


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_a_declined_card_is_a_card_error_that_names_its_intent_and_has_no_effect(
    provider: ProviderUnderTest, method: str, code: str
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        provider.charge("declined", payment_method=method)
    error: Any = caught.value.error
    assert (caught.value.code, error.decline_code) == ("card_declined", code)
    intent = provider.intents.retrieve(error.payment_intent.id)
    assert intent.status == "requires_payment_method"
    assert provider.rows() == []
    assert provider.intents.cancel(intent.id).status == "canceled"


def test_intents_are_found_by_their_metadata(provider: ProviderUnderTest) -> None:
    made = provider.charge("op1")
    provider.charge("op2")
    found = provider.intents.search({"query": "metadata['operation_id']:'op1'"})
    assert [intent.id for intent in found.data] == [made.id]
    assert len(provider.intents.search({"query": 'metadata["payment_id"]:"p1"'}).data) == 2
    assert provider.intents.search({"query": "metadata['operation_id']:'op3'"}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="searches by"):
        provider.intents.search({"query": "status:'succeeded'"})


def test_the_balance_can_be_read(provider: ProviderUnderTest) -> None:
    assert provider.stripe.v1.balance.retrieve().object == "balance"


def test_a_key_used_again_gets_the_first_answer_and_nothing_happens_twice(
    provider: ProviderUnderTest,
) -> None:
    assert provider.charge("once").id == provider.charge("once").id
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            provider.charge("declined", payment_method="pm_card_visa_chargeDeclined")
    assert len(provider.rows()) == 1
    first = provider.call("POST", "/v1/refunds", "payment_intent=none", **{"idempotency-key": "r"})
    again = provider.call("POST", "/v1/refunds", "payment_intent=none", **{"idempotency-key": "r"})
    assert (first.status, first.body) == (again.status, again.body)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


def test_a_key_used_with_other_parameters_is_an_idempotency_error(
    provider: ProviderUnderTest,
) -> None:
    provider.charge("once")
    with pytest.raises(stripe.IdempotencyError):
        provider.charge("once", amount=2000)
    assert len(provider.rows()) == 1


def test_a_request_with_a_bad_parameter_does_not_use_up_its_key(
    provider: ProviderUnderTest,
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        provider.charge("once", amount=0)
    assert (caught.value.code, caught.value.param) == ("parameter_invalid_integer", "amount")
    assert provider.charge("once").status == "succeeded"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "parameter_missing"),
        (CHARGE + "&surprise=1", "parameter_unknown"),
        (CHARGE + "&capture_method=later", "parameter_invalid"),
        (CHARGE.replace("true", "false"), "parameter_invalid"),
        (CHARGE.replace("500", "5.00"), "parameter_invalid_integer"),
        (CHARGE.replace("pm_card_visa", "pm_other"), "resource_missing"),
    ],
)
def test_a_charge_that_cannot_be_understood_is_refused(
    provider: ProviderUnderTest, body: str, code: str
) -> None:
    answer = provider.call("POST", "/v1/payment_intents", body)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (400, code)
    assert provider.rows() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/payment_intents/pi_none"),
        ("GET", "/v1/refunds/re_none"),
        ("GET", "/v1/customers"),
        ("POST", "/v1/customers"),
        ("POST", "/v1/payment_intents/pi_none/capture"),
        ("POST", "/v1/payment_intents/pi_none/cancel"),
        ("POST", "/_lab/other"),
    ],
)
def test_what_does_not_exist_is_not_found(
    provider: ProviderUnderTest, method: str, path: str
) -> None:
    assert provider.call(method, path).status == 404


def test_a_charge_without_a_key_or_metadata_is_one_effect_of_nobody(
    provider: ProviderUnderTest,
) -> None:
    assert provider.call("POST", "/v1/payment_intents", CHARGE).status == 200
    (row,) = provider.rows()
    assert (row["operation_id"], row["payment_id"], row["merchant"]) == ("", "", "")
    assert row["idempotency_key"] is None


def test_callers_without_a_key_are_refused(provider: ProviderUnderTest) -> None:
    answer = provider.call("GET", "/v1/balance", authorization="Bearer pk_live_x")
    assert answer.status == 401


def set_faults(provider: ProviderUnderTest, **faults: float) -> Response:
    return provider.call("POST", "/_lab/faults", json.dumps(faults))


def test_a_request_that_hangs_before_it_charges_blocks_its_key_until_it_is_done(
    provider: ProviderUnderTest,
) -> None:
    set_faults(provider, hang_before=1, hang_s=HANG_S)
    key = {"idempotency-key": "slow"}

    async def twice() -> tuple[Response, bytes, Response]:
        first = asyncio.create_task(
            provider.provider.serve(request("POST", "/v1/payment_intents", CHARGE, **key))
        )
        await asyncio.sleep(HANG_S / 4)
        second = await provider.provider.serve(
            request("POST", "/v1/payment_intents", CHARGE, **key)
        )
        rows = (await provider.provider.serve(request("GET", "/_lab/rows"))).body
        return await first, rows, second

    first, rows_meanwhile, second = provider.loop.run(twice())
    assert rows_meanwhile == b""
    assert second.status == 409
    assert json.loads(second.body)["error"]["code"] == "idempotency_key_in_use"
    assert first.status == 200
    assert len(provider.rows()) == 1


def test_a_request_that_hangs_afterwards_has_charged_and_its_retry_is_answered_at_once(
    provider: ProviderUnderTest,
) -> None:
    set_faults(provider, hang_after=1, hang_s=HANG_S)
    key = {"idempotency-key": "slow"}

    async def twice() -> tuple[Response, Response]:
        first = asyncio.create_task(
            provider.provider.serve(request("POST", "/v1/payment_intents", CHARGE, **key))
        )
        await asyncio.sleep(HANG_S / 4)
        second = await provider.provider.serve(
            request("POST", "/v1/payment_intents", CHARGE, **key)
        )
        assert not first.done()
        return await first, second

    first, second = provider.loop.run(twice())
    assert first.body == second.body
    assert len(provider.rows()) == 1


def test_faults_hit_the_same_operations_for_the_same_seed(provider: ProviderUnderTest) -> None:
    keys = [f"key-{number}" for number in range(200)]

    def declined(seed: int) -> set[str]:
        set_faults(provider, decline=0.3, seed=seed)
        return {key for key in keys if provider.provider.faults.drawn(key).decline}

    assert declined(1) == declined(1)
    assert declined(1) != declined(2)
    assert 30 < len(declined(1)) < 90
    set_faults(provider, decline=1)
    with pytest.raises(stripe.CardError):
        provider.charge()


def test_faults_can_be_read_and_impossible_ones_are_refused(provider: ProviderUnderTest) -> None:
    assert set_faults(provider, hang_before=0.5, hang_s=9).status == 200
    assert set_faults(provider, hang_before=1.5).status == 400
    assert set_faults(provider, explode=1).status == 400
    faults = json.loads(provider.call("GET", "/_lab/faults").body)
    assert (faults["hang_before"], faults["hang_s"], faults["decline"]) == (0.5, 9, 0)


def test_what_was_done_is_there_when_the_file_is_opened_again(
    provider: ProviderUnderTest, tmp_path: Path
) -> None:
    made = provider.charge("once")
    again = ProviderUnderTest(tmp_path / "provider.sqlite", provider.loop)
    assert again.charge("once").id == made.id
    assert again.rows() == provider.rows()
    again.close()
