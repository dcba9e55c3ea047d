"""Secrets are JSON objects of strings, and what they say is in no error."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from payment_dr.adapters.secrets import read_secret
from payment_dr.core.errors import PaymentDrError, UnavailableError


class FakeSecretsManager:
    def __init__(self, answer: dict[str, Any] | None) -> None:
        self.answer = answer

    def get_secret_value(self, **request: str) -> dict[str, Any]:
        assert request == {"SecretId": "payments-ledger-east-dev"}
        if self.answer is None:
            error = {"Error": {"Code": "ResourceNotFoundException", "Message": "no such secret"}}
            raise ClientError(error, "GetSecretValue")  # type: ignore[arg-type] # no metadata
        return self.answer


def read(answer: dict[str, Any] | None) -> dict[str, str]:
    client: Any = FakeSecretsManager(answer)
    return read_secret(client, "payments-ledger-east-dev")


def test_a_secret_is_read() -> None:
    assert read({"SecretString": '{"username": "u", "password": "p"}'}) == {
        "username": "u",
        "password": "p",
    }


def test_a_missing_secret_is_unavailable_and_names_itself() -> None:
    with pytest.raises(UnavailableError, match=r"payments-ledger-east-dev.*no such secret"):
        read(None)


@pytest.mark.parametrize(
    "text", ["hunter2", '["hunter2"]', '{"a": {"hunter2": 1}}', '{"hunter2": 1}']
)
def test_a_secret_of_another_shape_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(PaymentDrError) as caught:
        read({"SecretString": text})
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_binary_secret_is_refused() -> None:
    with pytest.raises(PaymentDrError, match="not a JSON object"):
        read({"SecretBinary": b"1"})
