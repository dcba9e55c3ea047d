"""The client against a real server: what it returns, and what it says of effects when it fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lab.wires import LOOPBACK, Peer, run, until, unused_port
from payment_dr.core.errors import UnavailableError
from payment_dr.lab import http_client
from payment_dr.lab.http_client import HttpPool, Request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nPayment-Site: east\r\n\r\nhi"
GET = Request(method="GET", path="/health")


class Server:
    """Accepts connections and says what the test tells it to."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.port = 0

    def accept(self) -> Peer:
        self.peers.append(Peer())
        return self.peers[-1]

    async def asked(self, number: int, text: bytes = b"\r\n\r\n") -> Peer:
        await until(lambda: len(self.peers) > number and text in self.peers[number].received)
        return self.peers[number]


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, HttpPool]]:
    server = Server()
    listener = await asyncio.get_running_loop().create_server(server.accept, LOOPBACK, 0)
    server.port = listener.sockets[0].getsockname()[1]
    pool = HttpPool(LOOPBACK, server.port, name="api.test", idle_s=60)
    try:
        yield server, pool
    finally:
        pool.close()
        listener.close()
        for peer in server.peers:
            peer.transport.abort()
        await until(lambda: all(peer.closed for peer in server.peers))


def start(pool: HttpPool, request: Request = GET, timeout_s: float = 5) -> asyncio.Task[str]:
    async def call() -> str:
        try:
            answer = await pool.call(request, timeout_s)
        except UnavailableError as error:
            return f"{'not sent' if error.definite else 'unknown'}: {error.what}"
        return f"{answer.status} {answer.body.decode()} {answer.headers.get('payment-site')}"

    return asyncio.create_task(call())


def test_a_request_has_host_headers_and_length_and_its_answer_is_whole() -> None:
    async def scene() -> None:
        async with serving() as (server, pool):
            request = Request(
                method="POST", path="/v1/payments", headers={"Idempotency-Key": "k"}, body=b"{}"
            )
            call = start(pool, request)
            peer = await server.asked(0, b"{}")
            assert bytes(peer.received) == (
                b"POST /v1/payments HTTP/1.1\r\nHost: api.test\r\nIdempotency-Key: k\r\n"
                b"Content-Length: 2\r\n\r\n{}"
            )
            for byte in OK:
                peer.send(bytes([byte]))
                await asyncio.sleep(0)
            assert await call == "200 hi east"

    run(scene)


def test_a_kept_connection_is_used_again_and_a_closed_one_is_not() -> None:
    async def scene() -> None:
        async with serving() as (server, pool):
            for _ in range(2):
                call = start(pool)
                (await server.asked(0)).send(OK)
                assert await call == "200 hi east"
                server.peers[0].received.clear()
            assert len(server.peers) == 1
            server.peers[0].close()
            await until(lambda: server.peers[0].ended or server.peers[0].closed)
            call = start(pool)
            (await server.asked(1)).send(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            assert await call == "200 hi east"
            call = start(pool)
            (await server.asked(2)).send(OK)
            assert await call == "200 hi east"

    run(scene)


def test_a_connection_idle_for_too_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with serving() as (server, pool):
            monkeypatch.setattr(pool, "_idle_s", 0)
            for number in range(2):
                call = start(pool)
                (await server.asked(number)).send(OK)
                assert await call == "200 hi east"

    run(scene)


def test_a_refused_connection_means_that_nothing_was_sent() -> None:
    async def scene() -> None:
        pool = HttpPool(LOOPBACK, unused_port(), name="api.test", idle_s=60)
        assert (await start(pool)).startswith("not sent: ")

    run(scene)


def test_no_answer_in_time_leaves_the_effect_unknown_and_ends_the_connection() -> None:
    async def scene() -> None:
        async with serving() as (server, pool):
            assert await start(pool, timeout_s=0.05) == "unknown: no answer in 0.05 s"
            await until(lambda: server.peers[0].ended or server.peers[0].closed)

    run(scene)


@pytest.mark.parametrize("said", [b"", OK[:-1]])
def test_a_connection_that_ends_before_the_whole_answer_leaves_the_effect_unknown(
    said: bytes,
) -> None:
    async def scene() -> None:
        async with serving() as (server, pool):
            call = start(pool)
            peer = await server.asked(0)
            peer.send(said)
            peer.close()
            assert "unknown: the connection ended before the answer" in await call

    run(scene)


def test_what_is_not_http_ends_the_connection() -> None:
    async def scene() -> None:
        async with serving() as (server, pool):
            call = start(pool)
            (await server.asked(0)).send(b"SSH-2.0\r\n\r\n")
            assert "unknown: the answer is not HTTP" in await call
            await until(lambda: server.peers[0].ended or server.peers[0].closed)

    run(scene)


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_BODY_BYTES_MAX", 1)

    async def scene() -> None:
        async with serving() as (server, pool):
            call = start(pool)
            (await server.asked(0)).send(OK)
            assert "unknown: the answer has more than 1 bytes" in await call

    run(scene)
