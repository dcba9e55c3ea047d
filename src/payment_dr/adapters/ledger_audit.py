"""The ledger as reconciliation and settlement read it: whole payments, totals, sums of a merchant.

These are an operator's reads, of minutes at most, on connections of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from payment_dr.adapters.postgres import PostgresLedger
from payment_dr.core.errors import UnavailableError
from payment_dr.payments.reconciliation_report import (
    BookedPayment,
    Legs,
    Projected,
    TotalDifference,
)

_BOOKED: Final = """
SELECT w.payment_id::text,
    ARRAY(SELECT v.event_id::text FROM ledger.event v WHERE v.payment_id = w.payment_id),
    ARRAY(SELECT ARRAY[e.entry_id::text, p.account, p.minor_units::text]
          FROM ledger.journal_entry e JOIN ledger.posting p USING (entry_id)
          WHERE e.payment_id = w.payment_id),
    y.status, y.captured, y.refunded, y.fees, y.ord
FROM unnest(%s::uuid[]) AS w(payment_id) LEFT JOIN ledger.payment y USING (payment_id)
"""

_TOTALS: Final = """
SELECT merchant, currency, account, maintained, posted FROM ledger.balance_difference
ORDER BY merchant, currency, account
"""

_PAYMENTS: Final = """
SELECT known.id::text FROM (
    SELECT DISTINCT payment_id AS id FROM ledger.event
    WHERE created_at >= to_timestamp(%s) AND payment_id > %s::uuid
    ORDER BY payment_id LIMIT %s) AS known
ORDER BY known.id
"""
_FIRST: Final = "00000000-0000-0000-0000-000000000000"
_PAGE: Final = 200
_PAGES_MAX: Final = 1_000_000

# An entry that moved money in or out has a leg at the provider: its sign says which.
_SETTLEMENT: Final = """
SELECT e.currency,
    coalesce(sum(p.minor_units) FILTER (WHERE p.account = 'provider_receivable'
        AND p.minor_units > 0), 0)::bigint,
    coalesce(sum(p.minor_units) FILTER (WHERE p.account = 'refunds'), 0)::bigint,
    coalesce(-sum(p.minor_units) FILTER (WHERE p.account = 'fees'), 0)::bigint,
    coalesce(-sum(p.minor_units) FILTER (WHERE p.account IN ('merchant_payable', 'refunds')),
        0)::bigint,
    count(DISTINCT e.entry_id)
FROM ledger.journal_entry e JOIN ledger.posting p USING (entry_id)
WHERE e.merchant = %s AND e.occurred_at >= to_timestamp(%s) AND e.occurred_at < to_timestamp(%s)
GROUP BY e.currency ORDER BY e.currency
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settlement:
    """What a merchant is owed for a time, in one currency; sums in minor units.

    `net` is read from the merchant's own accounts: captured less refunded less fees.
    """

    currency: str
    captured: int
    refunded: int
    fees: int
    net: int
    entries: int


class PostgresLedgerAudit(PostgresLedger):
    """`payments.reconciliation_report.LedgerAudit`, and settlements."""

    def booked(self, payment_ids: Sequence[str]) -> Mapping[str, BookedPayment]:
        """What the ledger has of the payments; those of which it has nothing are left out."""
        with self._connection("reading bookings", writes=False) as connection:
            rows: list[Any] = connection.execute(_BOOKED, (list(payment_ids),)).fetchall()
        found = {row[0]: _booked(row) for row in rows}
        return {key: one for key, one in found.items() if one.events or one.entries}

    def totals(self) -> Sequence[TotalDifference]:
        """Totals that are not the sums of their postings."""
        with self._connection("comparing totals", writes=False) as connection:
            rows: list[Any] = connection.execute(_TOTALS).fetchall()
        return [
            TotalDifference(
                merchant=merchant,
                currency=currency,
                account=account,
                maintained=maintained,
                posted=posted,
            )
            for merchant, currency, account, maintained, posted in rows
        ]

    def payments(self, since: float) -> Iterator[Sequence[str]]:
        """Ids of payments with something booked since then (Unix seconds), page by page."""
        after = _FIRST
        for _ in range(_PAGES_MAX):
            with self._connection("listing booked payments", writes=False) as connection:
                rows: list[Any] = connection.execute(_PAYMENTS, (since, after, _PAGE)).fetchall()
            if rows:
                yield [payment_id for (payment_id,) in rows]
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]
        raise UnavailableError("the list of booked payments did not end")

    def settlement(self, merchant: str, begin: float, end: float) -> tuple[Settlement, ...]:
        """Per currency, of what occurred from `begin` until before `end` (Unix seconds)."""
        with self._connection("reading a settlement", writes=False) as connection:
            rows: list[Any] = connection.execute(_SETTLEMENT, (merchant, begin, end)).fetchall()
        return tuple(
            Settlement(
                currency=currency,
                captured=captured,
                refunded=refunded,
                fees=fees,
                net=net,
                entries=entries,
            )
            for currency, captured, refunded, fees, net, entries in rows
        )


def _booked(row: Any) -> BookedPayment:
    _, events, legs, status, captured, refunded, fees, order = row
    entries: dict[str, Legs] = {}
    for entry_id, account, minor_units in legs:
        entries[entry_id] = entries.get(entry_id, frozenset()) | {(account, int(minor_units))}
    return BookedPayment(
        events=frozenset(events),
        entries=entries,
        projected=None
        if status is None
        else Projected(status=status, captured=captured, refunded=refunded, fees=fees, order=order),
    )
