"""Deliverer: at the active site, sends the ledger's events to the endpoints that want them.

Guarantees: each event reaches each endpoint that wanted it when its deliveries were planned, at
least once, under one id, or ends as a dead letter. Whatever this process dies between, the queue
still holds what is left: a planned event is replaced by its deliveries in one step, and one being
sent is due again when its lease ends.

An endpoint that does not answer costs a few attempts per run, whatever waits for it: the rest is
put off, so that it cannot hold up the others.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol, assert_never

from payment_dr.core.clock import Clock
from payment_dr.core.stamp import SiteName
from payment_dr.payments.deliveries import (
    ERROR_CHARS_MAX,
    Answered,
    DeliveryQueue,
    DeliveryState,
    Endpoints,
    Leased,
    NoAnswer,
    Planned,
    Result,
    Sender,
)
from payment_dr.payments.ports import ControlReader
from payment_dr.payments.webhooks import (
    FIRST_PAUSE_S,
    SIGNATURE_HEADER,
    WebhookEndpoint,
    pause_before,
    secrets_of,
    signature,
)

EVENT_ID_HEADER: Final = "payment-event-id"
USER_AGENT: Final = "payment-dr-webhooks/1"

BATCH: Final = 256
"""Deliveries per lease, and events per plan."""

LANES: Final = 16
"""Requests to one endpoint at a time."""

SENDERS: Final = 64
"""Requests at a time."""

BATCH_S: Final = 20.0
"""After so long nothing of a batch is begun any more; the rest is due again at once."""

LEASE_S: Final = 60.0
"""How long a delivery under way is nobody else's: longer than a batch and its last request."""

_BATCHES_MAX: Final = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """Deliveries to one endpoint, one after another; `until` in monotonic seconds."""

    endpoint: WebhookEndpoint | None
    leased: tuple[Leased, ...]
    until: float
    silent: set[str]


class Spread(Protocol):
    """How to work on several lanes at once: the `map` of a thread pool, or plain `map`."""

    def __call__(
        self, act: Callable[[Lane], tuple[Result, ...]], lanes: Iterable[Lane], /
    ) -> Iterable[tuple[Result, ...]]:
        """Results in the order of the lanes; an error of `act` is raised."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class DelivererRun:
    """One run: events planned, and attempts by what came of them.

    `failed` will be tried again, `dead` will not. `active` tells whether this site may deliver.
    """

    planned: int
    delivered: int
    failed: int
    dead: int
    active: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Deliverer:
    """Delivers at `site` while it is active and the phase steady; `control` is asked per batch.

    Attributes:
        master: the key that secrets of endpoints follow from.
        chance: 0 to 1, spreads retries.
        pause: seconds after a failed attempt, None after the last.
    """

    queue: DeliveryQueue
    endpoints: Endpoints
    sender: Sender
    control: ControlReader
    site: SiteName
    clock: Clock
    spread: Spread
    master: Callable[[], bytes]
    chance: Callable[[], float]
    pause: Callable[[int, float], float | None] = pause_before

    def run(self, budget_s: float) -> DelivererRun:
        """Plan and send until nothing is due; after `budget_s` seconds nothing is begun.

        Raises:
            UnavailableError: a dependency did not answer; the next run goes on.
        """
        end = self.clock.monotonic() + budget_s
        silent: set[str] = set()
        planned, results, active = 0, list[Result](), False
        for _ in range(_BATCHES_MAX):
            active = self.control().is_active(self.site)
            if not active:
                break
            added, done = self._plan(), self._send(silent, end)
            planned += added
            results += done
            if not (added or done) or self.clock.monotonic() >= end:
                break
        counted = [result.state for result in results if result.counted]
        return DelivererRun(
            planned=planned,
            delivered=counted.count(DeliveryState.DELIVERED),
            failed=counted.count(DeliveryState.PENDING),
            dead=counted.count(DeliveryState.DEAD),
            active=active,
        )

    def _plan(self) -> int:
        events = self.queue.unplanned(BATCH)
        if events:
            merchants = {event.merchant for event in events}
            known = {merchant: self.endpoints(merchant) for merchant in merchants}
            wanted = [
                Planned(
                    event_id=event.event_id,
                    endpoint_id=endpoint.endpoint_id,
                    merchant=event.merchant,
                )
                for event in events
                for endpoint in known[event.merchant]
                if endpoint.wants(event.type)
            ]
            self.queue.plan(events, wanted, self.clock.now())
        return len(events)

    def _send(self, silent: set[str], end: float) -> list[Result]:
        now = self.clock.now()
        leased = self.queue.lease(
            now, until=now + LEASE_S, limit=BATCH, passing_over=sorted(silent)
        )
        if not leased:
            return []
        until = min(self.clock.monotonic() + BATCH_S, end)
        lanes = self._lanes(leased, until, silent)
        results = list(itertools.chain.from_iterable(self.spread(self._deliver, lanes)))
        self.queue.record(results, self.clock.now())
        return results

    def _lanes(self, leased: Sequence[Leased], until: float, silent: set[str]) -> list[Lane]:
        by_endpoint: dict[tuple[str, str], list[Leased]] = defaultdict(list)
        for one in leased:
            by_endpoint[one.merchant, one.endpoint_id].append(one)
        known = {
            merchant: {e.endpoint_id: e for e in self.endpoints(merchant)}
            for merchant in {merchant for merchant, _ in by_endpoint}
        }
        return [
            Lane(
                endpoint=known[merchant].get(endpoint_id),
                leased=tuple(waiting[lane::LANES]),
                until=until,
                silent=silent,
            )
            for (merchant, endpoint_id), waiting in by_endpoint.items()
            for lane in range(min(LANES, len(waiting)))
        ]

    def _deliver(self, lane: Lane) -> tuple[Result, ...]:
        endpoint = lane.endpoint
        if endpoint is None or endpoint.disabled_at is not None:
            return tuple(_dead(leased, None, "the endpoint is disabled") for leased in lane.leased)
        master = self.master()
        return tuple(self._attempt(lane, endpoint, leased, master) for leased in lane.leased)

    def _attempt(
        self, lane: Lane, endpoint: WebhookEndpoint, leased: Leased, master: bytes
    ) -> Result:
        now = self.clock.now()
        if endpoint.endpoint_id in lane.silent:
            return _put_off(leased, now + FIRST_PAUSE_S)
        if self.clock.monotonic() >= lane.until:
            return _put_off(leased, now)
        headers = {
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            SIGNATURE_HEADER: signature(secrets_of(master, endpoint, now), leased.body, now),
            EVENT_ID_HEADER: leased.event_id,
        }
        answer = self.sender.send(endpoint.url, leased.body, headers)
        match answer:
            case Answered():
                return self._answered(leased, answer.status)
            case NoAnswer():
                lane.silent.add(endpoint.endpoint_id)
                return self._failed(leased, None, answer.reason)
            case unreachable:
                assert_never(unreachable)

    def _answered(self, leased: Leased, status: int) -> Result:
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Result(
                event_id=leased.event_id,
                endpoint_id=leased.endpoint_id,
                attempt=leased.attempt,
                state=DeliveryState.DELIVERED,
                next_at=self.clock.now(),
                status=status,
            )
        is_redirect = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
        what = "redirects are not followed" if is_redirect else f"answered {status}"
        return self._failed(leased, status, what)

    def _failed(self, leased: Leased, status: int | None, error: str) -> Result:
        pause = self.pause(leased.attempt, self.chance())
        if pause is None:
            return _dead(leased, status, error)
        return Result(
            event_id=leased.event_id,
            endpoint_id=leased.endpoint_id,
            attempt=leased.attempt,
            state=DeliveryState.PENDING,
            next_at=self.clock.now() + pause,
            status=status,
            error=error[:ERROR_CHARS_MAX],
        )


def _dead(leased: Leased, status: int | None, error: str) -> Result:
    return Result(
        event_id=leased.event_id,
        endpoint_id=leased.endpoint_id,
        attempt=leased.attempt,
        state=DeliveryState.DEAD,
        next_at=0.0,
        status=status,
        error=error[:ERROR_CHARS_MAX],
    )


def _put_off(leased: Leased, next_at: float) -> Result:
    """Not begun, so not counted."""
    return Result(
        event_id=leased.event_id,
        endpoint_id=leased.endpoint_id,
        attempt=leased.attempt,
        state=DeliveryState.PENDING,
        next_at=next_at,
        counted=False,
    )
