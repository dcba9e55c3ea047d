"""The client's cache: one question per time to live, and no answer is kept for longer."""

import asyncio
from collections.abc import Callable

import pytest

from lab.wires import LOOPBACK, run, unused_port
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import DnsSettings
from payment_dr.lab.load import resolver as module
from payment_dr.lab.load.resolver import CachingResolver
from payment_dr.lab.network.name_server import name_server
from payment_dr.lab.network.zone import Zone

NAME = "api.payments.example"


class Server:
    """Counts questions and answers them, or not."""

    def __init__(self, ttl_s: int = 1) -> None:
        self.address = "127.0.1.1"
        self.asked = 0
        self.silent_for = 0
        self._zone = Zone(DnsSettings(name=NAME, ttl_s=ttl_s), lambda: self.address)

    def respond(self, packet: bytes) -> bytes | None:
        self.asked += 1
        return None if self.asked <= self.silent_for else self._zone.respond(packet)


def asking(server: Server, scene: Callable[[CachingResolver], object], name: str = NAME) -> None:
    async def ask() -> None:
        port = unused_port()
        async with name_server(LOOPBACK, port, server.respond):
            coroutine = scene(CachingResolver(name, port))
            assert asyncio.iscoroutine(coroutine)
            await coroutine

    run(ask)


def test_many_at_once_ask_once_and_the_answer_is_kept() -> None:
    server = Server(ttl_s=60)

    async def scene(resolver: CachingResolver) -> None:
        found = await asyncio.gather(*(resolver.address() for _ in range(50)))
        server.address = "127.0.2.1"
        assert {*found, await resolver.address()} == {"127.0.1.1"}

    asking(server, scene)
    assert server.asked == 1


def test_an_answer_is_asked_for_anew_after_its_time_to_live() -> None:
    server = Server(ttl_s=1)

    async def scene(resolver: CachingResolver) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        assert await resolver.address() == "127.0.1.1"
        server.address = "127.0.2.1"
        async with asyncio.timeout(10):
            for _ in range(1_000):
                if await resolver.address() == "127.0.2.1":
                    break
                await asyncio.sleep(0.01)
        assert 0.99 <= loop.time() - start < 3

    asking(server, scene)
    assert server.asked == 2


def test_a_lost_question_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUERY_TIMEOUT_S", 0.05)
    server = Server()
    server.silent_for = 1

    async def scene(resolver: CachingResolver) -> None:
        assert await resolver.address() == "127.0.1.1"

    asking(server, scene)
    assert server.asked == 2


def test_a_silent_name_server_means_that_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUERY_TIMEOUT_S", 0.02)
    server = Server()
    server.silent_for = 99

    async def scene(resolver: CachingResolver) -> None:
        with pytest.raises(UnavailableError, match=r"has no address: .*timed out") as failed:
            await resolver.address()
        assert failed.value.definite

    asking(server, scene)


def test_a_name_that_does_not_exist_has_no_address() -> None:
    async def scene(resolver: CachingResolver) -> None:
        with pytest.raises(UnavailableError, match="NXDOMAIN"):
            await resolver.address()

    asking(Server(), scene, name="other.payments.example")
