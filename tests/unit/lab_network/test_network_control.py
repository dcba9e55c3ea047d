"""The control's paths, bodies and errors."""

import json
from pathlib import Path
from typing import Any

from lab.wires import LOOPBACK, run, spec, unused_port
from payment_dr.adapters.settings_file import example
from payment_dr.lab.events import EventLog
from payment_dr.lab.http_server import Request
from payment_dr.lab.network.control import Control
from payment_dr.lab.network.failover import Failover
from payment_dr.lab.network.links import Link
from payment_dr.lab.network.zone import Zone

SETTINGS = example("development")


def zone() -> Zone:
    return Zone(SETTINGS.dns, lambda: "127.0.1.1")


def test_links_health_and_answer_are_shown_and_a_link_is_changed(tmp_path: Path) -> None:
    async def scene() -> None:
        with EventLog(tmp_path / "network.jsonl") as events:
            port = unused_port()
            link = Link(spec(port, 1, delay_ms=2, name="client->east"), events)
            await link.start()
            failover = Failover(SETTINGS, events, now_ns=lambda: 5)
            control = Control({link.name: link}, failover, zone())

            async def call(method: str, path: str, body: object = None) -> tuple[int, Any]:
                request = Request(
                    method=method,
                    path=path,
                    query="",
                    headers={},
                    body=b"" if body is None else json.dumps(body).encode(),
                )
                response = await control.handle(request)
                return response.status, json.loads(response.body)

            view = {
                "name": "client->east",
                "listen": f"{LOOPBACK}:{port}",
                "target": f"{LOOPBACK}:1",
                "mode": "pass",
                "delay_ms": 2.0,
                "connections": 0,
            }
            assert await call("GET", "/links") == (200, [view])
            changed = {**view, "mode": "refuse", "delay_ms": 7.0}
            body = {"mode": "refuse", "delay_ms": 7}
            assert await call("POST", "/links/client-%3Eeast", body) == (200, changed)
            assert await call("POST", "/links/client->east", {}) == (200, changed)
            status, error = await call("POST", "/links/client->north", {})
            assert (status, error["error"]) == (
                404,
                "no link 'client->north'; there are ['client->east']",
            )
            bodies: list[object] = [{"mode": "drop"}, {"delay_ms": -1}, {"speed": 1}, []]
            for bad in bodies:
                status, error = await call("POST", "/links/client->east", bad)
                assert status == 400
                assert "validation error" in error["error"]
            assert (await call("DELETE", "/links"))[0] == 404
            health = {"healthy": True, "failures": 0, "since_ns": 5}
            names = [site.name for site in SETTINGS.sites]
            assert await call("GET", "/health-checks") == (200, dict.fromkeys(names, health))
            assert await call("GET", "/answer") == (200, {"site": SETTINGS.home})
            link.stop()

    run(scene)


def test_what_failed_is_answered_with_a_conflict(tmp_path: Path) -> None:
    async def scene() -> None:
        with EventLog(tmp_path / "network.jsonl") as events:
            port = unused_port()
            link, other = (Link(spec(port, 1), events) for _ in range(2))
            await link.start()
            failover = Failover(SETTINGS, events, now_ns=lambda: 5)
            control = Control({"a->b": other}, failover, zone())
            request = Request(
                method="POST", path="/links/a->b", query="", headers={}, body=b'{"mode": "pass"}'
            )
            response = await control.handle(request)
            assert response.status == 409
            assert b"cannot listen" in response.body
            link.stop()

    run(scene)


def test_probes_and_time_to_live_are_replaced_by_those_that_were_deployed(tmp_path: Path) -> None:
    async def scene() -> None:
        with EventLog(tmp_path / "network.jsonl") as events:
            failover, answered = Failover(SETTINGS, events, now_ns=lambda: 5), zone()
            control = Control({}, failover, answered)

            async def call(method: str, body: object = None) -> tuple[int, Any]:
                request = Request(
                    method=method,
                    path="/routing",
                    query="",
                    headers={},
                    body=json.dumps(body).encode(),
                )
                response = await control.handle(request)
                return response.status, json.loads(response.body)

            before = {"probes": {"interval_s": 1, "threshold": 3}, "ttl_s": 1}
            assert await call("GET") == (200, before)
            wanted = {"probes": {"interval_s": 10, "threshold": 2}, "ttl_s": 7}
            assert await call("POST", wanted) == (200, wanted)
            assert (failover.probes.threshold, answered.ttl_s) == (2, 7)
            for site in ("east", "east"):
                failover.probed(site, "no answer")
            assert not failover.view["east"]["healthy"]
            assert (await call("POST", {"ttl_s": 3}))[0] == 400
            assert await call("GET") == (200, wanted)

    run(scene)
