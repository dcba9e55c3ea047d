"""Calling a deployed function: its answer, its failure, and the call that may have acted."""

import base64
import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from payment_dr.adapters.function_call import call
from payment_dr.core.errors import PaymentDrError, UnavailableError


class Lambda:
    """Answers every call with the same, or raises it."""

    def __init__(self, answer: bytes | Exception, **more: str) -> None:
        self._answer = answer
        self._more = more
        self.calls: list[dict[str, Any]] = []

    def invoke(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append(arguments)
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Payload": io.BytesIO(self._answer), **self._more}


def test_the_live_version_is_called_and_its_answer_given() -> None:
    client = Lambda(b'{"schema": 3}')
    assert call(client, "payments-initialise-east-prod", {"a": 1}) == {"schema": 3}
    asked = client.calls[0]
    assert asked["FunctionName"] == "payments-initialise-east-prod"
    assert (asked["Qualifier"], asked["InvocationType"]) == ("live", "RequestResponse")
    assert json.loads(asked["Payload"]) == {"a": 1}


def test_a_functions_failure_is_told_with_the_end_of_its_log() -> None:
    log = base64.b64encode(b"x" * 1000 + b"\nTraceback: no such role").decode()
    client = Lambda(b'{"errorMessage": "no"}', FunctionError="Unhandled", LogResult=log)
    with pytest.raises(PaymentDrError, match="Traceback: no such role") as raised:
        call(client, "initialise", {})
    assert not raised.value.definite
    assert '"errorMessage": "no"' in raised.value.what
    assert len(raised.value.what) < 1000


def test_a_refused_call_did_nothing_and_a_time_out_may_have() -> None:
    answer: Any = {"Error": {"Code": "X"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
    refused = ClientError(answer, "Invoke")
    with pytest.raises(UnavailableError) as raised:
        call(Lambda(refused), "initialise", {})
    assert raised.value.definite
    with pytest.raises(UnavailableError) as raised:
        call(Lambda(ReadTimeoutError(endpoint_url="u")), "initialise", {})
    assert not raised.value.definite


def test_an_answer_that_is_no_json_is_an_error() -> None:
    with pytest.raises(UnavailableError, match="no JSON"):
        call(Lambda(b"<html>"), "initialise", {})
