"""A merchant's books out of a ledger in memory."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from fakes.clock import FakeClock
from fakes.ledger import FakeLedger
from payment_dr.payments.books import (
    AccountBalance,
    Extract,
    ListedEntry,
    ListedEvent,
    ListedPayment,
    PaymentPlace,
    UnknownPlaceError,
)
from payment_dr.payments.journal import Booking

Row = TypeVar("Row")


class FakeBooks:
    """Satisfies `Books`."""

    def __init__(self, ledger: FakeLedger, clock: FakeClock) -> None:
        self._ledger = ledger
        self._clock = clock

    def payments(
        self, merchant: str, *, after: PaymentPlace | None, limit: int
    ) -> Extract[ListedPayment]:
        latest: dict[str, Booking] = {}
        for booking in self._of(merchant):
            latest[booking.payment_id] = booking
        rows = sorted((_payment(b) for b in latest.values()), key=_place, reverse=True)
        if after is not None:
            rows = [row for row in rows if _place(row) < (after.created_us, after.payment_id)]
        return self._extract(rows, limit)

    def balances(self, merchant: str) -> Extract[AccountBalance]:
        totals: dict[tuple[str, str], int] = {}
        for booking in self._of(merchant):
            for posting in booking.postings:
                account = (booking.currency, posting.account.value)
                totals[account] = totals.get(account, 0) + posting.minor_units
        rows = [
            AccountBalance(currency=currency, account=account, minor_units=total)
            for (currency, account), total in sorted(totals.items())
        ]
        return self._extract(rows, len(rows))

    def entries(self, merchant: str, *, after: str | None, limit: int) -> Extract[ListedEntry]:
        booked = [b for b in self._since(merchant, after) if b.postings]
        return self._extract([_entry(booking) for booking in booked], limit)

    def events(self, merchant: str, *, after: str | None, limit: int) -> Extract[ListedEvent]:
        return self._extract([_event(b) for b in self._since(merchant, after)], limit)

    def event(self, merchant: str, event_id: str) -> ListedEvent | None:
        found = (b for b in self._of(merchant) if b.operation_id == event_id)
        booking = next(found, None)
        return None if booking is None else _event(booking)

    def _of(self, merchant: str) -> list[Booking]:
        return [b for b in self._ledger.entries.values() if b.merchant == merchant]

    def _since(self, merchant: str, after: str | None) -> list[Booking]:
        """Newest first, from the one after `after` on."""
        booked = self._of(merchant)[::-1]
        if after is None:
            return booked
        ids = [booking.operation_id for booking in booked]
        if after not in ids:
            raise UnknownPlaceError
        return booked[ids.index(after) + 1 :]

    def _extract(self, rows: Sequence[Row], limit: int) -> Extract[Row]:
        return Extract(rows=tuple(rows[:limit]), more=len(rows) > limit, as_of=self._clock.now())


def _place(row: ListedPayment) -> tuple[int, str]:
    return row.place.created_us, row.place.payment_id


def _payment(booking: Booking) -> ListedPayment:
    created_us = int(booking.payment.created_at * 1_000_000)
    return ListedPayment(
        payment_id=booking.payment_id,
        currency=booking.currency,
        updated_at=booking.occurred_at,
        place=PaymentPlace(created_us=created_us, payment_id=booking.payment_id),
        **asdict(booking.payment),
    )


def _entry(booking: Booking) -> ListedEntry:
    return ListedEntry(
        entry_id=booking.operation_id,
        payment_id=booking.payment_id,
        kind=booking.kind,
        currency=booking.currency,
        occurred_at=booking.occurred_at,
        posted_at=booking.occurred_at,
        request_id=booking.request_id,
        postings=tuple((p.account.value, p.minor_units) for p in booking.postings),
    )


def _event(booking: Booking) -> ListedEvent:
    """Its body as `ledger.book` writes it."""
    body: dict[str, Any] = {
        "event_id": booking.operation_id,
        "type": booking.type.value,
        "order": booking.order,
        "payment_id": booking.payment_id,
        "operation": booking.kind.value,
        "amount": booking.amount,
        "currency": booking.currency,
        "decline_code": booking.decline_code,
        "occurred_at": booking.occurred_at,
        "request_id": booking.request_id,
        "payment": asdict(booking.payment),
    }
    return ListedEvent(event_id=booking.operation_id, body=body)
