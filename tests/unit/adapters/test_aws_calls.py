"""Which errors of an AWS call are definite, and that a client's calls end."""

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from payment_dr.adapters.aws_calls import aws_errors, error_code, tight
from payment_dr.core.errors import UnavailableError


def answered(status: int | None, code: str = "Code") -> ClientError:
    metadata = {} if status is None else {"HTTPStatusCode": status}
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": metadata}
    return ClientError(response, "PutItem")


@pytest.mark.parametrize(
    ("error", "definite"),
    [
        (answered(400), True),
        (answered(500), False),
        (answered(None), False),
        (EndpointConnectionError(endpoint_url="x"), True),
        (ConnectTimeoutError(endpoint_url="x"), True),
        (ReadTimeoutError(endpoint_url="x"), False),
        (NoCredentialsError(), True),
    ],
)
def test_only_a_refusal_and_what_was_never_sent_is_definite(
    error: BotoCoreError | ClientError, *, definite: bool
) -> None:
    with pytest.raises(UnavailableError) as write, aws_errors("writing", writes=True, remedy="r"):
        raise error
    assert write.value.definite is definite
    assert write.value.what.startswith("writing: ")
    assert write.value.remedy == "r"
    with pytest.raises(UnavailableError) as read, aws_errors("reading", writes=False):
        raise error
    assert read.value.definite, "a read that failed has changed nothing"


def test_an_error_is_known_by_its_code() -> None:
    assert error_code(answered(400, "ConditionalCheckFailedException")) == (
        "ConditionalCheckFailedException"
    )
    assert error_code(ClientError({}, "PutItem")) == ""


def test_a_call_ends_within_its_attempts_times_its_time_outs() -> None:
    config: dict[str, Any] = vars(tight(2.0, connect_s=0.5))
    assert (config["connect_timeout"], config["read_timeout"]) == (0.5, 2.0)
    assert config["retries"] == {"total_max_attempts": 1, "mode": "standard"}
