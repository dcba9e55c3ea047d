"""What counts as healthy, and that probes keep to their grid."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from lab.wires import LOOPBACK, run, until, unused_port
from payment_dr.core.settings import ProbeSettings
from payment_dr.lab.network.prober import Endpoint, probe, probe_for_ever


@asynccontextmanager
async def saying(text: bytes | None, path: str = "/health") -> AsyncIterator[Endpoint]:
    """An endpoint that answers every request for `path` with `text`, or says nothing."""

    class Answering(asyncio.Protocol):
        transport: asyncio.Transport

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.Transport", transport)

        def data_received(self, data: bytes) -> None:
            assert data.startswith(b"GET " + path.encode() + b" HTTP/1.1\r\n")
            if text is not None:
                self.transport.write(text)
                self.transport.close()

    server = await asyncio.get_running_loop().create_server(Answering, LOOPBACK, 0)
    host, port = server.sockets[0].getsockname()
    yield Endpoint(host=host, port=port, path=path)
    server.close()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", None),
        (b"HTTP/1.0 302 Found\r\n\r\n", None),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "status 503"),
        (b"220 smtp ready\r\n", "no HTTP status"),
        (b"HTTP/1.1 what\r\n", "no HTTP status"),
        (b"", "no HTTP status"),
        (b"x" * 5000, "ValueError"),
        (None, "no answer in 0.05 s"),
    ],
)
def test_an_endpoint_is_healthy_if_it_says_so_in_time(
    text: bytes | None, problem: str | None
) -> None:
    async def scene() -> None:
        async with saying(text) as endpoint:
            outcome = await probe(endpoint, 0.05 if text is None else 5)
        if problem is None:
            assert outcome is None
        else:
            assert outcome is not None
            assert re.match(problem, outcome)

    run(scene)


def test_an_endpoint_that_refuses_is_not_healthy() -> None:
    async def scene() -> None:
        outcome = await probe(Endpoint(host=LOOPBACK, port=unused_port()), 5)
        assert outcome is not None
        assert outcome.startswith("ConnectionRefusedError")

    run(scene)


def test_any_path_may_be_probed() -> None:
    async def scene() -> None:
        async with saying(b"HTTP/1.1 404 Not Found\r\n\r\n", "/takeover") as endpoint:
            assert await probe(endpoint, 5) == "status 404"

    run(scene)


def test_probes_start_on_a_grid_even_when_each_takes_the_whole_interval() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        reported: list[float] = []
        async with saying(None) as endpoint:
            start = loop.time()
            probing = asyncio.create_task(
                probe_for_ever(
                    endpoint,
                    lambda: ProbeSettings(interval_s=0.05, threshold=1),
                    lambda _: reported.append(loop.time() - start),
                )
            )
            await until(lambda: len(reported) == 5)
            probing.cancel()
        assert reported[4] >= 5 * 0.05 - 0.01

    run(scene)
