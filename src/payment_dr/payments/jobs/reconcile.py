"""Reconciliation of a move: the newly writing ledger gets every unconfirmed record's entries.

Guarantees: whatever was seen is in the ledger when it returns, posted under the move's stamp.
What the eventually consistent index did not show yet, and what is accepted meanwhile, stays
unconfirmed and is the poster's.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.stamp import Stamp
from payment_dr.payments.jobs.poster import missing_bookings
from payment_dr.payments.jobs.walk import pages
from payment_dr.payments.journal import Booking
from payment_dr.payments.ports import Ledger, PaymentsTable, Posted

_PASSES_MAX: Final = 20
"""Bound on passes; the poster does what would need more."""


class FencedError(PaymentDrError):
    """The ledger's stamp is not the move's: another move took the ledger."""


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
    table: PaymentsTable, ledger: Ledger, stamp: Stamp, *, started_at: float
) -> Reconciliation:
    """Pass over all shards until a pass finds nothing missing that is older than `started_at`.

    Accepting goes on during a move, so there may always be something younger: it is posted when
    seen, but asks for no further pass.

    Args:
        table: the payments table.
        ledger: the ledger of the move's target, promoted and stamped.
        stamp: the move's own.
        started_at: Unix seconds when reconciliation began.

    Raises:
        FencedError: the ledger carries another stamp; nothing was posted under it.
        UnavailableError: something did not answer; running it again goes on.
    """
    seen: dict[str, None] = {}
    posted: dict[str, Booking] = {}
    for _ in range(_PASSES_MAX):
        added = _one_pass(table, ledger, stamp, seen)
        posted |= {entry.operation_id: entry for entry in added}
        if all(entry.occurred_at > started_at for entry in added):
            break
    money: Counter[str] = Counter()
    for entry in posted.values():
        money[entry.currency] += sum(max(leg.minor_units, 0) for leg in entry.postings)
    return Reconciliation(seen=tuple(seen), posted=tuple(posted), money=dict(money))


def _one_pass(
    table: PaymentsTable, ledger: Ledger, stamp: Stamp, seen: dict[str, None]
) -> list[Booking]:
    """Post what is missing of every unconfirmed record, add the records' ids to `seen`."""
    added: list[Booking] = []
    for records in pages(table, table.unconfirmed):
        unconfirmed = [record for record in records if record.unconfirmed is not None]
        missing = missing_bookings(ledger, unconfirmed)
        if missing and ledger.post(missing, stamp) is Posted.FENCED:
            raise FencedError(
                f"the ledger does not carry the stamp of epoch {stamp.epoch} at {stamp.site}",
                remedy="payment-dr status",
            )
        seen.update(dict.fromkeys(record.payment_id for record in unconfirmed))
        added += missing
    return added
