"""Poster: at the active site, posts what the ledger lacks of the unconfirmed records."""

from collections.abc import Iterable
from dataclasses import dataclass

from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.payments.jobs.walk import pages
from payment_dr.payments.journal import Booking, bookings_of
from payment_dr.payments.ports import ControlReader, Ledger, PaymentsTable, Posted
from payment_dr.payments.record import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class PosterRun:
    """One run: unconfirmed records seen, entries posted, and whether it was fenced off."""

    seen: int
    posted: int
    fenced: bool


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
        for records in pages(self.table, self.table.unconfirmed):
            stamp = self.control().posting_stamp(self.site)
            if stamp is None:
                break
            unconfirmed = [record for record in records if record.unconfirmed is not None]
            missing = missing_bookings(self.ledger, unconfirmed)
            if self._fenced(missing, stamp):
                return PosterRun(seen=seen, posted=posted, fenced=True)
            seen += len(unconfirmed)
            posted += len(missing)
        return PosterRun(seen=seen, posted=posted, fenced=False)

    def _fenced(self, entries: tuple[Booking, ...], stamp: Stamp) -> bool:
        return bool(entries) and self.ledger.post(entries, stamp) is Posted.FENCED


def missing_bookings(ledger: Ledger, records: Iterable[Record]) -> tuple[Booking, ...]:
    """The entries that the records imply and the ledger does not have."""
    entries = [entry for record in records for entry in bookings_of(record)]
    if not entries:
        return ()
    present = ledger.view([entry.operation_id for entry in entries]).present
    return tuple(entry for entry in entries if entry.operation_id not in present)
