"""How far the service is from the floor: CPU per payment against the same effects by hand.

The floor does, in a plain loop, what no service that keeps the protocol's promises can leave out:
a conditional put of the record, the charge through Stripe's SDK, a conditional update, and the SQL
that posts. It answers nobody, validates nothing, logs nothing. Both run in one process with one
thread, against the same emulator, provider and PostgreSQL; what counts is the process's own CPU
time (user and system), not that of the servers. The parts take turns by small blocks, so that
whatever else the machine does disturbs all alike.

    floor         the same tuned clients as ours (no validation of parameters, urllib3 for Stripe)
    sdk-defaults  boto3's and Stripe's clients as they come

Run as `python benchmarks/floor.py`.
"""

import argparse
import hashlib
import json
import logging
import os
import resource
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import boto3
import psycopg
import stripe

from common import Result, emit, say
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.dynamodb import DynamoPaymentsTable, table_config
from payment_dr.adapters.postgres import PostgresLedger
from payment_dr.adapters.settings_file import example
from payment_dr.adapters.stripe_provider import StripeProvider
from payment_dr.adapters.stripe_transport import PooledTransport
from payment_dr.core.settings import LabSettings
from payment_dr.functions.api import answer
from payment_dr.functions.composition import API, aws_client, composition, ledger_login, secret_of
from payment_dr.functions.environment import Environment, environment_from
from payment_dr.lab.supervisor import Lab

OURS: Final = "ours"
FLOOR: Final = "floor"
DEFAULTS: Final = "sdk-defaults"
PARTS: Final = (OURS, FLOOR, DEFAULTS)
WARM_UP: Final = 50
BLOCK: Final = 20
"""Payments of one part before it is the next one's turn."""
MERCHANT: Final = "merchant-0"

Pay = Callable[[str], None]

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


def by_hand(environment: Environment, *, tuned: bool) -> Pay:
    """The same effects without a service around them."""
    settings = environment.settings
    table = settings.resource("table")
    dynamodb: Any = (
        aws_client(environment, "dynamodb", table_config(settings.payments, connections=4))
        if tuned
        else default_client()
    )
    clock = SystemClock()
    client = stripe.StripeClient(
        secret_of(environment, "provider", clock)()["api_key"],
        base_addresses={"api": environment.provider_url or ""},
        http_client=PooledTransport(timeout_s=5, connect_s=1, connections=4) if tuned else None,
    )
    login = ledger_login(environment, secret_of(environment, "ledger", clock)())
    connection = psycopg.connect(
        host=login.host,
        port=login.port,
        user=login.user,
        password=login.password,
        dbname="ledger",
        autocommit=True,
    )

    def pay(key: str) -> None:
        payment, operation, now = str(uuid.uuid4()), str(uuid.uuid4()), time.time()
        claimed = operations(operation, key, now)
        item = {
            "payment_id": {"S": payment},
            "merchant": {"S": MERCHANT},
            "state": {"S": "accepted"},
            "amount_minor": {"N": "1250"},
            "currency": {"S": "EUR"},
            "operations": {"S": json.dumps([claimed])},
            "version": {"N": "1"},
            "epoch": {"N": "1"},
            "site": {"S": environment.site},
            "created_at": {"N": repr(now)},
            "updated_at": {"N": repr(now)},
            "lease_owner": {"S": "by-hand"},
            "lease_expires_at": {"N": repr(now + 4)},
            "open_shard": {"N": "0"},
        }
        dynamodb.put_item(
            TableName=table, Item=item, ConditionExpression="attribute_not_exists(payment_id)"
        )
        intent = client.v1.payment_intents.create(
            {
                "amount": 1250,
                "currency": "eur",
                "confirm": True,
                "payment_method": "pm_card_visa",
                "metadata": {"payment_id": payment, "operation_id": operation},
            },
            {"idempotency_key": operation},
        )
        decided = {**claimed, "state": "succeeded", "provider_reference": intent.id}
        dynamodb.update_item(
            TableName=table,
            Key={"payment_id": {"S": payment}},
            UpdateExpression="SET #state = :state, operations = :operations, version = :version, "
            "updated_at = :now, unconfirmed_shard = :shard "
            "REMOVE lease_owner, lease_expires_at, open_shard",
            ConditionExpression="version = :based_on",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":state": {"S": "captured"},
                ":operations": {"S": json.dumps([decided])},
                ":version": {"N": "2"},
                ":based_on": {"N": "1"},
                ":now": {"N": repr(now)},
                ":shard": {"N": "0"},
            },
        )
        booking = {
            "operation_id": operation,
            "payment_id": payment,
            "merchant": MERCHANT,
            "kind": "charge",
            "type": "payment.captured",
            "order": 1,
            "currency": "EUR",
            "amount": 1250,
            "decline_code": None,
            "payment": {
                "status": "captured",
                "amount": 1250,
                "captured": 1250,
                "refunded": 0,
                "fees": 0,
                "created_at": now,
            },
            "occurred_at": now,
            "postings": [
                {"account": "provider_receivable", "minor_units": 1250},
                {"account": "merchant_payable", "minor_units": -1250},
            ],
        }
        posted = connection.execute(
            "SELECT ledger.book(1, %s, %s)", (environment.site, json.dumps([booking]))
        ).fetchone()
        assert posted == (True,)

    return pay


def default_client() -> Any:
    """boto3 as it comes; endpoint, region and keys are in the environment."""
    session: Any = boto3.session.Session()
    return session.client("dynamodb")


def operations(operation: str, key: str, now: float) -> dict[str, Any]:
    """What the record says of its charge, as long as in ours."""
    return {
        "operation_id": operation,
        "kind": "charge",
        "idempotency_key": key,
        "fingerprint": hashlib.sha256(key.encode()).hexdigest(),
        "amount_minor": 1250,
        "capture": True,
        "payment_method": "pm_card_visa",
        "state": "pending",
        "provider_reference": None,
        "decline_code": None,
        "started_at": now,
        "decided_at": None,
    }


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


def serve(part: str, api_key: str, *, breakdown: bool) -> None:
    """A worker: for each line with a number, make so many payments and say what they cost."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # The service writes its log as ever, to where it disturbs nobody.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    steps = Breakdown()
    if breakdown:
        steps.install()
    pay = (
        ours(api_key)
        if part == OURS
        else by_hand(environment_from(os.environ), tuned=part == FLOOR)
    )
    run = uuid.uuid4().hex
    done = 0
    for line in sys.stdin:
        steps.spent_s = dict.fromkeys(steps.spent_s, 0.0)
        cpu, wall = cpu_s(), time.monotonic()
        for number in range(done, done + int(line)):
            pay(f"{run}-{number}")
        cost = {"cpu_s": cpu_s() - cpu, "wall_s": time.monotonic() - wall, **steps.spent_s}
        done += int(line)
        answers.write(json.dumps(cost) + "\n")
        answers.flush()


class Worker:
    """One part in a process of its own, with the environment of a function at home."""

    def __init__(self, lab: Lab, part: str, *, breakdown: bool = False) -> None:
        home = lab.settings.home
        command = [sys.executable, __file__, "--work", part]
        # pylint: disable-next=consider-using-with; it ends in `close`
        self._process = subprocess.Popen(
            [*command, *(["--breakdown"] if breakdown else [])],
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
        self.spent_s: Counter[str] = Counter()
        self.pay(WARM_UP)
        self.spent_s.clear()

    def pay(self, payments: int) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{payments}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the worker has ended; its words are above")
        self.spent_s.update(json.loads(line))

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=10)


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
    return {part: worker.spent_s for part, worker in workers.items()}


def breakdown_ms(lab: Lab, blocks: int) -> dict[str, float]:
    """Where our CPU goes; in a run of its own, since the clocks cost something too."""
    worker = Worker(lab, OURS, breakdown=True)
    try:
        worker.pay(blocks * BLOCK)
    finally:
        worker.close()
    per = 1000 / (blocks * BLOCK)
    shares = {step: worker.spent_s[step] * per for step, _, _ in STEPS}
    rest = worker.spent_s["cpu_s"] * per - sum(shares.values())
    return {step: round(ms, 3) for step, ms in {**shares, "protocol and HTTP": rest}.items()}


def measure(lab: Lab, runs: int, blocks: int) -> None:
    payments = blocks * BLOCK
    cpu: dict[str, list[float]] = {part: [] for part in PARTS}
    for run in range(runs):
        for part, spent in one_run(lab, blocks).items():
            cpu[part].append(spent["cpu_s"] / payments * 1000)
        say(f"  run {run + 1}: " + ", ".join(f"{p} {cpu[p][-1]:.2f} ms" for p in PARTS))
    detail: dict[str, object] = {"payments_per_run": payments, "block": BLOCK, "warm_up": WARM_UP}
    for part in PARTS:
        more = {"breakdown_ms": breakdown_ms(lab, blocks)} if part == OURS else {}
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
        emit(Result(name=f"cpu-ratio-to-{part}", unit="x", runs=ratios, detail=detail))


def main() -> int:
    parser = argparse.ArgumentParser(description="CPU per payment against the floor.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--blocks", type=int, default=20, help=f"of {BLOCK} payments per run")
    parser.add_argument("--work", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--breakdown", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.runs < 1 or options.blocks < 1:
        parser.error("--runs and --blocks must be at least 1")
    if options.work:
        serve(options.work, os.environ["BENCHMARK_API_KEY"], breakdown=options.breakdown)
        return 0
    say(f"CPU per payment: {options.runs} runs of {options.blocks} x {BLOCK} payments each")
    # Waiting costs no CPU, so nothing is waited for.
    near = LabSettings(replication_delay_ms=0, majority_delay_ms=0, provider_delay_ms=0)
    with Lab(example("development").model_copy(update={"lab": near}), schedules={}) as lab:
        measure(lab, options.runs, options.blocks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
