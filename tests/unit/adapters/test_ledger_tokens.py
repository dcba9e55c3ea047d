"""Tokens by boto3's own signing, which asks nobody."""

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.session import Session

from payment_dr.adapters.ledger_tokens import token_login
from payment_dr.core.errors import UnavailableError

HOST: Final = "proxy.cluster.us-east-1.rds.amazonaws.com"
LIFETIME_S: Final = 900


def client(**credentials: str) -> Any:
    # Port 1 refuses: whatever asked it would fail.
    make: Any = boto3.client
    return make(
        "rds",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        config=Config(retries={"total_max_attempts": 1}),
        **credentials,
    )


def test_a_token_names_one_user_of_one_server_and_is_signed_without_asking_anybody() -> None:
    signing = client(aws_access_key_id="AKIA", aws_secret_access_key="planted")
    login = token_login(signing, HOST, 5432, "payment_api")
    assert (login.host, login.port, login.user, login.tls) == (HOST, 5432, "payment_api", True)
    assert login.parameters()["sslmode"] == "verify-full"
    signed = urlsplit(f"https://{login.password}")
    asked = {name: values[0] for name, values in parse_qs(signed.query).items()}
    assert signed.netloc == f"{HOST}:5432"
    assert (asked["Action"], asked["DBUser"]) == ("connect", "payment_api")
    assert int(asked["X-Amz-Expires"]) == LIFETIME_S
    assert asked["X-Amz-Credential"].endswith("/us-east-1/rds-db/aws4_request")
    assert "planted" not in login.password
    assert login.password not in repr(login)


def test_without_credentials_the_ledger_is_unavailable_and_nothing_was_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Session, "get_credentials", lambda _self: None)
    with pytest.raises(UnavailableError, match="signing a token for payment_api") as caught:
        token_login(client(), HOST, 5432, "payment_api")
    assert caught.value.definite
