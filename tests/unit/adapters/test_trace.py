"""The trace and the request's id go along with each call of a provider."""

from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
import urllib3

from payment_dr.adapters.acquirer_provider import AcquirerProvider
from payment_dr.adapters.stripe_provider import StripeProvider
from payment_dr.adapters.trace import TRACE_HEADER, trace_headers
from payment_dr.core.money import Money
from payment_dr.payments.ports import ProviderCall
from payment_dr.payments.record import Operation, OperationKind, OperationState

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
URL = "http://127.0.0.1:9"
ANSWER = {"id": "pi_1", "object": "payment_intent", "status": "succeeded", "metadata": {}}


def call(request_id: str) -> ProviderCall:
    operation = Operation(
        operation_id="op-1",
        kind=OperationKind.CHARGE,
        idempotency_key="k",
        fingerprint="f",
        amount_minor=1250,
        capture=True,
        payment_method="pm_card_visa",
        state=OperationState.PENDING,
        provider_reference=None,
        decline_code=None,
        response=None,
        started_at=0.0,
        decided_at=None,
        request_id=request_id,
    )
    return ProviderCall(
        payment_id="p-1",
        merchant="shop",
        money=Money(minor_units=1250, currency="EUR"),
        operation=operation,
        charge_reference=None,
    )


@pytest.fixture(name="sent")
def sent_fixture(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What urllib3 is asked to send; every answer is a success for both kinds of provider."""
    sent: list[dict[str, Any]] = []

    def request(_pool: object, method: str, url: str, **options: Any) -> urllib3.HTTPResponse:
        sent.append({"method": method, "url": url, **options})
        body = {**ANSWER, "state": "succeeded", "reference": "a-1"}
        return urllib3.HTTPResponse(msgspec.json.encode(body), status=200, preload_content=True)

    monkeypatch.setattr(urllib3.PoolManager, "request", request)
    return sent


def test_stripe_is_told_the_trace_and_keeps_the_id_of_the_request(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = StripeProvider(lambda: "sk_test_x", timeout_s=1.0, url=URL)
    provider.perform(call("r-1"))
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    provider.perform(call("r-1"))
    provider.perform(call(""))
    bodies = [parse_qs(one["body"]) for one in sent]
    assert [body.get("metadata[request_id]") for body in bodies] == [["r-1"], ["r-1"], None]
    assert [one["headers"].get(TRACE_HEADER) for one in sent] == [None, TRACE, TRACE]
    assert bodies[0] == bodies[1], "whoever repeats an operation sends the same"


def test_an_acquirer_is_told_the_trace_and_the_id_of_the_request(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    provider = AcquirerProvider(lambda: "sk_test_x", timeout_s=1.0, url=URL)
    provider.perform(call("r-1"))
    assert msgspec.json.decode(sent[0]["body"])["request_id"] == "r-1"
    assert sent[0]["headers"][TRACE_HEADER] == TRACE


def test_without_a_trace_there_is_no_header() -> None:
    assert not trace_headers({})
    assert not trace_headers({"_X_AMZN_TRACE_ID": ""})
