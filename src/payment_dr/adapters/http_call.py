"""One small HTTP request with a time-out, to an address that the settings name."""

import http.client
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from payment_dr.core.errors import UnavailableError

_ANSWER_BYTES_MAX: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Status and body of an HTTP answer."""

    status: int
    body: bytes


def call(
    method: str,
    url: str,
    *,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Make the request and read the answer, whatever its status.

    Args:
        method: e.g. `GET`.
        url: with `http` or `https`.
        timeout_s: longest silence of the other end, at each read.
        headers: besides those that HTTP needs.
        body: sent as it is.

    Raises:
        UnavailableError: no answer; unless the connection was refused, it may have acted.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    with closing(kind(parts.netloc, timeout=timeout_s)) as connection:
        try:
            connection.request(method, parts.path or "/", body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(status=response.status, body=response.read(_ANSWER_BYTES_MAX))
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(
                f"{method} {url}: {error!r}",
                definite=method == "GET" or isinstance(error, ConnectionRefusedError),
            ) from error
