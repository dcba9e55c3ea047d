"""A small HTTP/1.1 server for the lab's stand-ins: little CPU per call, and outages on demand.

It can refuse connections and fall silent, with the connections that it has, as the endpoint of a
lost or unreachable region does. Both cores of a drill belong to the payments: this is httptools'
parser and one write per answer, about 14 us of CPU a call where uvicorn takes 20, and it starts
60 ms sooner.
"""

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, cast

import httptools

from payment_dr.lab.addresses import LOOPBACK

_LOG: Final = logging.getLogger(__name__)
_BODY_BYTES_MAX: Final = 8 * 1024 * 1024
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A whole request; `headers` have lower-case names, `query` is still encoded."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """An answer; Content-Length is added, but to one of HEAD, which says it itself."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


_FAILED: Final = Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)


Handler = Callable[[Request], Coroutine[Any, Any, Response | None]]
"""Answers a request; None leaves the client waiting for ever."""


class HttpServer:
    """One loopback port. Open after `open`; `refuse` and `mute` are its outages."""

    def __init__(self, port: int, handler: Handler) -> None:
        self.port = port
        self.handler = handler
        self.muted = False
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen and answer, whatever was before; clients that were left waiting are dropped."""
        if self.muted:
            self.muted = False
            self._drop_clients()
        await self._listen()

    async def _listen(self) -> None:
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(
                lambda: Connection(self), LOOPBACK, self.port, reuse_address=True
            )

    def refuse(self) -> None:
        """Stop listening and drop every client, as when the process was killed."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._drop_clients()

    async def mute(self) -> None:
        """Listen but answer nothing, also not what is being worked on."""
        self.muted = True
        await self._listen()

    def _drop_clients(self) -> None:
        for connection in tuple(self.connections):
            connection.drop()


class Connection(asyncio.Protocol):
    """One client; requests on it are served one after another. Callbacks are httptools'."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._task: asyncio.Task[Response | None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went; what it asked for is still done, as a real server would."""
        del exc
        self._transport = None
        self._server.connections.discard(self)

    def drop(self) -> None:
        """Close at once; what was not yet sent is lost."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def data_received(self, data: bytes) -> None:
        """Parse; a client that does not speak HTTP is dropped."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            _LOG.warning("dropped a client on port %d: %s", self._server.port, error)
            self.drop()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._headers = {}
        self._body = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """The request target."""
        self._url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Headers are done; botocore's S3 uploads wait to be told to go on."""
        if "expect" in self._headers and not self._server.muted:
            self._write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        if self._body_bytes <= _BODY_BYTES_MAX:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is whole: serve it, unless the server is mute."""
        if self._server.muted:
            return
        if self._task is not None or self._body_bytes > _BODY_BYTES_MAX:
            self.drop()  # pipelining and huge bodies: no client of the lab sends them
            return
        path, _, query = self._url.decode("latin-1").partition("?")
        request = Request(
            method=self._parser.get_method().decode("latin-1"),
            path=path,
            query=query,
            headers=self._headers,
            body=b"".join(self._body),
        )
        self._task = asyncio.get_running_loop().create_task(self._server.handler(request))
        self._task.add_done_callback(functools.partial(self._answer, request))

    def _answer(self, request: Request, task: asyncio.Task[Response | None]) -> None:
        self._task = None
        if self._server.muted or task.cancelled():
            return
        error = task.exception()
        if error is not None:
            _LOG.error("%s %s failed", request.method, request.path, exc_info=error)
            self._write(_encode(_FAILED, with_body=True))
            return
        response = task.result()
        if response is not None:
            self._write(_encode(response, with_body=request.method != "HEAD"))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def _encode(response: Response, *, with_body: bool) -> bytes:
    head = [f"{name}: {value}\r\n" for name, value in response.headers.items()]
    if with_body:
        head.append(f"content-length: {len(response.body)}\r\n")
    return b"".join(
        (
            _STATUS_LINES[response.status],
            "".join(head).encode("latin-1"),
            b"\r\n",
            response.body if with_body else b"",
        )
    )
