"""HTTP by urllib3, made to follow a name that moves to another address."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

import urllib3
from urllib3.exceptions import HTTPError

from payment_dr.adapters.never_sent import NEVER_SENT

BODY_BYTES_MAX: Final = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswerError(Exception):
    """The request had no answer; `sent` is whether it may have reached the service."""

    def __init__(self, what: str, *, sent: bool) -> None:
        super().__init__(what)
        self.sent = sent


class Transport:
    """Requests to one service, over connections that are renewed as its DNS answer ages.

    A kept connection goes on talking to the site it was opened to, whatever the name says now. So
    all are dropped after any failure, and in any case every `dns_s` seconds.

    Args:
        url: the service's, without a path.
        timeout_s: longest wait for a connection, and then for an answer.
        connections: kept at most.
        dns_s: how old the knowledge of the service's address may get.
    """

    def __init__(self, url: str, *, timeout_s: float, connections: int, dns_s: float) -> None:
        self._url = url.rstrip("/")
        self._dns_s = dns_s
        self._pools = urllib3.PoolManager(
            maxsize=connections,
            retries=False,
            timeout=urllib3.Timeout(connect=timeout_s, read=timeout_s),
        )
        self._lock = Lock()
        self._fresh_until = 0.0

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One try.

        Raises:
            NoAnswerError: there was no answer, or none that could be read.
        """
        self._renew(force=False)
        try:
            response = self._pools.request(
                method,
                f"{self._url}{path}",
                body=body or None,
                headers=dict(headers),
                redirect=False,
                preload_content=False,
            )
            content = response.read(BODY_BYTES_MAX, decode_content=True)
            response.release_conn()
        except HTTPError as error:
            self._renew(force=True)
            raise NoAnswerError(str(error), sent=not isinstance(error, NEVER_SENT)) from error
        if response.status >= 500:  # noqa: PLR2004 - the site may be the wrong one by now
            self._renew(force=True)
        return Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=content,
        )

    def close(self) -> None:
        """Close all connections."""
        self._pools.clear()

    def _renew(self, *, force: bool) -> None:
        now = time.monotonic()
        with self._lock:
            if force or now >= self._fresh_until:
                self._pools.clear()
                self._fresh_until = now + self._dns_s
