"""A backlog posted by the poster, against COPY of the very same rows into the very same tables.

The poster reads records from the table, derives bookings and posts page by page, each in its own
transaction, fenced by the stamp. The floor takes what that left in each table, and copies it into
the emptied tables in one transaction: with their constraints, triggers and indexes, and with
nothing read, derived or fenced. Both take turns on one server.

Run as `python benchmarks/posting.py`; `--profile` says where the poster's own time goes.
"""

import argparse
import cProfile
import pstats
import sys
import time
from typing import Final, LiteralString

from psycopg import Connection, sql

from backlog import SITE, Backlog, backlog, empty, server_cpu_s
from common import Result, emit, median, say
from ledger_server import STAMP, owner
from payment_dr.adapters.side_by_side import side_by_side
from payment_dr.payments.jobs.poster import Poster
from payment_dr.payments.ports import ControlView

GOAL_SHARE: Final = 0.5
TABLES: Final[tuple[LiteralString, ...]] = (
    "event",
    "journal_entry",
    "posting",
    "payment",
    "balance",
    "outbox",
)
"""In an order that foreign keys allow."""

Rows = dict[str, bytes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payments", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    ours: list[float] = []
    floor: list[float] = []
    cpu: list[tuple[float, float]] = []
    with backlog(given.payments) as at, owner(at.server) as connection:
        for number in range(given.runs):
            empty(at.server)
            before = time.process_time(), server_cpu_s()
            ours.append(given.payments / post(at, given.payments, profile=given.profile))
            cpu.append((time.process_time() - before[0], server_cpu_s() - before[1]))
            rows = taken(connection)
            empty(at.server)
            floor.append(given.payments / copied(connection, rows))
            assert taken(connection) == rows
            say(f"run {number + 1}: poster {ours[-1]:.0f}/s, COPY {floor[-1]:.0f}/s, CPU {cpu[-1]}")
    share = [one / most for one, most in zip(ours, floor, strict=True)]
    detail = {
        "payments": given.payments,
        "share_of_copy": [round(one, 2) for one in share],
        "goal_share": GOAL_SHARE,
        "reached": median(share) >= GOAL_SHARE,
        "own_cpu_us": round(median([own for own, _ in cpu]) / given.payments * 1e6, 1),
        "postgres_cpu_us": round(median([server for _, server in cpu]) / given.payments * 1e6, 1),
    }
    emit(Result(name="payments posted by the poster", unit="1/s", runs=tuple(ours), detail=detail))
    emit(Result(name="payments posted, floor: COPY", unit="1/s", runs=tuple(floor)))


def post(at: Backlog, payments: int, *, profile: bool) -> float:
    """Seconds of one run of the poster."""

    def control() -> ControlView:
        return ControlView(steady=True, active=SITE, epoch=STAMP.epoch)

    poster = Poster(
        table=at.table, ledger=at.ledger, control=control, site=SITE, together=side_by_side
    )
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    begun = time.perf_counter()
    run = poster.run()
    seconds = time.perf_counter() - begun
    if profile:
        profiler.disable()
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(20)
    assert (run.seen, run.posted, run.whole) == (payments, payments, True)
    return seconds


def taken(connection: Connection) -> Rows:
    """What each table holds, as COPY gives it."""
    rows: Rows = {}
    for table in TABLES:
        statement = sql.SQL("COPY (SELECT * FROM ledger.{} AS t ORDER BY t) TO STDOUT").format(
            sql.Identifier(table)
        )
        with connection.cursor().copy(statement) as copy:
            rows[table] = b"".join(copy)
    return rows


def copied(connection: Connection, rows: Rows) -> float:
    """Seconds of copying them back, in one transaction."""
    begun = time.perf_counter()
    with connection.transaction():
        for table, content in rows.items():
            statement = sql.SQL("COPY ledger.{} FROM STDIN").format(sql.Identifier(table))
            with connection.cursor().copy(statement) as copy:
                copy.write(content)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
