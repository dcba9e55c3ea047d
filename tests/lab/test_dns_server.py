"""The name server over real sockets, asked by a resolver and by what is none."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.asyncquery
import dns.message
import pytest

from lab.wires import LOOPBACK, Peer, run, until, unused_port
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import DnsSettings
from payment_dr.lab.network import name_server as module
from payment_dr.lab.network.name_server import name_server
from payment_dr.lab.network.zone import Zone

NAME = "api.payments.example"


class Answering:
    """A running server whose address can be changed."""

    def __init__(self) -> None:
        self.address = "127.0.1.1"
        self.port = unused_port()
        self.zone = Zone(DnsSettings(name=NAME, ttl_s=1), lambda: self.address)

    async def stream(self) -> Peer:
        loop = asyncio.get_running_loop()
        _, peer = await loop.create_connection(Peer, LOOPBACK, self.port)
        return peer


@asynccontextmanager
async def answering() -> AsyncIterator[Answering]:
    made = Answering()
    async with name_server(LOOPBACK, made.port, made.zone.respond):
        yield made


def test_udp_and_tcp_give_the_address_of_the_moment() -> None:
    async def scene() -> None:
        async with answering() as server:
            query = dns.message.make_query(NAME, "A")
            for address in ("127.0.1.1", "127.0.2.1"):
                server.address = address
                for ask in (dns.asyncquery.udp, dns.asyncquery.tcp):
                    answer = await ask(query, LOOPBACK, port=server.port, timeout=5)
                    assert [r.address for r in answer.answer[0]] == [address]

    run(scene)


def test_a_question_in_pieces_and_two_in_one_piece_are_answered() -> None:
    async def scene() -> None:
        async with answering() as server:
            packet = dns.message.make_query(NAME, "A").to_wire()
            framed = struct.pack("!H", len(packet)) + packet
            peer = await server.stream()
            for byte in framed[:10]:
                peer.send(bytes([byte]))
                await asyncio.sleep(0)
            peer.send(framed[10:] + framed)
            await until(lambda: len(peer.received) > 2 * len(framed))
            reply = server.zone.respond(packet)
            assert reply is not None
            assert bytes(peer.received) == 2 * (struct.pack("!H", len(reply)) + reply)
            peer.close()
            await until(lambda: peer.closed)

    run(scene)


def test_garbage_goes_unanswered_and_does_no_harm() -> None:
    async def scene() -> None:
        async with answering() as server:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as scribbler:
                for garbage in (b"", b"\xff" * 11, b"\0" * 3, bytes(5000)):
                    scribbler.sendto(garbage, (LOOPBACK, server.port))
            peer = await server.stream()
            peer.send(b"\0\x03abc")
            query = dns.message.make_query(NAME, "A")
            answer = await dns.asyncquery.udp(query, LOOPBACK, port=server.port, timeout=5)
            assert len(answer.answer) == 1
            assert peer.silent
            peer.close()

    run(scene)


def test_an_idle_stream_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_TIMEOUT_S", 0.02)

    async def scene() -> None:
        async with answering() as server:
            peer = await server.stream()
            await until(lambda: peer.ended)
            peer.close()

    run(scene)


def test_streams_above_the_bound_are_closed_and_the_end_closes_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "TCP_CONNECTIONS_MAX", 1)

    async def scene() -> None:
        async with answering() as server:
            first = await server.stream()
            second = await server.stream()
            await until(lambda: second.ended)
            assert first.silent
        await until(lambda: first.ended)
        for peer in (first, second):
            peer.close()

    run(scene)


@pytest.mark.parametrize("datagram", [True, False])
def test_a_taken_port_is_named(datagram: bool) -> None:  # noqa: FBT001 - of the test
    async def scene() -> None:
        kind = socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as thief:
            thief.bind((LOOPBACK, 0))
            if not datagram:
                thief.listen()
            port = thief.getsockname()[1]
            with pytest.raises(PaymentDrError, match=f"127.0.0.1:{port}"):
                async with name_server(LOOPBACK, port, lambda _: None):
                    pass

    run(scene)
