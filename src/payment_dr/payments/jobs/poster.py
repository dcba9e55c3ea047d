"""Poster: at the active site, posts what the ledger lacks of the unconfirmed records."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.payments.jobs.walk import pages
from payment_dr.payments.journal import Booking, bookings_of
from payment_dr.payments.ports import ControlReader, Ledger, PaymentsTable, Posted
from payment_dr.payments.record import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class PosterRun:
    """One run: unconfirmed records seen, entries posted, and whether it was fenced off.

    `whole` tells that it saw all the unconfirmed there were; `oldest_at` is when the one of them
    that was written first was written (Unix seconds), None if none was seen.
    """

    seen: int
    posted: int
    fenced: bool
    whole: bool
    oldest_at: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Poster:
    """Posts at `site` while it is active and the phase steady; `control` is asked per page."""

    table: PaymentsTable
    ledger: Ledger
    control: ControlReader
    site: SiteName

    def run(self) -> PosterRun:
        """One pass over the unconfirmed; stops where posting is no longer this site's.

        Raises:
            UnavailableError: a dependency did not answer; the next run goes on.
        """
        seen = posted = 0
        fenced = whole = False
        oldest_at = math.inf
        for records in pages(self.table, self.table.unconfirmed):
            stamp = self.control().posting_stamp(self.site)
            if stamp is None:
                break
            unconfirmed = [record for record in records if record.unconfirmed is not None]
            missing = missing_bookings(self.ledger, unconfirmed)
            fenced = self._fenced(missing, stamp)
            if fenced:
                break
            seen += len(unconfirmed)
            posted += len(missing)
            oldest_at = min([oldest_at, *(record.updated_at for record in unconfirmed)])
        else:
            whole = True
        return PosterRun(
            seen=seen,
            posted=posted,
            fenced=fenced,
            whole=whole,
            oldest_at=oldest_at if seen else None,
        )

    def _fenced(self, entries: tuple[Booking, ...], stamp: Stamp) -> bool:
        return bool(entries) and self.ledger.post(entries, stamp) is Posted.FENCED


def missing_bookings(ledger: Ledger, records: Iterable[Record]) -> tuple[Booking, ...]:
    """The entries that the records imply and the ledger does not have."""
    entries = [entry for record in records for entry in bookings_of(record)]
    if not entries:
        return ()
    present = ledger.view([entry.operation_id for entry in entries]).present
    return tuple(entry for entry in entries if entry.operation_id not in present)
