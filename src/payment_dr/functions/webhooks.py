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
from payment_dr.core.stamp import SiteName
from payment_dr.functions.composition import (
    JOBS,
    Composition,
    composition,
    ledger_login,
    secret_of,
)
from payment_dr.functions.environment import Environment
from payment_dr.functions.logs import logged
from payment_dr.functions.metrics import Metric, publish
from payment_dr.payments.deliveries import Backlog, DeliveryQueue, Sender
from payment_dr.payments.jobs.deliverer import SENDERS, Deliverer
from payment_dr.payments.webhooks import WebhookEndpoint

DELIVER_EVENT: Final = {"for_s": 45}
"""What a schedule of once a minute sends; the last request ends well before the next call."""

PAUSE_S: Final = 1.0
"""Between two runs of one call: how long an event waits while nothing else is due."""

RUN_S: Final = 45.0
"""Longest time in which a call of one run begins requests."""

QUEUE_S: Final = 5.0
"""Longest time of one statement."""

PURGE_BATCH: Final = 2_000
"""Deliveries that one statement removes."""

PURGE_S: Final = 4.0
"""After so long no more are removed in a call, which lasts a minute at most."""

_CONNECTIONS: Final = 2
_PURGES_MAX: Final = 100
_DAY_S: Final = 86_400
_RUNS_MAX: Final = 1_000
_LOG: Final = logging.getLogger(__name__)
_BUILDING: Final = Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Deliveries:
    """A process's deliverer, and what tells how it goes."""

    deliverer: Deliverer
    queue: DeliveryQueue
    clock: Clock
    site: SiteName
    delivered_age_days: int


@logged
def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One run, or runs for as long as the event says, and what came of them."""
    return deliver(deliveries(), float(event.get("for_s", 0)))


def deliver(parts: Deliveries, for_s: float) -> dict[str, Any]:
    """Run, and again until `for_s` seconds are over, and publish metrics if this site is active."""
    clock = parts.clock
    end = clock.monotonic() + for_s
    sums: Counter[str] = Counter()
    active = False
    for _ in range(_RUNS_MAX):
        left = end - clock.monotonic()
        run = asdict(parts.deliverer.run(left if for_s else RUN_S))
        active = run.pop("active")
        sums.update(run)
        if clock.monotonic() + PAUSE_S >= end:
            break
        clock.sleep(PAUSE_S)
    done = {**sums, "active": active}
    _LOG.info("webhooks", extra={"fields": done})
    if active:
        now = clock.now()
        waits = measured(parts.queue.backlog(now), now)
        publish({**waits, Metric.WEBHOOK_GIVEN_UP: sums["dead"]}, site=parts.site, at_s=now)
        if purged := purge(parts):
            _LOG.info("webhooks purged", extra={"fields": {"purged": purged}})
    return done


def purge(parts: Deliveries) -> int:
    """Remove what was delivered long ago, as much as there is time for; how much that was."""
    before = parts.clock.now() - parts.delivered_age_days * _DAY_S
    end = parts.clock.monotonic() + PURGE_S
    purged = 0
    for _ in range(_PURGES_MAX):
        found = parts.queue.purge(before, PURGE_BATCH)
        purged += found
        if found < PURGE_BATCH or parts.clock.monotonic() >= end:
            break
    return purged


def measured(backlog: Backlog, now: float) -> dict[Metric, float]:
    """What waits and what was given up."""
    waited = 0.0 if backlog.due_since is None else max(now - backlog.due_since, 0.0)
    return {Metric.WEBHOOK_DEAD: backlog.dead, Metric.WEBHOOK_OLDEST: waited}


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
        site=parts.environment.site,
        delivered_age_days=parts.environment.settings.payments.delivered_age_days,
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
        lambda: ledger_login(environment, secret()),
        timeout_s=QUEUE_S,
        connections=_CONNECTIONS,
        doubt=secret.doubt,
    )
