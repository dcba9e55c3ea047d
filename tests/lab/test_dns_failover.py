"""The whole network process: links, health checks, answers, events, its start and its end."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import dns.asyncquery
import dns.message
import pytest

from lab.wires import LOOPBACK, run, until
from payment_dr.adapters.settings_file import example
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import ProbeSettings, Settings
from payment_dr.lab.addresses import Addresses, claim_addresses
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.http_client import HttpPool, Request
from payment_dr.lab.http_server import HttpServer, Response
from payment_dr.lab.http_server import Request as Asked
from payment_dr.lab.network.__main__ import main, serve
from payment_dr.lab.stand_in import Place, place_at


def quick(settings: Settings) -> Settings:
    return settings.model_copy(update={"probes": ProbeSettings(interval_s=0.05, threshold=2)})


SETTINGS = quick(example("development"))
HOME = SETTINGS.home
OTHER = SETTINGS.peer(HOME).name


@contextmanager
def prepared(root: Path) -> Iterator[Place]:
    """A lab's directory, and ports that no other lab of this machine can take meanwhile."""
    directory = LabDirectory.create(root)
    claim = claim_addresses(SETTINGS, Random())
    try:
        directory.write(SETTINGS, claim.addresses)
        yield place_at(root)
    finally:
        claim.release()


@dataclass(kw_only=True)
class Network:
    """A running network with a healthy API behind each site."""

    addresses: Addresses
    apis: dict[str, HttpServer]
    pool: HttpPool
    told: asyncio.Event
    switch_raised: bool = False

    async def call(self, method: str, path: str, body: object = None) -> Any:
        text = b"" if body is None else json.dumps(body).encode()
        answer = await self.pool.call(Request(method=method, path=path, body=text), 5)
        assert answer.status == 200
        return json.loads(answer.body)

    async def resolved(self) -> str:
        query = dns.message.make_query(SETTINGS.dns.name, "A")
        answer = await dns.asyncquery.udp(query, LOOPBACK, port=self.addresses.dns_port, timeout=5)
        return str(answer.answer[0][0])

    async def answers(self, site: str) -> None:
        async with asyncio.timeout(10):
            for _ in range(2_000):
                if await self.resolved() == self.addresses.link_address[site]:
                    break
                await asyncio.sleep(0.005)
        assert await self.call("GET", "/answer") == {"site": site}


async def ready(pool: HttpPool) -> Any:
    """Wait until `GET /links` answers, and return the links."""
    async with asyncio.timeout(20):
        while True:
            try:
                answer = await pool.call(Request(method="GET", path="/links"), 5)
                return json.loads(answer.body)
            except UnavailableError:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def network(place: Place) -> AsyncIterator[Network]:
    async def healthy(asked: Asked) -> Response:
        is_raised = asked.path != "/takeover" or made.switch_raised
        return Response(status=200 if is_raised else 404)

    addresses = place.addresses
    made = Network(
        addresses=addresses,
        apis={s: HttpServer(port, healthy) for s, (_, port) in addresses.api_target.items()},
        pool=HttpPool(LOOPBACK, addresses.network_control_port, name="network", idle_s=60),
        told=asyncio.Event(),
    )
    servers = list(made.apis.values())
    for server in servers:
        await server.open()
    serving = asyncio.create_task(serve(place, made.told))
    await ready(made.pool)
    try:
        yield made
    finally:
        made.told.set()
        await serving
        made.pool.close()
        for server in servers:
            server.refuse()
        await until(lambda: not any(server.connections for server in servers))


def test_the_answer_follows_health_checks_and_the_switch_through_the_links(tmp_path: Path) -> None:
    async def scene() -> None:
        with prepared(tmp_path / "lab") as place:
            await follow(place)

    async def follow(place: Place) -> None:
        async with network(place) as n:
            await n.answers(HOME)
            await n.call("POST", f"/links/prober->{HOME}", {"mode": "blackhole"})
            await n.answers(OTHER)
            assert not (await n.call("GET", "/health-checks"))[HOME]["healthy"]
            await n.call("POST", f"/links/prober->{HOME}", {"mode": "pass"})
            await n.answers(HOME)
            n.switch_raised = True
            await n.answers(OTHER)
            n.apis[OTHER].refuse()
            await n.answers(HOME)
            caller = HttpPool(
                n.addresses.link_address[HOME], n.addresses.api_port, name="api", idle_s=60
            )
            answer = await caller.call(Request(method="GET", path="/v1"), 5)
            assert answer.status == 200
            caller.close()

    run(scene)
    events = (tmp_path / "lab" / "events" / "network.jsonl").read_text("utf-8").splitlines()
    names = [json.loads(line)["name"] for line in events if "probe-failed" not in line]
    assert names[:9] == [
        "dns-answer",
        "link-changed",
        "site-unhealthy",
        "dns-answer",
        "link-changed",
        "site-healthy",
        "dns-answer",
        "switch-raised",
        "dns-answer",
    ]
    assert names[9] in {"site-unhealthy", "switch-lowered"}, "whichever probe was the first"
    assert names[10] == "dns-answer"


def test_sigterm_ends_the_process_and_frees_its_ports(tmp_path: Path) -> None:
    async def start_and_end(place: Place) -> None:
        pool = HttpPool(LOOPBACK, place.addresses.network_control_port, name="network", idle_s=60)
        for _ in range(2):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "payment_dr.lab.network", "--directory", str(place.directory)
            )
            assert len(await ready(pool)) == len(place.addresses.links)
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        pool.close()

    with prepared(tmp_path / "lab") as place:
        run(lambda: start_and_end(place))


def test_a_taken_address_ends_it_with_an_error(tmp_path: Path) -> None:
    with (
        prepared(tmp_path / "lab") as place,
        socket.create_server((LOOPBACK, place.addresses.dns_port)),
        pytest.raises(SystemExit, match="error: the name server cannot listen"),
    ):
        main(["--directory", str(place.directory)])
