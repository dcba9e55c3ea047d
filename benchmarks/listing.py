"""Lists and balances of a ledger that holds a million payments: p99 of one page, and its plans.

The rows are made by SQL in the real schema, as `ledger.book` would have left them: half of the
payments are of one merchant, the others of 999; one in ten is refunded a day later. Then the real
queries (`adapters.ledger_queries`) read pages of 100 at random places and balances. A time is that
of the whole call, with two round trips and the reading of the rows; so at the database it is less.
The floor, in turn with them, is two statements on loopback that read nothing.

Run as `python benchmarks/listing.py`.
"""

import argparse
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final, LiteralString

from psycopg import Connection

from common import Result, emit, median, say
from ledger_server import OWNER, ledger_server, login
from payment_dr.adapters.ledger_queries import LedgerQueries
from payment_dr.lab.postgres import Cluster
from payment_dr.payments.books import PaymentPlace

PAYMENTS: Final = 1_000_000
LIMIT_MS: Final = 20.0
PAGE: Final = 100
LARGE: Final = "merchant-0"
OTHERS: Final = 999
SEED: Final = 20_260
PLACES: Final = 2000
"""Places from which pages are read, of payments and of events."""

FLOOR: Final = "floor: two round trips"

SPACING_S: Final = 30
"""Between two payments: a million span most of a year."""

ROWS: Final[Mapping[str, LiteralString]] = {
    "payments": """
        CREATE UNLOGGED TABLE made AS
        SELECT n, md5('payment' || n)::uuid AS payment_id, md5('charge' || n)::uuid AS charge_id,
            CASE WHEN n %% 10 = 0 THEN md5('refund' || n)::uuid END AS refund_id,
            'merchant-' || CASE WHEN n %% 2 = 0 THEN 0 ELSE 1 + n / 2 %% {others} END AS merchant,
            (ARRAY['EUR', 'USD', 'JPY'])[1 + n %% 3] AS currency,
            100 + n * 7919 %% 20000 AS amount,
            timestamptz '2026-01-01' + n * interval '{spacing} s' AS at
        FROM generate_series(1, %(payments)s::bigint) AS n""",
    "operations": """
        CREATE UNLOGGED TABLE operation AS
        SELECT charge_id AS id, 'charge' AS kind, 'payment.captured' AS type, 1 AS ord,
            0 AS refunded, at AS decided, made.* FROM made
        UNION ALL
        SELECT refund_id, 'refund', 'payment.refunded', 2, amount, at + interval '1 day', made.*
        FROM made WHERE refund_id IS NOT NULL""",
    "events": """
        INSERT INTO ledger.event (event_id, payment_id, ord, merchant, type, body)
        SELECT id, payment_id, ord, merchant, type, jsonb_build_object(
            'event_id', id, 'type', type, 'order', ord, 'payment_id', payment_id,
            'operation', kind, 'amount', amount, 'currency', currency, 'decline_code', NULL,
            'occurred_at', extract(epoch FROM decided), 'payment', jsonb_build_object(
                'status', CASE ord WHEN 1 THEN 'captured' ELSE 'refunded' END, 'amount', amount,
                'captured', amount, 'refunded', refunded, 'fees', 0,
                'created_at', extract(epoch FROM at)))
        FROM operation ORDER BY decided""",
    "entries": """
        INSERT INTO ledger.journal_entry
            (entry_id, payment_id, merchant, kind, currency, occurred_at, epoch)
        SELECT id, payment_id, merchant, kind, currency, decided, 1
        FROM operation ORDER BY decided""",
    "postings": """
        INSERT INTO ledger.posting (entry_id, leg, account, minor_units, currency)
        SELECT id, leg, account, minor_units, currency
        FROM operation, LATERAL (VALUES
            (1, CASE ord WHEN 1 THEN 'provider_receivable' ELSE 'refunds' END, amount),
            (2, CASE ord WHEN 1 THEN 'merchant_payable' ELSE 'provider_receivable' END, -amount)
        ) AS legs (leg, account, minor_units)
        ORDER BY decided""",
    "states": """
        INSERT INTO ledger.payment (payment_id, merchant, status, currency, amount, captured,
            refunded, fees, ord, created_at, updated_at)
        SELECT payment_id, merchant,
            CASE WHEN refund_id IS NULL THEN 'captured' ELSE 'refunded' END, currency, amount,
            amount, CASE WHEN refund_id IS NULL THEN 0 ELSE amount END, 0,
            CASE WHEN refund_id IS NULL THEN 1 ELSE 2 END, at,
            CASE WHEN refund_id IS NULL THEN at ELSE at + interval '1 day' END
        FROM made ORDER BY n""",
    "totals": """
        INSERT INTO ledger.balance (merchant, currency, account, shard, minor_units)
        SELECT merchant, p.currency, account, get_byte(uuid_send(entry_id), 15) %% 8,
            sum(minor_units)
        FROM ledger.posting p JOIN ledger.journal_entry USING (entry_id) GROUP BY 1, 2, 3, 4""",
}
"""What fills which part, in this order."""

UNBALANCED: Final = """
SELECT (SELECT count(*) FROM ledger.balance_difference) + (SELECT count(*) FROM (
    SELECT FROM ledger.posting GROUP BY entry_id HAVING sum(minor_units) <> 0 OR count(*) < 2) AS u)
"""

Call = Callable[[], object]


def fill(server: Cluster, payments: int) -> None:
    """A ledger as so many payments leave it; no trigger runs, so what they keep is asked after."""
    with server.connect(user=OWNER) as connection:
        connection.execute("SET session_replication_role = replica")
        for part, statement in ROWS.items():
            began = time.monotonic()
            text = statement.replace("{others}", str(OTHERS)).replace("{spacing}", str(SPACING_S))
            connection.execute(text.encode(), {"payments": payments})
            say(f"  {part}: {time.monotonic() - began:.1f} s")
        assert connection.execute(UNBALANCED).fetchone() == (0,), "the rows do not add up"
        connection.execute("DROP TABLE made, operation")
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
        # Else the first reads would write what was just made.
        connection.execute("CHECKPOINT")


class Explained(LedgerQueries):
    """The queries, which also tell how PostgreSQL runs them."""

    def __init__(self, server: Cluster) -> None:
        super().__init__(lambda: login(server.port), timeout_s=30, connections=1)
        self.plans: list[str] = []

    @contextmanager
    def _connection(self, what: str, *, writes: bool) -> Generator[Any]:
        with super()._connection(what, writes=writes) as connection:
            yield _Explaining(connection, self.plans)


class _Explaining:
    def __init__(self, connection: Connection[Any], plans: list[str]) -> None:
        self._connection = connection
        self._plans = plans

    def execute(self, query: LiteralString, parameters: tuple[object, ...]) -> Any:
        explain = b"EXPLAIN (ANALYZE, BUFFERS) " + query.encode()
        lines = self._connection.execute(explain, parameters).fetchall()
        self._plans.append("\n".join(str(line) for (line,) in lines))
        return self._connection.execute(query, parameters)


class Reads:
    """Calls at random places; the same seed draws the same places."""

    def __init__(self, server: Cluster) -> None:
        self._chance = random.Random(SEED)
        with server.connect() as connection:
            self._events = self._places(connection, "event", "event_id::text")
            self._payments = self._places(
                connection, "payment", "(extract(epoch FROM created_at) * 1000000)::bigint, "
                "payment_id::text",
            )  # fmt: skip

    def _places(
        self, connection: Connection[Any], table: LiteralString, columns: LiteralString
    ) -> Mapping[bool, list[Any]]:
        """Rows of the large merchant and of the others."""
        return {
            large: connection.execute(
                f"SELECT merchant, {columns} FROM ledger.{table} WHERE "  # noqa: S608 - literals
                "(merchant = %s) = %s ORDER BY md5(payment_id::text || 'place') LIMIT %s",
                (LARGE, large, PLACES),
            ).fetchall()
            for large in (True, False)
        }

    def calls(self, books: LedgerQueries) -> Mapping[str, Call]:
        """What is measured; each call reads somewhere else."""
        return {
            "payments": lambda: self._page_of_payments(books),
            "entries": lambda: books.entries(**self._after_event(), limit=PAGE),
            "events": lambda: books.events(**self._after_event(), limit=PAGE),
            "one event": lambda: self._event(books),
            "balances": lambda: books.balances(self._drawn(self._events)[0]),
        }

    def _page_of_payments(self, books: LedgerQueries) -> object:
        merchant, created_us, payment_id = self._drawn(self._payments)
        place = PaymentPlace(created_us=created_us, payment_id=payment_id)
        after = place if self._chance.random() < 0.5 else None
        return books.payments(merchant, after=after, limit=PAGE)

    def _after_event(self) -> dict[str, Any]:
        merchant, event_id = self._drawn(self._events)
        return {"merchant": merchant, "after": event_id if self._chance.random() < 0.5 else None}

    def _event(self, books: LedgerQueries) -> object:
        merchant, event_id = self._drawn(self._events)
        found = books.event(merchant, event_id)
        assert found is not None
        return found

    def _drawn(self, places: Mapping[bool, list[Any]]) -> Any:
        """Half of the calls are the large merchant's."""
        return self._chance.choice(places[self._chance.random() < 0.5])


def times_ms(call: Call, count: int) -> list[float]:
    found: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1000)
    return found


def p99(times: list[float]) -> float:
    """The time that one call in a hundred exceeds."""
    return sorted(times)[math.ceil(len(times) * 0.99) - 1]


def measure(server: Cluster, payments: int, runs: int, count: int) -> None:
    reads = Reads(server)
    with closing(Explained(server)) as explained:
        plans: dict[str, list[str]] = {}
        for name, call in reads.calls(explained).items():
            call()
            plans[name], explained.plans = explained.plans, []
    with (
        closing(LedgerQueries(lambda: login(server.port), timeout_s=30, connections=1)) as books,
        server.connect() as bare,
    ):
        bare.autocommit = True

        def nothing() -> None:
            bare.execute("SELECT 1").fetchone()
            bare.execute("SELECT 1").fetchone()

        calls = {**reads.calls(books), FLOOR: nothing}
        taken: dict[str, list[list[float]]] = {name: [] for name in calls}
        for run in range(runs):
            for name, call in calls.items():
                taken[name].append(times_ms(call, count))
            worst = max(p99(of[-1]) for of in taken.values())
            say(f"  run {run + 1}: the slowest kind has p99 {worst:.2f} ms")
    for name, times in taken.items():
        report(name, times, {"payments": payments, "page": PAGE, "calls_per_run": count}, plans)


def report(
    name: str,
    times: list[list[float]],
    detail: Mapping[str, object],
    plans: Mapping[str, list[str]],
) -> None:
    more = {
        **detail,
        "p50_ms": round(median([statistics.median(of) for of in times]), 3),
        **({} if name == FLOOR else {"limit_ms": LIMIT_MS}),
        "plans": plans.get(name, []),
    }
    runs = tuple(round(p99(of), 3) for of in times)
    emit(
        Result(
            name=f"ledger of {detail['payments']:,}: {name}, p99", unit="ms", runs=runs, detail=more
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--calls", type=int, default=1000, help="of each kind in a run")
    parser.add_argument("--payments", type=int, default=PAYMENTS)
    options = parser.parse_args()
    if min(options.runs, options.calls, options.payments) < 1:
        parser.error("--runs, --calls and --payments must be at least 1")
    with ledger_server() as server:
        say(f"lists and balances: writing {options.payments:,} payments")
        fill(server, options.payments)
        measure(server, options.payments, options.runs, options.calls)
    return 0


if __name__ == "__main__":
    sys.exit(main())
