"""A payment service in memory behind the links of both sites, a name server, faults on demand.

It is honest about effects: one that is made and then kept from the client counts like any other,
so that a load that retried with another key would be seen to pay twice.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from enum import Enum, unique
from pathlib import Path
from random import Random
from typing import Any

from lab.wires import LOOPBACK, until
from payment_dr.adapters.settings_file import example
from payment_dr.core.settings import DnsSettings
from payment_dr.lab.addresses import claim_addresses
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.events import EventLog
from payment_dr.lab.http_server import HttpServer, Request, Response
from payment_dr.lab.load.plan import Plan
from payment_dr.lab.network.links import Link
from payment_dr.lab.network.name_server import name_server
from payment_dr.lab.network.zone import Zone
from payment_dr.lab.stand_in import Place, place_at

SETTINGS = example("development").model_copy(update={"dns": DnsSettings(ttl_s=1)})
HOME = SETTINGS.home
OTHER = SETTINGS.peer(HOME).name
KEYS = {"acme": "key-acme", "bobs": "key-bobs"}


@unique
class Fault(Enum):
    """What befalls a request."""

    NONE = "none"
    SILENT_BEFORE = "silent before the effect"
    SILENT_AFTER = "silent after the effect"
    IN_PROGRESS = "409"
    INDETERMINATE = "202"
    UNAVAILABLE = "503"
    BROKEN = "500"


def plan_of(**changes: object) -> Plan:
    """A quick plan of 0.5 s at 200 payments/s."""
    quick: dict[str, object] = {
        "seed": 7,
        "keys": KEYS,
        "settle_s": 5,
        "rate_per_s": 200,
        "duration_s": 0.5,
        "timeout_s": 0.2,
        "backoff_s": 0.005,
        "backoff_max_s": 0.02,
    }
    return Plan.model_validate({**quick, **changes})


class Service:
    """What happened, and what is to happen."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.answering = HOME
        self.fault: Callable[[str, Request], Fault] = lambda _site, _request: Fault.NONE
        self.links: dict[str, Link] = {}
        self.payments: dict[str, dict[str, Any]] = {}
        self.effects: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()

    def serve(self, site: str, request: Request) -> Response | None:
        self.requests[site] += 1
        fault = self.fault(site, request)
        match fault:
            case Fault.SILENT_BEFORE:
                return None
            case Fault.IN_PROGRESS:
                return answer(409, {"status": 409, "code": "in_progress"}, site, retry_after=0)
            case Fault.INDETERMINATE:
                return answer(202, {"status": "indeterminate"}, site, retry_after=0)
            case Fault.UNAVAILABLE:
                return answer(503, {"status": 503}, site, retry_after=0)
            case Fault.BROKEN:
                return Response(status=500, body=b"<html>")
            case _:
                response = self._effect(site, request)
                return None if fault is Fault.SILENT_AFTER else response

    def _effect(self, site: str, request: Request) -> Response:
        merchant = {f"Bearer {key}": name for name, key in KEYS.items()}.get(
            request.headers.get("authorization", "")
        )
        if merchant is None:
            return answer(401, {"status": 401}, site)
        if request.path == "/v1/payments":
            return self._pay(site, merchant, request)
        payment = self.payments.get(request.path.split("/")[3])
        if payment is None:
            return answer(404, {"status": 404}, site)
        if request.method == "POST":
            self.effects[request.headers["idempotency-key"]] = 1
            return answer(201, {**payment["body"], "status": "refunded"}, site)
        return answer(200, payment["body"], site)

    def _pay(self, site: str, merchant: str, request: Request) -> Response:
        key = request.headers["idempotency-key"]
        payment_id = f"{merchant}.{key}"
        asked = json.loads(request.body)
        declined = asked["payment_method"] != "pm_card_visa"
        payment = self.payments.get(payment_id)
        if payment is not None:
            if payment["request"] != request.body:
                return answer(422, {"payment_id": payment_id, "status": 422}, site)
            return answer(payment["status"], payment["body"], site, replayed=True)
        body = {
            "payment_id": payment_id,
            "status": "declined" if declined else "captured",
            "amount": asked["amount"],
            "currency": asked["currency"],
        }
        self.effects[key] += 1
        status = 402 if declined else 201
        self.payments[payment_id] = {"request": request.body, "body": body, "status": status}
        return answer(status, body, site)


def answer(
    status: int,
    body: object,
    site: str,
    *,
    replayed: bool = False,
    retry_after: int | None = None,
) -> Response:
    headers = {"payment-site": site}
    if replayed:
        headers["idempotent-replayed"] = "true"
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    return Response(status=status, body=json.dumps(body).encode(), headers=headers)


@asynccontextmanager
async def service(root: Path) -> AsyncIterator[Service]:
    directory = LabDirectory.create(root)
    servers: list[HttpServer] = []
    async with AsyncExitStack() as stack:
        claim = claim_addresses(SETTINGS, Random())
        stack.callback(claim.release)
        addresses = claim.addresses
        directory.write(SETTINGS, addresses)
        made = Service(place_at(root))
        events = stack.enter_context(EventLog(directory.events / "network.jsonl"))
        for site, (_, port) in addresses.api_target.items():

            async def handle(request: Request, *, site: str = site) -> Response | None:
                return made.serve(site, request)

            server = HttpServer(port, handle)
            await server.open()
            servers.append(server)
            link = Link(addresses.link(f"client->{site}"), events)
            await link.start()
            stack.callback(link.stop)
            made.links[site] = link
        zone = Zone(SETTINGS.dns, lambda: addresses.link_address[made.answering])
        await stack.enter_async_context(name_server(LOOPBACK, addresses.dns_port, zone.respond))
        try:
            yield made
        finally:
            for server in servers:
                server.refuse()
            await until(lambda: not any(server.connections for server in servers))
