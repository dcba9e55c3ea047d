"""Deliveries of events in the ledger's PostgreSQL; each step is one statement, all or nothing.

What two deliverers want at once goes to one of them: rows are taken with SKIP LOCKED. Times come
from the deliverer's clock, in Unix seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from payment_dr.adapters.postgres import PostgresLedger
from payment_dr.payments.deliveries import (
    Backlog,
    DeliveryState,
    Leased,
    Planned,
    Result,
    Unplanned,
)

_UNPLANNED: Final = """
SELECT o.event_id::text, e.merchant, e.type
FROM (SELECT event_id FROM ledger.outbox LIMIT %s) o JOIN ledger.event e USING (event_id)
"""

_PLAN: Final = """
WITH taken AS (
    DELETE FROM ledger.outbox WHERE event_id IN (
        SELECT event_id FROM ledger.outbox WHERE event_id = ANY (%s::uuid[])
        FOR UPDATE SKIP LOCKED)
    RETURNING event_id
)
INSERT INTO ledger.delivery (event_id, endpoint_id, merchant, next_at, updated_at)
SELECT event_id, w.endpoint_id, w.merchant, to_timestamp(%s), to_timestamp(%s)
FROM taken JOIN unnest(%s::uuid[], %s::text[], %s::text[]) AS w(event_id, endpoint_id, merchant)
    USING (event_id)
ON CONFLICT DO NOTHING
"""

_LEASE: Final = """
WITH due AS (
    SELECT event_id, endpoint_id FROM ledger.delivery
    WHERE state = 'pending' AND next_at <= to_timestamp(%s) AND endpoint_id <> ALL (%s::text[])
    ORDER BY next_at LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE ledger.delivery d
SET attempts = d.attempts + 1, next_at = to_timestamp(%s), updated_at = to_timestamp(%s)
FROM due JOIN ledger.event e USING (event_id)
WHERE d.event_id = due.event_id AND d.endpoint_id = due.endpoint_id
RETURNING d.event_id::text, d.endpoint_id, d.merchant, d.attempts, e.body::text
"""

# A success stands whatever a later attempt is doing; a failure only if it is the latest attempt.
_RECORD: Final = """
UPDATE ledger.delivery d
SET state = r.state, next_at = to_timestamp(r.next_at), updated_at = to_timestamp(%s),
    attempts = d.attempts - (NOT r.counted)::integer,
    last_status = CASE WHEN r.counted THEN r.status ELSE d.last_status END,
    last_error = CASE WHEN r.counted THEN r.error ELSE d.last_error END
FROM unnest(%s::uuid[], %s::text[], %s::integer[], %s::text[], %s::double precision[],
        %s::integer[], %s::text[], %s::boolean[])
    AS r(event_id, endpoint_id, attempt, state, next_at, status, error, counted)
WHERE d.event_id = r.event_id AND d.endpoint_id = r.endpoint_id AND (
    r.state = 'delivered' OR (d.state = 'pending' AND d.attempts = r.attempt))
"""

_BACKLOG: Final = """
SELECT (SELECT count(*) FROM ledger.delivery WHERE state = 'dead'),
    extract(epoch FROM least(
        (SELECT min(next_at) FROM ledger.delivery
         WHERE state = 'pending' AND next_at <= to_timestamp(%s)),
        (SELECT min(e.created_at) FROM ledger.outbox JOIN ledger.event e USING (event_id))
    ))::double precision
"""

_PURGE: Final = "SELECT ledger.purge_deliveries(to_timestamp(%s), %s)"

_LIST: Final[LiteralString] = """
SELECT d.event_id::text, d.endpoint_id, d.merchant, e.type, d.attempts, d.state,
    extract(epoch FROM d.next_at)::double precision, d.last_status, d.last_error,
    extract(epoch FROM d.updated_at)::double precision
FROM ledger.delivery d JOIN ledger.event e USING (event_id)
WHERE d.state = %s ORDER BY
"""
_ORDERS: Final[dict[DeliveryState, LiteralString]] = {
    DeliveryState.PENDING: " d.next_at, d.event_id LIMIT %s",
    DeliveryState.DEAD: " d.updated_at, d.event_id LIMIT %s",
}

_AGAIN: Final[LiteralString] = """
UPDATE ledger.delivery
SET state = 'pending', attempts = 0, next_at = to_timestamp(%s), updated_at = to_timestamp(%s)
WHERE
"""
_OF_EVENT: Final[LiteralString] = " event_id = %s AND (state <> 'pending' OR attempts > 0)"
_DEAD_OF_ENDPOINT: Final[LiteralString] = " endpoint_id = %s AND state = 'dead'"
_ALL_DEAD: Final[LiteralString] = " state = 'dead'"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedDelivery:
    """A delivery as kept; times are Unix seconds."""

    event_id: str
    endpoint_id: str
    merchant: str
    type: str
    attempts: int
    state: DeliveryState
    next_at: float
    last_status: int | None
    last_error: str | None
    updated_at: float


class PostgresDeliveryQueue(PostgresLedger):
    """`payments.deliveries.DeliveryQueue`, and what an operator does with dead letters."""

    def unplanned(self, limit: int) -> Sequence[Unplanned]:
        """Some events that are not planned."""
        with self._connection("reading the outbox", writes=False) as connection:
            rows: list[Any] = connection.execute(_UNPLANNED, (limit,)).fetchall()
        return [Unplanned(event_id=event, merchant=who, type=kind) for event, who, kind in rows]

    def plan(self, events: Sequence[Unplanned], deliveries: Sequence[Planned], now: float) -> None:
        """Replace the events by their deliveries, in one statement."""
        arguments = (
            [event.event_id for event in events],
            now,
            now,
            [planned.event_id for planned in deliveries],
            [planned.endpoint_id for planned in deliveries],
            [planned.merchant for planned in deliveries],
        )
        with self._connection("planning deliveries", writes=True) as connection:
            connection.execute(_PLAN, arguments)

    def lease(
        self, now: float, *, until: float, limit: int, passing_over: Sequence[str]
    ) -> Sequence[Leased]:
        """Take due deliveries; whoever asks at the same time gets others."""
        arguments = (now, list(passing_over), limit, until, now)
        with self._connection("leasing deliveries", writes=True) as connection:
            rows: list[Any] = connection.execute(_LEASE, arguments).fetchall()
        return [
            Leased(
                event_id=event_id,
                endpoint_id=endpoint_id,
                merchant=merchant,
                attempt=attempts,
                body=body.encode(),
            )
            for event_id, endpoint_id, merchant, attempts, body in rows
        ]

    def record(self, results: Sequence[Result], now: float) -> None:
        """Write what became of deliveries, in one statement."""
        arguments = (
            now,
            [result.event_id for result in results],
            [result.endpoint_id for result in results],
            [result.attempt for result in results],
            [result.state.value for result in results],
            [result.next_at for result in results],
            [result.status for result in results],
            [result.error for result in results],
            [result.counted for result in results],
        )
        with self._connection("recording deliveries", writes=True) as connection:
            connection.execute(_RECORD, arguments)

    def backlog(self, now: float) -> Backlog:
        """Dead letters, and since when the oldest due delivery or unplanned event waits."""
        with self._connection("counting deliveries", writes=False) as connection:
            row: Any = connection.execute(_BACKLOG, (now,)).fetchone()
        dead, due_since = row
        return Backlog(dead=dead, due_since=due_since)

    def purge(self, before: float, limit: int) -> int:
        """Remove some of what was delivered before then, oldest first; how many these are."""
        with self._connection("purging deliveries", writes=True) as connection:
            row: Any = connection.execute(_PURGE, (before, limit)).fetchone()
        purged: int = row[0]
        return purged

    def listed(self, state: DeliveryState, limit: int) -> tuple[ListedDelivery, ...]:
        """Deliveries that are pending (next due first) or dead (longest dead first)."""
        with self._connection("listing deliveries", writes=False) as connection:
            rows: list[Any] = connection.execute(_LIST + _ORDERS[state], (state, limit)).fetchall()
        return tuple(_listed(row) for row in rows)

    def replay_event(self, event_id: str, now: float) -> int:
        """Send an event again to every endpoint that it was planned for; how many these are."""
        return self._again(_OF_EVENT, now, event_id)

    def replay_endpoint(self, endpoint_id: str, now: float) -> int:
        """Send the dead letters of an endpoint again; how many these are."""
        return self._again(_DEAD_OF_ENDPOINT, now, endpoint_id)

    def replay_dead(self, now: float) -> int:
        """Send all dead letters again; how many these are."""
        return self._again(_ALL_DEAD, now)

    def _again(self, which: LiteralString, now: float, *values: str) -> int:
        with self._connection("replaying deliveries", writes=True) as connection:
            return connection.execute(_AGAIN + which, (now, now, *values)).rowcount


def _listed(row: Any) -> ListedDelivery:
    event_id, endpoint_id, merchant, kind, attempts, state, next_at, status, error, at = row
    return ListedDelivery(
        event_id=event_id,
        endpoint_id=endpoint_id,
        merchant=merchant,
        type=kind,
        attempts=attempts,
        state=DeliveryState(state),
        next_at=next_at,
        last_status=status,
        last_error=error,
        updated_at=at,
    )
