"""The trace and the request's id go along with each call of a provider."""

from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
import urllib3

from fakes.provider import charge_call
from payment_dr.adapters.acquirer_provider import AcquirerProvider
from payment_dr.adapters.stripe_provider import StripeProvider
from payment_dr.adapters.trace import TRACE_HEADER, trace_headers

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
URL = "http://127.0.0.1:9"
ANSWER = {"id": "pi_1", "object": "payment_intent", "status": "succeeded", "metadata": {}}


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
    provider.perform(charge_call("r-1"))
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    provider.perform(charge_call("r-1"))
    provider.perform(charge_call(""))
    bodies = [parse_qs(one["body"]) for one in sent]
    assert [body.get("metadata[request_id]") for body in bodies] == [["r-1"], ["r-1"], None]
    assert [one["headers"].get(TRACE_HEADER) for one in sent] == [None, TRACE, TRACE]
    assert bodies[0] == bodies[1], "whoever repeats an operation sends the same"


def test_an_acquirer_is_told_the_trace_and_the_id_of_the_request(
    sent: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    provider = AcquirerProvider(lambda: "sk_test_x", timeout_s=1.0, url=URL)
    provider.perform(charge_call("r-1"))
    assert msgspec.json.decode(sent[0]["body"])["request_id"] == "r-1"
    assert sent[0]["headers"][TRACE_HEADER] == TRACE


def test_without_a_trace_there_is_no_header() -> None:
    assert not trace_headers({})
    assert not trace_headers({"_X_AMZN_TRACE_ID": ""})
