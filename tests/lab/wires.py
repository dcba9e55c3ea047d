"""Sockets that remember what arrived, and a link between them; every wait is bounded."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import uvloop

from payment_dr.lab.addresses import LinkSpec
from payment_dr.lab.events import EventLog
from payment_dr.lab.network.links import Link

WAIT_S = 10
LOOPBACK = "127.0.0.1"


def run(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - sockets set no event
            await asyncio.sleep(0.001)


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return cast("int", probe.getsockname()[1])


class Peer(asyncio.Protocol):
    """One socket's view: the bytes that arrived, and whether it ended or was reset."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = False
        self.reset = False
        self.closed = False
        self.transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool:
        self.ended = True
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.reset = isinstance(exc, ConnectionResetError)

    @property
    def silent(self) -> bool:
        return not (self.received or self.ended or self.closed)

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def close(self) -> None:
        self.transport.close()

    def slam(self) -> None:
        """Close by a reset, as the kernel does for a killed process with unread bytes."""
        sock: socket.socket = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    async def hears(self, data: bytes) -> None:
        await until(lambda: bytes(self.received) == data)


class Wire:
    """A target, a link to it, and the callers made so far."""

    def __init__(self, link: Link, listen: tuple[str, int], accepted: list[Peer]) -> None:
        self.link = link
        self.listen = listen
        self.accepted = accepted
        self.callers: list[Peer] = []

    async def call(self) -> Peer:
        _, peer = await asyncio.get_running_loop().create_connection(Peer, *self.listen)
        self.callers.append(peer)
        return peer

    async def pair(self) -> tuple[Peer, Peer]:
        """A caller and the target's end of its connection."""
        caller = await self.call()
        await until(lambda: len(self.accepted) == len(self.callers))
        return caller, self.accepted[-1]

    @property
    def connections(self) -> int:
        return self.link.view["connections"]


def spec(listen_port: int, target_port: int, delay_ms: float = 0, name: str = "a->b") -> LinkSpec:
    return LinkSpec(
        name=name,
        listen_host=LOOPBACK,
        listen_port=listen_port,
        target_host=LOOPBACK,
        target_port=target_port,
        delay_ms=delay_ms,
    )


@contextlib.asynccontextmanager
async def wire(directory: Path, *, delay_ms: float = 0) -> AsyncIterator[Wire]:
    accepted: list[Peer] = []

    def accept() -> Peer:
        accepted.append(Peer())
        return accepted[-1]

    server = await asyncio.get_running_loop().create_server(accept, LOOPBACK, 0)
    target_port = server.sockets[0].getsockname()[1]
    async with wire_to(directory, target_port, delay_ms=delay_ms) as made:
        made.accepted = accepted
        yield made
    server.close()
    for peer in accepted:
        peer.transport.abort()
    await until(lambda: all(peer.closed for peer in accepted))


@contextlib.asynccontextmanager
async def wire_to(directory: Path, target_port: int, *, delay_ms: float = 0) -> AsyncIterator[Wire]:
    port = unused_port()
    with EventLog(directory / "events.jsonl") as events:
        link = Link(spec(port, target_port, delay_ms), events)
        await link.start()
        made = Wire(link, (LOOPBACK, port), [])
        try:
            yield made
        finally:
            link.stop()
            for peer in made.callers:
                peer.transport.abort()
            await until(lambda: all(peer.closed for peer in made.callers))
