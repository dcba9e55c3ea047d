"""One AWS call: clients that never hang, and errors that say whether the call may have acted."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
)
from botocore.parsers import ResponseParserError

from payment_dr.core.errors import UnavailableError

_SERVER_ERROR: Final = 500


def tight(
    read_s: float, *, connect_s: float = 1.0, attempts: int = 1, connections: int = 10
) -> Config:
    """Client configuration whose calls end within `attempts` x (`connect_s` + `read_s`) seconds.

    One attempt by default: whoever calls knows better than botocore whether to try again.
    """
    return Config(
        connect_timeout=connect_s,
        read_timeout=read_s,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        max_pool_connections=connections,
    )


_NEVER_SENT: Final = (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
)


def error_code(error: ClientError) -> str:
    """AWS's name of the error, e.g. `ConditionalCheckFailedException`."""
    return error.response.get("Error", {}).get("Code", "")


def _definite(error: BotoCoreError | ClientError | ResponseParserError) -> bool:
    """Refused by the service or surely never sent: nothing took effect.

    Any other end may have acted, a broken TLS connection among them.
    """
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
        return status < _SERVER_ERROR
    return isinstance(error, _NEVER_SENT)


@contextmanager
def aws_errors(what: str, *, writes: bool, remedy: str = "") -> Generator[None]:
    """Turn botocore's errors into UnavailableError; `what` names the call, e.g. `reading X`."""
    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise UnavailableError(
            f"{what}: {error}", remedy=remedy, definite=not writes or _definite(error)
        ) from error
