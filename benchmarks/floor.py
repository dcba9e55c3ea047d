"""How far the service is from the floor: CPU per payment against the same effects by hand.

The floor (by_hand.py) does, in a plain loop, what no service that keeps the protocol's promises can
leave out. That both leave the same is asked before anything is measured: the same record but for
its values, the same rows in the ledger, the same totals. Ours looks its API key up as well, once a
second. Both run in a process with one thread, against the same emulator, provider and PostgreSQL;
what counts is the process's own CPU time (user and system), not that of the servers. The parts take
turns by small blocks, so that whatever else the machine does disturbs all alike.

Where ours goes is measured apart, since that costs as well: by a clock around the steps of the
protocol, and by samples of the module that is at work (sampling.py).

    floor         the same tuned clients as ours (no validation of parameters, urllib3 for Stripe)
    sdk-defaults  boto3's and Stripe's clients as they come

Run as `python benchmarks/floor.py`.
"""

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from typing import Any, Final

from psycopg import sql

from by_hand import MERCHANT, Pay, by_hand
from common import Result, emit, say
from payment_dr.adapters.dynamodb import DynamoPaymentsTable
from payment_dr.adapters.postgres import PostgresLedger
from payment_dr.adapters.settings_file import example
from payment_dr.adapters.stripe_provider import StripeProvider
from payment_dr.core.settings import LabSettings
from payment_dr.functions.api import answer
from payment_dr.functions.composition import API, composition
from payment_dr.functions.environment import environment_from
from payment_dr.lab.supervisor import Lab
from sampling import Sampler, by_package, of_ours, shares

OURS: Final = "ours"
FLOOR: Final = "floor"
DEFAULTS: Final = "sdk-defaults"
PARTS: Final = (OURS, FLOOR, DEFAULTS)
WARM_UP: Final = 50
BLOCK: Final = 20
"""Payments of one part before it is the next one's turn."""
SAMPLED: Final = 4
"""How many times the payments of a run are sampled."""

TOP: Final = 12
"""How many packages and modules the samples name."""

LIMIT: Final = 1.5
CPU: Final = "cpu_s"
STEPS_OF: Final = "steps"
SAMPLES_OF: Final = "samples"
ROWS_OF: Final = ("event", "journal_entry", "posting", "payment", "outbox")

STEPS: Final[tuple[tuple[str, type, str], ...]] = (
    ("table: claim", DynamoPaymentsTable, "put_if_absent"),
    ("table: decide", DynamoPaymentsTable, "replace"),
    ("provider: charge", StripeProvider, "perform"),
    ("ledger: post", PostgresLedger, "post"),
    ("log line", logging.Logger, "info"),
)
"""Methods whose CPU is the breakdown; what is left is the protocol and HTTP."""


def event_of(key: str, api_key: str) -> dict[str, Any]:
    """What API Gateway hands over for one payment."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/v1/payments",
        "rawQueryString": "",
        "headers": {
            "authorization": f"Bearer {api_key}",
            "content-type": "application/json",
            "idempotency-key": key,
            "host": "api.payments.example",
            "user-agent": "benchmark",
        },
        "requestContext": {
            "http": {"method": "POST", "path": "/v1/payments", "protocol": "HTTP/1.1"},
            "requestId": key,
            "stage": "$default",
        },
        "body": json.dumps({"amount": 1250, "currency": "EUR", "payment_method": "pm_card_visa"}),
        "isBase64Encoded": False,
    }


def ours(api_key: str) -> Pay:
    parts = composition(API)

    def pay(key: str) -> None:
        answered = answer(parts, event_of(key, api_key))
        assert answered["statusCode"] == 201, answered

    return pay


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Breakdown:
    """CPU by step: a clock around a few calls of each payment, which a profiler would drown."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}

    def install(self) -> None:
        for step, owner, name in STEPS:
            self.spent_s[step] = 0.0
            setattr(owner, name, self.timed(step, getattr(owner, name)))

    def timed(self, step: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return act(*arguments, **named)
            finally:
                self.spent_s[step] += time.process_time() - began

        return run


def serve(part: str, api_key: str, *, observe: str | None) -> None:
    """A worker: for each line with a number, make so many payments and say what they cost."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # The service writes its log as ever, to where it disturbs nobody.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    steps = Breakdown()
    if observe == STEPS_OF:
        steps.install()
    sampler = Sampler()
    pay = (
        ours(api_key)
        if part == OURS
        else by_hand(environment_from(os.environ), tuned=part == FLOOR)
    )
    run = uuid.uuid4().hex
    done = 0
    with sampler if observe == SAMPLES_OF else nullcontext():
        for line in sys.stdin:
            steps.spent_s = dict.fromkeys(steps.spent_s, 0.0)
            sampler.modules.clear()
            cpu = cpu_s()
            for number in range(done, done + int(line)):
                pay(f"{run}-{number}")
            cost = {CPU: cpu_s() - cpu, **steps.spent_s, **sampler.modules}
            done += int(line)
            answers.write(json.dumps(cost) + "\n")
            answers.flush()


class Worker:
    """One part in a process of its own, with the environment of a function at home."""

    def __init__(self, lab: Lab, part: str, *, observe: str | None = None) -> None:
        home = lab.settings.home
        command = [sys.executable, __file__, "--work", part]
        # pylint: disable-next=consider-using-with; it ends in `close`
        self._process = subprocess.Popen(
            [*command, *(["--observe", observe] if observe else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                **lab.environment(home),
                "AWS_DEFAULT_REGION": lab.settings.site(home).region,
                "BENCHMARK_API_KEY": lab.merchant_keys[MERCHANT],
            },
        )
        self.spent: Counter[str] = Counter()
        self.pay(WARM_UP)
        self.spent.clear()

    def pay(self, payments: int) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{payments}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the worker has ended; its words are above")
        self.spent.update(json.loads(line))

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=10)


def effects(lab: Lab, part: str) -> Mapping[str, object]:
    """What one payment of the part leaves: rows, totals, and the form of its event and record."""
    with closing(Worker(lab, part)) as worker:
        before = _ledger(lab)
        worker.pay(1)
        after = _ledger(lab)
    with lab.connect(lab.settings.home) as connection:
        row: Any = connection.execute(
            "SELECT payment_id::text, body FROM ledger.event ORDER BY seq DESC LIMIT 1"
        ).fetchone()
    stored = lab.aws_client("dynamodb", lab.settings.home).get_item(
        TableName=lab.settings.resource("table"), Key={"payment_id": {"S": row[0]}}
    )["Item"]
    (operation,) = json.loads(stored["operations"]["S"])
    return {
        **{name: after[name] - before[name] for name in after},
        "event": (sorted(row[1]), sorted(row[1]["payment"])),
        "record": (
            sorted(stored),
            sorted(operation),
            sorted(json.loads(operation["response"]["body"])),
        ),
    }


def _ledger(lab: Lab) -> Counter[str]:
    """How many rows there are of each kind, and the totals of the merchant's accounts."""
    found: Counter[str] = Counter()
    with lab.connect(lab.settings.home) as connection:
        for table in ROWS_OF:
            count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("ledger", table))
            row: Any = connection.execute(count).fetchone()
            found[f"rows of {table}"] = row[0]
        totals: Any = connection.execute(
            "SELECT account, minor_units FROM ledger.account_balance WHERE merchant = %s",
            (MERCHANT,),
        ).fetchall()
    found.update({f"total of {account}": minor_units for account, minor_units in totals})
    return found


def one_run(lab: Lab, blocks: int) -> dict[str, Counter[str]]:
    """Every part in its process, taking turns by small blocks: what disturbs one disturbs all."""
    workers = {part: Worker(lab, part) for part in PARTS}
    try:
        for _ in range(blocks):
            for worker in workers.values():
                worker.pay(BLOCK)
    finally:
        for worker in workers.values():
            worker.close()
    return {part: worker.spent for part, worker in workers.items()}


def breakdown_ms(lab: Lab, payments: int) -> dict[str, float]:
    """Milliseconds of a payment by steps of the protocol."""
    with closing(Worker(lab, OURS, observe=STEPS_OF)) as worker:
        worker.pay(payments)
    per = 1000 / payments
    taken = {step: worker.spent[step] * per for step, _, _ in STEPS}
    rest = worker.spent[CPU] * per - sum(taken.values())
    return {step: round(ms, 3) for step, ms in {**taken, "protocol and HTTP": rest}.items()}


def sampled_ms(lab: Lab, payments: int, part: str) -> dict[str, dict[str, float]]:
    """Milliseconds of a payment by package, and by module of ours."""
    with closing(Worker(lab, part, observe=SAMPLES_OF)) as worker:
        worker.pay(payments)
    whole = worker.spent.pop(CPU) / payments * 1000
    total = sum(worker.spent.values())
    return {
        "packages_ms": shares(by_package(worker.spent), total, whole, TOP),
        "modules_ms": shares(of_ours(worker.spent), total, whole, TOP),
    }


def measure(lab: Lab, runs: int, blocks: int) -> None:
    payments = blocks * BLOCK
    left = {part: effects(lab, part) for part in PARTS}
    assert left[OURS] == left[FLOOR] == left[DEFAULTS], left
    cpu: dict[str, list[float]] = {part: [] for part in PARTS}
    for run in range(runs):
        for part, spent in one_run(lab, blocks).items():
            cpu[part].append(spent[CPU] / payments * 1000)
        say(f"  run {run + 1}: " + ", ".join(f"{p} {cpu[p][-1]:.2f} ms" for p in PARTS))
    detail: dict[str, object] = {"payments_per_run": payments, "block": BLOCK, "warm_up": WARM_UP}
    for part in PARTS:
        more: dict[str, object] = dict(sampled_ms(lab, payments * SAMPLED, part))
        if part == OURS:
            more["breakdown_ms"] = breakdown_ms(lab, payments)
        emit(
            Result(
                name=f"cpu-per-payment-{part}",
                unit="ms",
                runs=tuple(cpu[part]),
                detail={**detail, **more},
            )
        )
    for part in (FLOOR, DEFAULTS):
        ratios = tuple(a / b for a, b in zip(cpu[OURS], cpu[part], strict=True))
        limit = {"limit": LIMIT} if part == FLOOR else {}
        emit(Result(name=f"cpu-ratio-to-{part}", unit="x", runs=ratios, detail={**detail, **limit}))


def main() -> int:
    parser = argparse.ArgumentParser(description="CPU per payment against the floor.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--blocks", type=int, default=20, help=f"of {BLOCK} payments per run")
    parser.add_argument("--work", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--observe", choices=(STEPS_OF, SAMPLES_OF), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.runs < 1 or options.blocks < 1:
        parser.error("--runs and --blocks must be at least 1")
    if options.work:
        serve(options.work, os.environ["BENCHMARK_API_KEY"], observe=options.observe)
        return 0
    say(f"CPU per payment: {options.runs} runs of {options.blocks} x {BLOCK} payments each")
    # Waiting costs no CPU, so nothing is waited for.
    near = LabSettings(replication_delay_ms=0, majority_delay_ms=0, provider_delay_ms=0)
    with Lab(example("development").model_copy(update={"lab": near}), schedules={}) as lab:
        measure(lab, options.runs, options.blocks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
