"""Journal entries per second beside django-hordak, on one and the same PostgreSQL.

Each entry is one transaction with two legs: 12.50 EUR that the provider owes us and that we owe
the merchant. Clients are processes with one connection each; the parts take turns by small blocks.

    ours    `PostgresLedger.post`: the entry, and with it its event, its payment as it is now, the
            totals of both accounts, a place in the outbox, all under the stamp of who may write
    hordak  `Account.transfer_to`, as its documentation recommends: the entry and its legs
    floor   one statement that inserts the entry and its legs, into tables without triggers

Needs the environment `.venv/peers`, which `make bench` makes. Run as
`python benchmarks/ledger_peer.py`.
"""

import argparse
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final, LiteralString

import psycopg

from common import ROOT, Result, emit, say
from ledger_server import OWNER, STAMP, ledger_server, login
from payment_dr.adapters.postgres import LedgerLogin, PostgresLedger
from payment_dr.lab.errors import LabError
from payment_dr.lab.postgres import Cluster
from payment_dr.payments.journal import Account, Booking, EventType, PaymentNow, Posting
from payment_dr.payments.ports import Posted
from payment_dr.payments.record import OperationKind, PaymentState

OURS: Final = "ours"
HORDAK: Final = "hordak"
FLOOR: Final = "floor"
PARTS: Final = (OURS, HORDAK, FLOOR)
CLIENTS: Final = (1, 4)
AMOUNT: Final = 1250
WARM_UP: Final = 50
BLOCK: Final = 48
"""Entries of one part before it is the next one's turn."""

PEERS_PYTHON: Final = ROOT / ".venv" / "peers" / "bin" / "python"

PLAIN: Final = """
CREATE SCHEMA plain;
CREATE TABLE plain.journal_entry (LIKE ledger.journal_entry INCLUDING ALL);
CREATE TABLE plain.posting (LIKE ledger.posting INCLUDING ALL);
GRANT USAGE ON SCHEMA plain TO payment_app;
GRANT SELECT, INSERT ON plain.journal_entry, plain.posting TO payment_app;
"""
BY_HAND: Final = """
WITH entry AS (
    INSERT INTO plain.journal_entry
        (entry_id, payment_id, merchant, kind, currency, occurred_at, epoch)
    VALUES (%(entry)s, %(payment)s, 'merchant-0', 'charge', 'EUR', now(), 1) RETURNING entry_id)
INSERT INTO plain.posting (entry_id, leg, account, minor_units, currency)
SELECT entry_id, leg, account, minor_units, 'EUR'
FROM entry, (VALUES (1, 'provider_receivable', 1250), (2, 'merchant_payable', -1250))
    AS legs (leg, account, minor_units)
"""

COUNTS: Final[Mapping[str, tuple[str, LiteralString]]] = {
    OURS: (
        "ledger",
        (
            "SELECT count(*) FROM (SELECT FROM ledger.posting GROUP BY entry_id "
            "HAVING count(*) = 2 AND sum(minor_units) = 0) AS balanced"
        ),
    ),
    HORDAK: (
        "hordak",
        (
            "SELECT count(*) FROM (SELECT FROM hordak_leg GROUP BY transaction_id "
            "HAVING count(*) = 2 AND sum(coalesce(credit, 0) - coalesce(debit, 0)) = 0) AS balanced"
        ),
    ),
    FLOOR: (
        "ledger",
        (
            "SELECT count(*) FROM (SELECT FROM plain.posting GROUP BY entry_id "
            "HAVING count(*) = 2 AND sum(minor_units) = 0) AS balanced"
        ),
    ),
}
"""Database and query: balanced entries of two legs."""

Enter = Callable[[], None]


def booking() -> Booking:
    """A captured payment."""
    now = time.time()
    return Booking(
        operation_id=str(uuid.uuid4()),
        payment_id=str(uuid.uuid4()),
        merchant="merchant-0",
        kind=OperationKind.CHARGE,
        type=EventType.CAPTURED,
        order=1,
        currency="EUR",
        amount=AMOUNT,
        decline_code=None,
        postings=(
            Posting(account=Account.PROVIDER_RECEIVABLE, minor_units=AMOUNT),
            Posting(account=Account.MERCHANT_PAYABLE, minor_units=-AMOUNT),
        ),
        payment=PaymentNow(
            status=PaymentState.CAPTURED,
            amount=AMOUNT,
            captured=AMOUNT,
            refunded=0,
            fees=0,
            created_at=now,
        ),
        occurred_at=now,
    )


@contextmanager
def entering(part: str, place: LedgerLogin) -> Iterator[Enter]:
    """What makes one entry of ours, or of the floor."""
    if part == OURS:
        with closing(PostgresLedger(lambda: place, timeout_s=30, connections=1)) as ledger:

            def ours() -> None:
                assert ledger.post((booking(),), STAMP) is Posted.DONE

            yield ours
        return
    with psycopg.connect(**place.parameters(), autocommit=True) as connection:

        def by_hand() -> None:
            ids = {"entry": str(uuid.uuid4()), "payment": str(uuid.uuid4())}
            connection.execute(BY_HAND, ids, prepare=False)

        yield by_hand


def serve(part: str, port: int) -> None:
    """A worker: as hordak_worker.py."""
    with entering(part, login(port)) as enter:
        print("ready", flush=True)
        for line in sys.stdin:
            began = time.perf_counter()
            for _ in range(int(line)):
                enter()
            print(time.perf_counter() - began, flush=True)


class Worker:
    """A client in a process of its own."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        # pylint: disable-next=consider-using-with; it ends in `close`
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.answer()

    def begin(self, entries: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{entries}\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a worker has ended; its words are above")
        return line

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)


def command_of(part: str, number: int, server: Cluster) -> Sequence[str | Path]:
    if part != HORDAK:
        return (sys.executable, __file__, "--work", part, str(server.port))
    place = login(server.port, OWNER)
    database = {
        "host": place.host,
        "port": place.port,
        "user": place.user,
        "password": place.password,
        "name": "hordak",
        "number": number,
    }
    return (PEERS_PYTHON, Path(__file__).with_name("hordak_worker.py"), json.dumps(database))


@contextmanager
def crew(server: Cluster) -> Iterator[dict[str, list[Worker]]]:
    """As many workers of each part as there may be clients, warm."""
    with server.connect(user=OWNER) as admin:
        admin.execute(PLAIN)
        admin.commit()
        admin.autocommit = True
        admin.execute("CREATE DATABASE hordak")
    with ExitStack() as undo:
        made: dict[str, list[Worker]] = {part: [] for part in PARTS}
        for part in PARTS:
            for number in range(max(CLIENTS)):
                worker = Worker(command_of(part, number, server))
                undo.callback(worker.close)
                made[part].append(worker)
            spent_s(made[part], WARM_UP)
        yield made


def spent_s(workers: Sequence[Worker], entries: int) -> float:
    """Seconds until each of them has made so many, all at once."""
    began = time.perf_counter()
    for worker in workers:
        worker.begin(entries)
    for worker in workers:
        worker.answer()
    return time.perf_counter() - began


def rates(workers: Mapping[str, Sequence[Worker]], clients: int, blocks: int) -> dict[str, float]:
    """Entries per second of each part; what disturbs one by small blocks disturbs all."""
    spent = dict.fromkeys(PARTS, 0.0)
    for _ in range(blocks):
        for part in PARTS:
            spent[part] += spent_s(workers[part][:clients], BLOCK // clients)
    return {part: blocks * BLOCK / seconds for part, seconds in spent.items()}


def counted(server: Cluster) -> dict[str, int]:
    """Entries that each part has left, of two balanced legs each."""
    found: dict[str, int] = {}
    for part, (database, count) in COUNTS.items():
        with server.connect(user=OWNER, database=database) as connection:
            row = connection.execute(count).fetchone()
        assert row is not None
        found[part] = row[0]
    return found


def measure(server: Cluster, runs: int, blocks: int) -> None:
    found: dict[tuple[str, int], list[float]] = {(p, c): [] for c in CLIENTS for p in PARTS}
    with crew(server) as workers:
        for run in range(runs):
            for clients in CLIENTS:
                for part, per_s in rates(workers, clients, blocks).items():
                    found[part, clients].append(per_s)
            told = ", ".join(f"{p} x{c} {of[-1]:.0f}/s" for (p, c), of in found.items())
            say(f"  run {run + 1}: {told}")
    made = WARM_UP * max(CLIENTS) + runs * blocks * BLOCK * len(CLIENTS)
    left = counted(server)
    assert left == dict.fromkeys(PARTS, made), (left, made)
    for clients in CLIENTS:
        report(clients, {part: found[part, clients] for part in PARTS}, blocks * BLOCK)


def report(clients: int, found: Mapping[str, list[float]], entries: int) -> None:
    detail = {"clients": clients, "entries_per_run": entries, "legs": 2, "block": BLOCK}
    by = f"journal entries by {clients} {'client' if clients == 1 else 'clients'}"
    for part, per_s in found.items():
        emit(Result(name=f"{by}: {part}", unit="1/s", runs=tuple(per_s), detail=detail))
    for part in (HORDAK, FLOOR):
        ratios = tuple(a / b for a, b in zip(found[OURS], found[part], strict=True))
        emit(Result(name=f"{by}: ours to {part}", unit="x", runs=ratios, detail=detail))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--blocks", type=int, default=20, help=f"of {BLOCK} entries in a run")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.runs < 1 or options.blocks < 1:
        parser.error("--runs and --blocks must be at least 1")
    if options.work:
        part, port = options.work
        serve(part, int(port))
        return 0
    if not PEERS_PYTHON.exists():
        raise LabError(f"{PEERS_PYTHON} is missing", remedy="make bench makes it")
    say(f"journal entries beside django-hordak: {options.runs} runs")
    with ledger_server() as server:
        measure(server, options.runs, options.blocks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
