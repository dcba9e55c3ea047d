"""The switch as read from the emulator's CloudWatch, and from none."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from ministack.services import cloudwatch

from lab.wires import LOOPBACK, run, until, unused_port
from payment_dr.adapters import cloudwatch_switch
from payment_dr.lab.http_client import HttpPool
from payment_dr.lab.http_server import HttpServer, Request, Response
from payment_dr.lab.network import switch as module
from payment_dr.lab.network.switch import METRIC, NAMESPACE, TakeoverSwitch

NOW = 1_800_000_000.0


@asynccontextmanager
async def reading(server: HttpServer | None = None) -> AsyncIterator[TakeoverSwitch]:
    port = unused_port() if server is None else server.port
    pool = HttpPool(LOOPBACK, port, name="monitoring", idle_s=60)
    if server is not None:
        await server.open()
    yield TakeoverSwitch(pool, region="us-west-2", home="east", now=lambda: NOW)
    pool.close()
    if server is not None:
        server.refuse()
        await until(lambda: not server.connections)


async def emulator(request: Request) -> Response:
    headers = dict(request.headers)
    assert "/us-west-2/monitoring/aws4_request" in headers["authorization"]
    status, answer_headers, body = await cloudwatch.handle_request(
        request.method, request.path, headers, request.body, {}
    )
    return Response(status=status, headers=answer_headers, body=body)


async def publish(monkeypatch: pytest.MonkeyPatch, value: float, *, at: float, site: str) -> None:
    """As boto3's put_metric_data would, when the emulator's clock says NOW."""
    monkeypatch.setattr(cloudwatch.time, "time", lambda: NOW)
    datum = {
        "MetricName": METRIC,
        "Dimensions": [{"Name": "Site", "Value": site}],
        "Timestamp": at,
        "Value": value,
    }
    status, _, _ = await cloudwatch.handle_request(
        "POST",
        "/",
        {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": "GraniteServiceVersion20100801.PutMetricData",
        },
        json.dumps({"Namespace": NAMESPACE, "MetricData": [datum]}).encode(),
        {},
    )
    assert status == 200


@pytest.mark.parametrize(
    ("published", "raised"),
    [
        ([], False),
        ([(1, NOW - 1, "east")], True),
        ([(1, NOW, "east")], True),
        ([(1, NOW - 4, "east")], False),
        ([(1, NOW - 1, "west")], False),
        ([(0, NOW - 1, "east")], False),
        ([(1, NOW - 2, "east"), (0, NOW - 1, "east")], False),
        ([(0, NOW - 2, "east"), (1, NOW - 1, "east")], True),
    ],
)
def test_it_is_raised_if_the_newest_datapoint_of_three_seconds_says_so(
    published: list[tuple[float, float, str]],
    raised: bool,  # noqa: FBT001 - a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene() -> None:
        cloudwatch.reset()
        async with reading(HttpServer(unused_port(), emulator)) as switch:
            for value, at, site in published:
                await publish(monkeypatch, value, at=at, site=site)
            assert await switch.raised() is raised

    run(scene)


def test_a_region_that_refuses_or_fails_or_is_silent_has_not_raised_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_TIMEOUT_S", 0.05)

    async def fail(_: Request) -> Response:
        return Response(status=500, body=b"out of order")

    async def scene() -> None:
        async with reading() as switch:
            assert not await switch.raised()
        server = HttpServer(unused_port(), fail)
        async with reading(server) as switch:
            assert not await switch.raised()
            await server.mute()
            assert not await switch.raised()

    run(scene)


def test_following_reports_every_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_READ_EVERY_S", 0.001)
    point = {"Timestamp": NOW, "Maximum": 1.0}
    answers = iter([[], [], [point]])

    async def answer(_: Request) -> Response:
        body = json.dumps({"Datapoints": next(answers, [])}).encode()
        return Response(status=200, body=body)

    async def scene() -> None:
        seen: list[bool] = []
        async with reading(HttpServer(unused_port(), answer)) as switch:
            following = asyncio.create_task(switch.follow_for_ever(seen.append))
            await until(lambda: len(seen) >= 4)
            following.cancel()
        assert seen[:4] == [False, False, True, False]

    run(scene)


def test_it_is_the_metric_that_sites_publish() -> None:
    assert (NAMESPACE, METRIC) == (cloudwatch_switch.NAMESPACE, cloudwatch_switch.METRIC)
