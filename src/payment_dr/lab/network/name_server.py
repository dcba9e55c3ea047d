"""The zone's endpoints: UDP and TCP on one loopback port."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncGenerator, Callable
from typing import Final, cast

from payment_dr.core.errors import PaymentDrError

IDLE_TIMEOUT_S: Final = 5
"""A TCP connection without a whole question for so long is closed."""

TCP_CONNECTIONS_MAX: Final = 64
"""Open TCP connections; further ones are closed at once."""

_LENGTH: Final = struct.Struct("!H")

Respond = Callable[[bytes], bytes | None]


@contextlib.asynccontextmanager
async def name_server(host: str, port: int, respond: Respond) -> AsyncGenerator[None]:
    """Serve while inside.

    Raises:
        PaymentDrError: when the port is taken.
    """
    loop = asyncio.get_running_loop()
    open_connections: set[_Stream] = set()
    async with contextlib.AsyncExitStack() as stack:
        try:
            # Bound here, as uvloop leaks the transport of an address that is taken.
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind((host, port))
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(respond), sock=sock
            )
            stack.callback(transport.close)
            server = await loop.create_server(
                lambda: _Stream(respond, open_connections), host, port
            )
            stack.callback(server.close)
        except OSError as error:
            raise PaymentDrError(
                f"the name server cannot listen on {host}:{port}: {error.strerror}",
                remedy=f"end the process that holds it (ss -lntup 'sport = :{port}')",
            ) from error
        yield
        for stream in tuple(open_connections):
            stream.close()


class _Datagrams(asyncio.DatagramProtocol):
    _transport: asyncio.DatagramTransport

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if reply := self._respond(data):
            self._transport.sendto(reply, addr)


class _Stream(asyncio.Protocol):
    """One TCP connection: questions and answers, each after its length in two bytes."""

    _transport: asyncio.Transport
    _idle: asyncio.TimerHandle

    def __init__(self, respond: Respond, connections: "set[_Stream]") -> None:
        self._respond = respond
        self._connections = connections
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._idle = self._expire_later()
        self._connections.add(self)
        if len(self._connections) > TCP_CONNECTIONS_MAX:
            self.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (question := self._take()) is not None:
            self._idle.cancel()
            self._idle = self._expire_later()
            if reply := self._respond(question):
                self._transport.write(_LENGTH.pack(len(reply)) + reply)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._idle.cancel()
        self._connections.discard(self)

    def close(self) -> None:
        self._transport.close()

    def _expire_later(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(IDLE_TIMEOUT_S, self.close)

    def _take(self) -> bytes | None:
        """The next whole question; the buffer never holds more than one and what came with it."""
        if len(self._buffer) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._buffer)[0]
        if len(self._buffer) < end:
            return None
        question = bytes(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        return question
