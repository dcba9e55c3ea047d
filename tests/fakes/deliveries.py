"""A queue of deliveries in memory, endpoints that behave as told, and a deliverer over them."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fakes.clock import FakeClock
from fakes.control import EAST, FakeControl
from fakes.faults import Gate, open_gate
from payment_dr.payments.deliveries import (
    Answered,
    Backlog,
    DeliveryQueue,
    DeliveryState,
    Leased,
    NoAnswer,
    Planned,
    Result,
    Unplanned,
)
from payment_dr.payments.jobs.deliverer import EVENT_ID_HEADER, Deliverer
from payment_dr.payments.webhooks import (
    SIGNATURE_HEADER,
    WebhookEndpoint,
    secrets_of,
    verify,
)

MASTER: Final = bytes(32)


def endpoint(number: int = 1, **changes: Any) -> WebhookEndpoint:
    made = WebhookEndpoint(
        endpoint_id=f"we_{number}",
        url=f"https://shop{number}.example/hook",
        events=("*",),
        created_at=1.0,
    )
    return replace(made, **changes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A delivery as the ledger keeps it."""

    merchant: str
    attempts: int = 0
    next_at: float
    state: DeliveryState = DeliveryState.PENDING
    status: int | None = None
    error: str | None = None


class FakeQueue:
    """Satisfies `DeliveryQueue`."""

    def __init__(self) -> None:
        self.outbox: dict[str, Unplanned] = {}
        self.rows: dict[tuple[str, str], Row] = {}

    def book(self, *event_ids: str, merchant: str = "shop", kind: str = "payment.captured") -> None:
        for event_id in event_ids:
            self.outbox[event_id] = Unplanned(event_id=event_id, merchant=merchant, type=kind)

    def unplanned(self, limit: int) -> Sequence[Unplanned]:
        return list(self.outbox.values())[:limit]

    def plan(self, events: Sequence[Unplanned], deliveries: Sequence[Planned], now: float) -> None:
        taken = {event.event_id for event in events if self.outbox.pop(event.event_id, None)}
        for one in deliveries:
            if one.event_id in taken:
                row = Row(merchant=one.merchant, next_at=now)
                self.rows.setdefault((one.event_id, one.endpoint_id), row)

    def lease(
        self, now: float, *, until: float, limit: int, passing_over: Sequence[str]
    ) -> Sequence[Leased]:
        due = [
            (row.next_at, key)
            for key, row in self.rows.items()
            if row.state is DeliveryState.PENDING
            and row.next_at <= now
            and key[1] not in passing_over
        ]
        leased: list[Leased] = []
        for _, key in sorted(due)[:limit]:
            row = replace(self.rows[key], attempts=self.rows[key].attempts + 1, next_at=until)
            self.rows[key] = row
            leased.append(
                Leased(
                    event_id=key[0],
                    endpoint_id=key[1],
                    merchant=row.merchant,
                    attempt=row.attempts,
                    body=key[0].encode(),
                )
            )
        return leased

    def record(self, results: Sequence[Result], now: float) -> None:
        for one in results:
            row = self.rows[one.event_id, one.endpoint_id]
            assert row.next_at > now, "a result of a lease that has ended"
            changed = replace(row, state=one.state, next_at=one.next_at)
            if one.counted:
                changed = replace(changed, status=one.status, error=one.error)
            else:
                changed = replace(changed, attempts=row.attempts - 1)
            self.rows[one.event_id, one.endpoint_id] = changed

    def backlog(self, now: float) -> Backlog:
        due = [r.next_at for r in self.rows.values() if r.state is DeliveryState.PENDING]
        dead = sum(row.state is DeliveryState.DEAD for row in self.rows.values())
        return Backlog(dead=dead, due_since=min((at for at in due if at <= now), default=None))

    def purge(self, before: float, limit: int) -> int:
        # Of a delivered one it is when it was delivered.
        made = [k for k, r in self.rows.items() if r.state is DeliveryState.DELIVERED]
        gone = [key for key in made if self.rows[key].next_at < before][:limit]
        for key in gone:
            del self.rows[key]
        return len(gone)


class FakeEndpoints:
    """Endpoints by merchant, and what is behind their URLs; satisfies `Sender` too."""

    def __init__(self, clock: FakeClock) -> None:
        self.by_merchant: dict[str, tuple[WebhookEndpoint, ...]] = {}
        self.answers: dict[str, Answered | NoAnswer] = {}
        self.takes_s = 0.0
        self.sent: list[tuple[str, str]] = []
        self._clock = clock
        self._lock = threading.Lock()

    def of(self, merchant: str) -> Sequence[WebhookEndpoint]:
        return self.by_merchant.get(merchant, ())

    def send(self, url: str, body: bytes, headers: dict[str, str]) -> Answered | NoAnswer:
        with self._lock:
            self._clock.advance(self.takes_s)
            known = {e.url: e for some in self.by_merchant.values() for e in some}
            secrets = secrets_of(MASTER, known[url], self._clock.now())
            verify(headers[SIGNATURE_HEADER], body, secrets, now=self._clock.now())
            self.sent.append((known[url].endpoint_id, headers[EVENT_ID_HEADER]))
            return self.answers.get(url, Answered(status=200))


class GatedQueue:
    """A queue whose every effect passes a gate."""

    def __init__(self, queue: DeliveryQueue, gate: Gate) -> None:
        self._queue = queue
        self._gate = gate

    def unplanned(self, limit: int) -> Sequence[Unplanned]:
        return self._gate("unplanned", lambda: self._queue.unplanned(limit))

    def plan(self, events: Sequence[Unplanned], deliveries: Sequence[Planned], now: float) -> None:
        self._gate("plan", lambda: self._queue.plan(events, deliveries, now))

    def lease(
        self, now: float, *, until: float, limit: int, passing_over: Sequence[str]
    ) -> Sequence[Leased]:
        def act() -> Sequence[Leased]:
            return self._queue.lease(now, until=until, limit=limit, passing_over=passing_over)

        return self._gate("lease", act)

    def record(self, results: Sequence[Result], now: float) -> None:
        self._gate("record", lambda: self._queue.record(results, now))

    def backlog(self, now: float) -> Backlog:
        return self._gate("backlog", lambda: self._queue.backlog(now))

    def purge(self, before: float, limit: int) -> int:
        return self._gate("purge", lambda: self._queue.purge(before, limit))


class GatedSender:
    """A sender whose requests pass a gate."""

    def __init__(self, endpoints: FakeEndpoints, gate: Gate) -> None:
        self._endpoints = endpoints
        self._gate = gate

    def send(self, url: str, body: bytes, headers: dict[str, str]) -> Answered | NoAnswer:
        return self._gate("send", lambda: self._endpoints.send(url, body, headers))


@dataclass(kw_only=True)
class Delivering:
    """A site that delivers from a queue."""

    queue: DeliveryQueue
    clock: FakeClock = field(default_factory=FakeClock)
    control: FakeControl = field(default_factory=FakeControl)
    endpoints: FakeEndpoints = field(init=False)

    def __post_init__(self) -> None:
        self.endpoints = FakeEndpoints(self.clock)
        self.endpoints.by_merchant["shop"] = (endpoint(),)

    def deliverer(
        self,
        gate: Gate = open_gate,
        *,
        pause: Callable[[int, float], float | None] | None = None,
    ) -> Deliverer:
        made = Deliverer(
            queue=GatedQueue(self.queue, gate),
            endpoints=lambda merchant: gate("endpoints", lambda: self.endpoints.of(merchant)),
            sender=GatedSender(self.endpoints, gate),
            control=self.control,
            site=EAST,
            clock=self.clock,
            spread=map,
            master=lambda: MASTER,
            chance=lambda: 0.5,
        )
        return made if pause is None else replace(made, pause=pause)
