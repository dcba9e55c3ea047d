"""Scheduled at both sites: delivers events to merchants' webhooks, where the site is active.

An event without `for_s` asks for one run. EventBridge calls at most once a minute, so there the
event asks for runs until shortly before the next call: `DELIVER_EVENT`.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from threading import Lock
from typing import Any, Final

from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.delivery_queue import PostgresDeliveryQueue
from payment_dr.adapters.name_resolver import resolving
from payment_dr.adapters.webhook_sender import WebhookSender
from payment_dr.core.clock import Clock
from payment_dr.functions.composition import (
    JOBS,
    Composition,
    composition,
    ledger_login,
    secret_of,
)
from payment_dr.functions.environment import Environment
from payment_dr.payments.deliveries import DeliveryQueue, Sender
from payment_dr.payments.jobs.deliverer import SENDERS, Deliverer
from payment_dr.payments.webhooks import WebhookEndpoint

DELIVER_EVENT: Final = {"for_s": 45}
"""What a schedule of once a minute sends; the last request ends well before the next call."""

PAUSE_S: Final = 1.0
"""Between two runs of one call: how long an event waits while nothing else is due."""

DEAD: Final = "WebhookDead"
"""Metric, of the active site: deliveries that were given up."""

OLDEST: Final = "WebhookOldestPendingSeconds"
"""Metric, of the active site: how long the oldest delivery that is due has waited, 0 if none."""

QUEUE_S: Final = 5.0
"""Longest time of one statement."""

_CONNECTIONS: Final = 2
_RUNS_MAX: Final = 1_000
_LOG: Final = logging.getLogger(__name__)
_BUILDING: Final = Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Deliveries:
    """A process's deliverer, and what tells how it goes."""

    deliverer: Deliverer
    queue: DeliveryQueue
    clock: Clock


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One run, or runs for as long as the event says, and what came of them."""
    return deliver(deliveries(), float(event.get("for_s", 0)))


def deliver(parts: Deliveries, for_s: float) -> dict[str, Any]:
    """Run, and again until `for_s` seconds are over: sums of the runs, and metrics if active."""
    clock = parts.clock
    end = clock.monotonic() + for_s
    sums: Counter[str] = Counter()
    for _ in range(_RUNS_MAX):
        run = asdict(parts.deliverer.run())
        active = run.pop("active")
        sums.update(run)
        if clock.monotonic() + PAUSE_S >= end:
            break
        clock.sleep(PAUSE_S)
    done = {**sums, "active": active, **(measured(parts) if active else {})}
    _LOG.info("webhooks", extra={"fields": done})
    return done


def measured(parts: Deliveries) -> dict[str, float]:
    """The metrics' values by their names."""
    now = parts.clock.now()
    backlog = parts.queue.backlog(now)
    waited = 0.0 if backlog.due_since is None else max(now - backlog.due_since, 0.0)
    return {DEAD: backlog.dead, OLDEST: waited}


def deliveries() -> Deliveries:
    """This process's deliverer; the first caller builds it, the others wait."""
    with _BUILDING:
        return _built()


@cache
def _built() -> Deliveries:
    parts = composition(JOBS)
    queue = queue_of(parts.environment)
    return deliveries_of(parts, queue, WebhookSender(resolving()))


def deliveries_of(parts: Composition, queue: DeliveryQueue, sender: Sender) -> Deliveries:
    """A deliverer over a process's parts."""
    clock = parts.ports.clock
    threads = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhooks")
    return Deliveries(
        queue=queue,
        clock=clock,
        deliverer=Deliverer(
            queue=queue,
            endpoints=endpoints_of(parts),
            sender=sender,
            control=parts.control_now,
            site=parts.environment.site,
            clock=clock,
            spread=threads.map,
            master=parts.merchants.webhook_master,
            chance=random.random,
            budget_s=min(
                DELIVER_EVENT["for_s"], parts.environment.settings.payments.job_interval_s
            ),
        ),
    )


def endpoints_of(parts: Composition) -> Callable[[str], Sequence[WebhookEndpoint]]:
    """The endpoints of a merchant, strongly read; none of one without an item of its own."""

    def endpoints(merchant: str) -> Sequence[WebhookEndpoint]:
        found = parts.merchants.endpoints.directory.merchant(merchant)
        return () if found is None else found.endpoints

    return endpoints


def queue_of(environment: Environment) -> PostgresDeliveryQueue:
    """The queue in the ledger of an environment's site."""
    secret = secret_of(environment, "ledger", SystemClock())
    return PostgresDeliveryQueue(
        lambda: ledger_login(environment, secret()), timeout_s=QUEUE_S, connections=_CONNECTIONS
    )
