"""Webhooks per second to a local receiver, against bare POSTs of the same bodies.

Ours plans, leases, signs, sends and records, with the lab's PostgreSQL and directory. The floor
sends the same bodies by urllib3 on as many threads, and keeps no account of it. Both take turns in
one process; the receiver is another one. Run as `python benchmarks/webhooks.py`.
"""

import argparse
import asyncio
import json
import secrets
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import urllib3
import uvloop

from common import Result, emit, median, say
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.name_resolver import resolving
from payment_dr.adapters.settings_file import example
from payment_dr.adapters.webhook_sender import WebhookSender
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.functions.composition import JOBS, Composition, compose
from payment_dr.functions.environment import environment_from
from payment_dr.functions.webhooks import deliveries_of, queue_of
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.http_server import HttpServer, Request, Response
from payment_dr.lab.supervisor import Lab
from payment_dr.payments.endpoints import CreateEndpoint
from payment_dr.payments.jobs.deliverer import LANES, Deliverer
from payment_dr.payments.journal import Booking, EventType, PaymentNow
from payment_dr.payments.record import OperationKind, PaymentState

SITE: Final = SiteName("east")
MERCHANT: Final = "merchant-0"
GOAL_PER_S: Final = 500
STAMP: Final = Stamp(epoch=Epoch(1), site=SITE)
LONG_S: Final = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """Parts of the active site, its deliverer, and where the receiver listens."""

    lab: Lab
    parts: Composition
    deliverer: Deliverer
    url: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--events", type=int, default=3000, help="in a run")
    parser.add_argument("--receive", type=int, help="be the receiver, at this port")
    given = parser.parse_args()
    if given.receive:
        uvloop.run(receive(given.receive))
        return
    ours: list[float] = []
    floor: list[float] = []
    with bench() as at:
        deliver(at, given.events)
        for number in range(given.runs):
            ours.append(deliver(at, given.events))
            floor.append(post(at, bodies(at, given.events)))
            say(f"run {number + 1}: ours {ours[-1]:.0f}/s, floor {floor[-1]:.0f}/s")
    detail = {
        "events": given.events,
        "goal_per_s": GOAL_PER_S,
        "reached": median(ours) >= GOAL_PER_S,
        "share_of_floor": round(median(ours) / median(floor), 2),
        "threads": LANES,
    }
    emit(Result(name="webhooks delivered", unit="1/s", runs=tuple(ours), detail=detail))
    emit(Result(name="webhooks, floor: bare urllib3", unit="1/s", runs=tuple(floor)))


@contextmanager
def bench() -> Iterator[Bench]:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = int(probe.getsockname()[1])
    with ExitStack() as undo:
        receiver = subprocess.Popen([sys.executable, __file__, "--receive", str(port)])
        undo.callback(receiver.wait, 10)
        undo.callback(receiver.terminate)
        lab = undo.enter_context(Lab(example("development"), schedules={}))
        parts = compose(environment_from(lab.environment(SITE)), JOBS)
        undo.callback(parts.close)
        queue = undo.enter_context(closing(queue_of(parts.environment)))
        sender = undo.enter_context(closing(WebhookSender(resolving(), loopback=True)))
        url = f"http://{LOOPBACK}:{port}/hook"
        request = CreateEndpoint(url=url, events=("*",))
        parts.merchants.endpoints.write(MERCHANT, request, secrets.token_hex(8))
        deliverer = deliveries_of(parts, queue, sender).deliverer
        yield Bench(lab=lab, parts=parts, deliverer=deliverer, url=url)


async def receive(port: int) -> None:
    async def accept(_request: Request) -> Response:
        return Response(status=200)

    await HttpServer(port, accept).open()
    await asyncio.Event().wait()


def booking() -> Booking:
    now = SystemClock().now()
    return Booking(
        operation_id=str(uuid.uuid4()),
        payment_id=str(uuid.uuid4()),
        merchant=MERCHANT,
        kind=OperationKind.CHARGE,
        type=EventType.AUTHORISED,
        order=1,
        currency="EUR",
        amount=1250,
        decline_code=None,
        postings=(),
        payment=PaymentNow(
            status=PaymentState.AUTHORISED,
            amount=1250,
            captured=0,
            refunded=0,
            fees=0,
            created_at=now,
        ),
        occurred_at=now,
    )


def deliver(at: Bench, count: int) -> float:
    """Deliveries per second, from the outbox to the last record."""
    bookings = [booking() for _ in range(count)]
    for start in range(0, count, 500):
        at.parts.ports.ledger.post(bookings[start : start + 500], STAMP)
    begun = time.perf_counter()
    run = at.deliverer.run(LONG_S)
    taken = time.perf_counter() - begun
    assert (run.planned, run.delivered) == (count, count), run
    return count / taken


def bodies(at: Bench, count: int) -> list[bytes]:
    with at.lab.connect(SITE) as connection:
        rows: list[Any] = connection.execute(
            "SELECT body FROM ledger.event ORDER BY seq DESC LIMIT %s", (count,)
        ).fetchall()
    return [json.dumps(body).encode() for (body,) in rows]


def post(at: Bench, all_bodies: list[bytes]) -> float:
    """Bare POSTs per second, on as many threads as ours uses for one endpoint."""
    pool = urllib3.PoolManager(maxsize=LANES)
    headers = {"content-type": "application/json", "payment-signature": "t=1,v1=" + "0" * 64}

    def one(body: bytes) -> int:
        return pool.request("POST", at.url, body=body, headers=headers, retries=False).status

    with ThreadPoolExecutor(LANES) as threads:
        begun = time.perf_counter()
        statuses = list(threads.map(one, all_bodies))
        taken = time.perf_counter() - begun
    pool.clear()
    assert set(statuses) == {200}
    return len(all_bodies) / taken


if __name__ == "__main__":
    main()
