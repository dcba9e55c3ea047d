"""Reconciliation of a move: the newly writing ledger gets every unconfirmed record's entries.

Guarantees: whatever was seen is in the ledger when it returns, posted under the move's stamp.
What the eventually consistent index did not show yet, and what is accepted meanwhile, stays
unconfirmed and is the poster's.
"""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.stamp import Stamp
from payment_dr.payments.jobs.poster import missing_bookings
from payment_dr.payments.jobs.walk import Records, Together, each_page, one_after_another
from payment_dr.payments.journal import Booking
from payment_dr.payments.ports import Ledger, PaymentsTable, Posted

_PASSES_MAX: Final = 20
"""Bound on passes; the poster does what would need more."""


class FencedError(PaymentDrError):
    """The ledger's stamp is not the move's: another move took the ledger."""

    def __init__(self, stamp: Stamp) -> None:
        super().__init__(
            f"the ledger does not carry the stamp of epoch {stamp.epoch} at {stamp.site}",
            remedy="payment-dr status",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciliation:
    """What was seen and posted: payment ids, entry ids, posted money by currency.

    `money` is the sum of the sizes of the posted entries in minor units; a refund counts as
    much as a charge, since either was missing.
    """

    seen: tuple[str, ...]
    posted: tuple[str, ...]
    money: dict[str, int]


def reconcile(
    table: PaymentsTable,
    ledger: Ledger,
    stamp: Stamp,
    *,
    started_at: float,
    together: Together = one_after_another,
) -> Reconciliation:
    """Pass over all shards until a pass finds nothing missing that is older than `started_at`.

    Accepting goes on during a move, so there may always be something younger: it is posted when
    seen, but asks for no further pass. A record that one pass saw is not read again by the next:
    what was decided since was accepted meanwhile.

    Args:
        table: the payments table.
        ledger: the ledger of the move's target, promoted and stamped.
        stamp: the move's own.
        started_at: Unix seconds when reconciliation began.
        together: how the shards are walked.

    Raises:
        FencedError: the ledger carries another stamp; nothing was posted under it.
        UnavailableError: something did not answer; running it again goes on.
    """
    found = _Found()

    def post(records: Records) -> _Page:
        unconfirmed = [record for record in records if record.unconfirmed is not None]
        missing = missing_bookings(ledger, unconfirmed)
        if missing and ledger.post(missing, stamp) is Posted.FENCED:
            raise FencedError(stamp)
        return _Page(seen=tuple(record.payment_id for record in unconfirmed), posted=missing)

    for _ in range(_PASSES_MAX):
        older = False
        index = table.unconfirmed
        with closing(
            each_page(table, index, post, known=found.seen, together=together)
        ) as all_pages:
            for page in all_pages:
                found.add(page)
                older |= any(booking.occurred_at <= started_at for booking in page.posted)
        if not older:
            break
    return Reconciliation(
        seen=tuple(found.seen), posted=tuple(found.posted), money=dict(found.money)
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Page:
    """Ids of the unconfirmed records of a page, and what the ledger lacked of them."""

    seen: tuple[str, ...]
    posted: tuple[Booking, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """Of all pages: two ids a record are kept of a million, and not the records."""

    seen: dict[str, None] = field(default_factory=dict[str, None])
    posted: list[str] = field(default_factory=list[str])
    money: Counter[str] = field(default_factory=Counter[str])

    def add(self, page: _Page) -> None:
        """Count a page; no record is on two, and none is posted twice."""
        self.seen.update(dict.fromkeys(page.seen))
        for booking in page.posted:
            self.posted.append(booking.operation_id)
            self.money[booking.currency] += booking.moved_minor
