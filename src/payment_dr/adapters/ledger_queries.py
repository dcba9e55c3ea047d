"""A merchant's books over PostgreSQL: reads only, each bounded in rows and time.

Lists go by the keys of indexes, so a page costs the same wherever it is. Entries are found by
their events, which have the same ids: one index over merchant and order serves both.
"""

from typing import Any, Final, LiteralString

from payment_dr.adapters.postgres import PostgresLedger
from payment_dr.payments.books import (
    AccountBalance,
    Extract,
    ListedEntry,
    ListedEvent,
    ListedPayment,
    PaymentPlace,
    UnknownPlaceError,
)

_HEAD: Final = """
SELECT extract(epoch FROM
        CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp()
        ELSE clock_timestamp() END)::double precision,
    (SELECT seq FROM ledger.event WHERE event_id = %s AND merchant = %s)
"""

_PAYMENTS: Final = """
SELECT payment_id::text, status, amount, currency, captured, refunded, fees,
    (extract(epoch FROM created_at) * 1000000)::bigint,
    extract(epoch FROM updated_at)::double precision
FROM ledger.payment p
WHERE merchant = %s AND (created_at, payment_id) <
    (timestamptz 'epoch' + %s * interval '1 microsecond', %s::uuid)
ORDER BY p.created_at DESC, p.payment_id DESC LIMIT %s
"""
# The columns of the table, not those of the result, which are of other types: else it sorts.
_NEWEST: Final = PaymentPlace(
    # The year 2262, which also fits in nanoseconds.
    created_us=9_223_372_036_854_775,
    payment_id="ffffffff-ffff-ffff-ffff-ffffffffffff",
)

_BALANCES: Final = """
SELECT currency, account, minor_units FROM ledger.account_balance
WHERE merchant = %s ORDER BY currency, account
"""

_ENTRIES: Final = """
SELECT e.entry_id::text, e.payment_id::text, e.kind, e.currency,
    extract(epoch FROM e.occurred_at)::double precision,
    extract(epoch FROM e.posted_at)::double precision, e.request_id,
    ARRAY(SELECT ARRAY[p.account, p.minor_units::text] FROM ledger.posting p
          WHERE p.entry_id = e.entry_id ORDER BY p.leg)
FROM ledger.event v JOIN ledger.journal_entry e ON e.entry_id = v.event_id
WHERE v.merchant = %s AND v.seq < %s ORDER BY v.seq DESC LIMIT %s
"""

_EVENTS: Final = """
SELECT event_id::text, body FROM ledger.event
WHERE merchant = %s AND seq < %s ORDER BY seq DESC LIMIT %s
"""

_EVENT: Final = "SELECT body FROM ledger.event WHERE event_id = %s AND merchant = %s"

_SEQ_MAX: Final = 2**63 - 1
_MICROSECONDS: Final = 1_000_000


class LedgerQueries(PostgresLedger):
    """`payments.books.Books`; safe to share between threads.

    Its connections are apart from those that post, so that lists cannot keep payments waiting.
    """

    def payments(
        self, merchant: str, *, after: PaymentPlace | None, limit: int
    ) -> Extract[ListedPayment]:
        """Payments by their creation, newest first."""
        start = after or _NEWEST
        with self._connection("listing payments", writes=False) as connection:
            (as_of, _) = _row(connection.execute(_HEAD, (None, merchant)))
            rows: list[Any] = connection.execute(
                _PAYMENTS, (merchant, start.created_us, start.payment_id, limit + 1)
            ).fetchall()
        return Extract(
            rows=tuple(_payment(row) for row in rows[:limit]), more=len(rows) > limit, as_of=as_of
        )

    def balances(self, merchant: str) -> Extract[AccountBalance]:
        """Every account of the merchant."""
        with self._connection("reading balances", writes=False) as connection:
            (as_of, _) = _row(connection.execute(_HEAD, (None, merchant)))
            rows: list[Any] = connection.execute(_BALANCES, (merchant,)).fetchall()
        found = (
            AccountBalance(currency=currency, account=account, minor_units=total)
            for currency, account, total in rows
        )
        return Extract(rows=tuple(found), more=False, as_of=as_of)

    def entries(self, merchant: str, *, after: str | None, limit: int) -> Extract[ListedEntry]:
        """Journal entries, newest first."""
        rows, as_of = self._booked("listing entries", _ENTRIES, merchant, after, limit)
        return Extract(
            rows=tuple(_entry(row) for row in rows[:limit]), more=len(rows) > limit, as_of=as_of
        )

    def events(self, merchant: str, *, after: str | None, limit: int) -> Extract[ListedEvent]:
        """Events, newest first."""
        rows, as_of = self._booked("listing events", _EVENTS, merchant, after, limit)
        found = (ListedEvent(event_id=event_id, body=body) for event_id, body in rows[:limit])
        return Extract(rows=tuple(found), more=len(rows) > limit, as_of=as_of)

    def event(self, merchant: str, event_id: str) -> ListedEvent | None:
        """One event of the merchant."""
        with self._connection("reading an event", writes=False) as connection:
            row: Any = connection.execute(_EVENT, (event_id, merchant)).fetchone()
        return None if row is None else ListedEvent(event_id=event_id, body=row[0])

    def _booked(
        self, what: str, query: LiteralString, merchant: str, after: str | None, limit: int
    ) -> tuple[list[Any], float | None]:
        """Rows in the order of booking, one more than asked for, and how far the ledger is."""
        with self._connection(what, writes=False) as connection:
            as_of, place = _row(connection.execute(_HEAD, (after, merchant)))
            if after is not None and place is None:
                raise UnknownPlaceError
            end = _SEQ_MAX if place is None else place
            return connection.execute(query, (merchant, end, limit + 1)).fetchall(), as_of


def _row(cursor: Any) -> Any:
    return cursor.fetchone()


def _payment(row: Any) -> ListedPayment:
    payment_id, status, amount, currency, captured, refunded, fees, created_us, updated_at = row
    return ListedPayment(
        payment_id=payment_id,
        status=status,
        amount=amount,
        currency=currency,
        captured=captured,
        refunded=refunded,
        fees=fees,
        created_at=created_us / _MICROSECONDS,
        updated_at=updated_at,
        place=PaymentPlace(created_us=created_us, payment_id=payment_id),
    )


def _entry(row: Any) -> ListedEntry:
    entry_id, payment_id, kind, currency, occurred_at, posted_at, request_id, postings = row
    return ListedEntry(
        entry_id=entry_id,
        payment_id=payment_id,
        kind=kind,
        currency=currency,
        occurred_at=occurred_at,
        posted_at=posted_at,
        request_id=request_id,
        postings=tuple((account, int(minor_units)) for account, minor_units in postings),
    )
