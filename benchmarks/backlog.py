"""A backlog of unconfirmed payments to post: a ledger that lacks them all, a table that has them.

The ledger is a lab's PostgreSQL. DynamoDB's stand-in here is a process that answers Query of the
index and BatchGetItem over HTTP, as DynamoDB would, from numbers: a payment's item is made from its
number when it is asked for. The lab's own emulator looks through every item at each page of an
index, which takes seconds a page at a million items, where DynamoDB seeks; and it would be measured
in place of what is ours. Ours is all there: the client, its parsing, records, bookings, SQL.
Every strongly consistent read takes the lab's usual `majority_delay_ms` longer.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from random import SystemRandom
from typing import Any, Final

import psutil
import uvloop

from ledger_server import STAMP, ledger_server, login, owner
from patroni_peer import free_port
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.dynamodb import DynamoPaymentsTable, table_config
from payment_dr.adapters.postgres import PostgresLedger
from payment_dr.adapters.record_items import KEY, UNCONFIRMED_KEY, item_of
from payment_dr.adapters.settings_file import example
from payment_dr.core.money import Money
from payment_dr.core.stamp import SiteName
from payment_dr.functions.composition import aws_client
from payment_dr.functions.environment import environment_from
from payment_dr.lab.addresses import LOOPBACK, accepts, choose_addresses
from payment_dr.lab.function_environment import function_environment
from payment_dr.lab.http_server import HttpServer, Request, Response
from payment_dr.lab.postgres import Cluster
from payment_dr.payments.journal import Booking, bookings_of
from payment_dr.payments.record import (
    UNCONFIRMED_SHARDS,
    Operation,
    OperationKind,
    OperationState,
    Record,
    StoredResponse,
)

SITE: Final = SiteName("east")
MERCHANTS: Final = 10
DELAY_MS: Final = 5.0
LEDGER_S: Final = 60.0
_SPREAD: Final = 0x9E3779B97F4A7C15F39CC0605CEDC835
"""Odd, and 1 modulo the shards: numbers become ids that lie everywhere, and can be had back."""
_BACK: Final = pow(_SPREAD, -1, 1 << 128)
_OPERATION: Final = 1 << 64


def id_of(number: int) -> str:
    text = f"{number * _SPREAD % (1 << 128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def number_of(payment_id: str) -> int:
    return int(payment_id.replace("-", ""), 16) * _BACK % (1 << 128)


def record(number: int, now: float) -> Record:
    """A payment that was charged at once, as the service leaves it."""
    payment_id = id_of(number)
    answer = {"id": payment_id, "status": "captured", "amount": 1250, "currency": "EUR"}
    charge = Operation(
        operation_id=id_of(number + _OPERATION),
        kind=OperationKind.CHARGE,
        idempotency_key=f"order-{number:012d}",
        fingerprint=f"{number:064x}",
        amount_minor=1250,
        capture=True,
        payment_method="pm_card_visa",
        state=OperationState.SUCCEEDED,
        provider_reference=f"ch_{number:024d}",
        decline_code=None,
        response=StoredResponse(status=201, body=json.dumps(answer)),
        started_at=now,
        decided_at=now,
        fee_minor=43,
    )
    return Record(
        payment_id=payment_id,
        merchant=f"merchant-{number % MERCHANTS}",
        money=Money(minor_units=1250, currency="EUR"),
        operations=(charge,),
        version=2,
        lease=None,
        unconfirmed=number % UNCONFIRMED_SHARDS,
        epoch=STAMP.epoch,
        site=SITE,
        created_at=now,
        updated_at=now,
    )


class Table:
    """Answers for payments 0 to `count`, all of them unconfirmed."""

    def __init__(self, count: int, delay_s: float) -> None:
        self._count = count
        self._delay_s = delay_s
        # An item is made by filling in what differs: json.dumps of each would cost more than we do.
        text = json.dumps(item_of(record(_MODEL, time.time())))
        for found, hole in _HOLES.items():
            text = text.replace(found, hole)
        self._item = text.replace("%", "%%").replace("<", "%(").replace(">", ")s").__mod__

    async def answer(self, request: Request) -> Response:
        action = request.headers["x-amz-target"].rpartition(".")[2]
        data = json.loads(request.body)
        if action == "Query":
            return Response(status=200, body=self._page(data))
        ((table, wanted),) = data["RequestItems"].items()
        await asyncio.sleep(self._delay_s)
        numbers = [number_of(key[KEY]["S"]) for key in wanted["Keys"]]
        items = ",".join(self._item(_filling(number)) for number in numbers)
        body = f'{{"Responses":{{"{table}":[{items}]}},"UnprocessedKeys":{{}}}}'
        return Response(status=200, body=body.encode())

    def _page(self, data: dict[str, Any]) -> bytes:
        shard = int(data["ExpressionAttributeValues"][":shard"]["N"])
        start = data.get("ExclusiveStartKey")
        first = shard if start is None else number_of(start[KEY]["S"]) + UNCONFIRMED_SHARDS
        last = min(first + UNCONFIRMED_SHARDS * data["Limit"], self._count)
        ids = [id_of(number) for number in range(first, last, UNCONFIRMED_SHARDS)]
        items = [{KEY: {"S": one}, UNCONFIRMED_KEY: {"N": str(shard)}} for one in ids]
        answer: dict[str, Any] = {"Items": items, "Count": len(items)}
        if last < self._count and items:
            answer["LastEvaluatedKey"] = items[-1]
        return json.dumps(answer).encode()


_MODEL: Final = 0x7BCDEF
_HOLES: Final = {
    id_of(_MODEL): "<payment>",
    id_of(_MODEL + _OPERATION): "<operation>",
    f"{_MODEL:012d}": "<number>",
    f"{_MODEL:064x}": "<print>",
    f"merchant-{_MODEL % MERCHANTS}": "<merchant>",
    f'"{UNCONFIRMED_KEY}": {{"N": "{_MODEL % UNCONFIRMED_SHARDS}"}}': (
        f'"{UNCONFIRMED_KEY}": {{"N": "<shard>"}}'
    ),
}


def _filling(number: int) -> dict[str, object]:
    return {
        "payment": id_of(number),
        "operation": id_of(number + _OPERATION),
        "number": f"{number:012d}",
        "print": f"{number:064x}",
        "merchant": f"merchant-{number % MERCHANTS}",
        "shard": number % UNCONFIRMED_SHARDS,
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """The parts that post, of one site; `server` is the ledger's own, empty."""

    table: DynamoPaymentsTable
    ledger: PostgresLedger
    server: Cluster


@contextmanager
def backlog(count: int, *, delay_ms: float = DELAY_MS) -> Generator[Backlog]:
    """So many unconfirmed payments, and a ledger without them."""
    with ExitStack() as undo:
        server = undo.enter_context(ledger_server())
        port = free_port()
        command = [sys.executable, __file__, "--serve", str(port), "--count", str(count)]
        table = subprocess.Popen([*command, "--delay-ms", str(delay_ms)])
        undo.callback(table.wait, 10)
        undo.callback(table.terminate)
        while not accepts(port):
            assert table.poll() is None, "the table has ended"
        yield Backlog(
            table=_table(port), ledger=undo.enter_context(closing(_ledger(server))), server=server
        )


def _table(port: int) -> DynamoPaymentsTable:
    settings = example("development")
    addresses = choose_addresses(settings, SystemRandom())
    environment = environment_from(
        {
            **function_environment(settings, addresses, SITE),
            "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{port}",
        }
    )
    limits = settings.payments
    client = aws_client(environment, "dynamodb", table_config(limits, connections=8))
    return DynamoPaymentsTable(
        client,
        settings.resource("table"),
        clock=SystemClock(),
        deadline_s=limits.table_timeout_s,
    )


def _ledger(server: Cluster) -> PostgresLedger:
    return PostgresLedger(lambda: login(server.port), timeout_s=LEDGER_S, connections=4)


def bookings(payments: int, page: int) -> Iterator[tuple[Booking, ...]]:
    """What the payments imply, by pages."""
    now = time.time()
    for start in range(0, payments, page):
        numbers = range(start, min(start + page, payments))
        yield tuple(booking for n in numbers for booking in bookings_of(record(n, now)))


def empty(server: Cluster) -> None:
    """Take every row out of the ledger but its stamp."""
    with owner(server) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "TRUNCATE ledger.outbox, ledger.event, ledger.posting, ledger.journal_entry, "
            "ledger.payment, ledger.balance, ledger.delivery"
        )
        connection.execute("CHECKPOINT")


def server_cpu_s() -> float:
    """CPU that the servers begun by this process have taken; what has ended is not in it."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.name() == "postgres":
                times = process.cpu_times()
                total += times.user + times.system
    return total


async def _serve(port: int, table: Table) -> None:
    await HttpServer(port, table.answer).open()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--delay-ms", type=float, default=DELAY_MS)
    given = parser.parse_args()
    uvloop.run(_serve(given.serve, Table(given.count, given.delay_ms / 1000)))
