"""Reconciliation of a move: so many unconfirmed payments, none of which the promoted ledger has.

That is the worst of it: after a usual failover nearly all are there. The floor, in turn with it, is
the SQL alone: the same bookings, made before, posted page by page over one connection. What stands
in for DynamoDB, and why, says benchmarks/backlog.py.

Run as `python benchmarks/reconciliation.py --payments 100000 1000000`.
"""

import argparse
import resource
import time

from backlog import Backlog, backlog, bookings, empty, server_cpu_s
from common import Result, emit, median, say
from ledger_server import STAMP
from payment_dr.adapters.side_by_side import side_by_side
from payment_dr.payments.jobs.reconcile import reconcile
from payment_dr.payments.jobs.walk import PAGE

GOAL_S = {100_000: 20.0}
FLOOR_MAX = 100_000
"""The floor's bookings are made before and kept, so it posts no more of them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payments", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    for payments in given.payments:
        with backlog(payments) as at:
            measure(at, payments, given.runs)


def measure(at: Backlog, payments: int, runs: int) -> None:
    ours: list[float] = []
    floor: list[float] = []
    cpu: list[tuple[float, float]] = []
    made = min(payments, FLOOR_MAX)
    pages = list(bookings(made, PAGE))
    for number in range(runs):
        empty(at.server)
        before = time.process_time(), server_cpu_s()
        begun = time.perf_counter()
        found = reconcile(at.table, at.ledger, STAMP, started_at=time.time(), together=side_by_side)
        ours.append(time.perf_counter() - begun)
        cpu.append((time.process_time() - before[0], server_cpu_s() - before[1]))
        assert (len(found.seen), len(found.posted)) == (payments, payments)
        empty(at.server)
        begun = time.perf_counter()
        for page in pages:
            at.ledger.post(page, STAMP)
        floor.append((time.perf_counter() - begun) * payments / made)
        say(f"run {number + 1}: {ours[-1]:.1f} s, floor {floor[-1]:.1f} s, CPU {cpu[-1]}")
    detail = {
        "payments": payments,
        "goal_s": GOAL_S.get(payments),
        "us_per_payment": round(median(ours) / payments * 1e6, 1),
        "ratio_to_floor": [round(one / least, 2) for one, least in zip(ours, floor, strict=True)],
        "own_cpu_s": round(median([own for own, _ in cpu]), 2),
        "postgres_cpu_s": round(median([server for _, server in cpu]), 2),
        "memory_max_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    title = f"reconciliation of {payments:,} unconfirmed payments"
    emit(Result(name=title, unit="s", runs=tuple(ours), detail=detail))
    emit(Result(name=f"{title}, floor: SQL alone", unit="s", runs=tuple(floor)))


if __name__ == "__main__":
    main()
