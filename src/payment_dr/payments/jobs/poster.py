"""Poster: at the active site, posts what the ledger lacks of the unconfirmed records."""

import math
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum, unique

from payment_dr.core.stamp import SiteName
from payment_dr.payments.jobs.walk import Records, Together, each_page, one_after_another
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
class _Page:
    """What became of one page; nothing was posted if this site may not, or was fenced off."""

    seen: int
    posted: int
    oldest_at: float


@unique
class _Halt(StrEnum):
    """Why a page was not posted, nor is another."""

    NOT_OURS = "not-ours"
    FENCED = "fenced"


@dataclass(frozen=True, kw_only=True, slots=True)
class Poster:
    """Posts at `site` while it is active and the phase steady; `control` is asked per page.

    `together` is how the shards are walked.
    """

    table: PaymentsTable
    ledger: Ledger
    control: ControlReader
    site: SiteName
    together: Together = one_after_another

    def run(self) -> PosterRun:
        """One pass over the unconfirmed; stops where posting is no longer this site's.

        Raises:
            UnavailableError: a dependency did not answer; the next run goes on.
        """
        seen = posted = 0
        oldest_at = math.inf
        halt: _Halt | None = None
        with closing(
            each_page(self.table, self.table.unconfirmed, self._post, together=self.together)
        ) as pages:
            for page in pages:
                if isinstance(page, _Halt):
                    halt = page
                    break
                seen += page.seen
                posted += page.posted
                oldest_at = min(oldest_at, page.oldest_at)
        return PosterRun(
            seen=seen,
            posted=posted,
            fenced=halt is _Halt.FENCED,
            whole=halt is None,
            oldest_at=oldest_at if seen else None,
        )

    def _post(self, records: Records) -> _Page | _Halt:
        stamp = self.control().posting_stamp(self.site)
        if stamp is None:
            return _Halt.NOT_OURS
        unconfirmed = [record for record in records if record.unconfirmed is not None]
        missing = missing_bookings(self.ledger, unconfirmed)
        if missing and self.ledger.post(missing, stamp) is Posted.FENCED:
            return _Halt.FENCED
        return _Page(
            seen=len(unconfirmed),
            posted=len(missing),
            oldest_at=min((record.updated_at for record in unconfirmed), default=math.inf),
        )


def missing_bookings(ledger: Ledger, records: Iterable[Record]) -> tuple[Booking, ...]:
    """The entries that the records imply and the ledger does not have."""
    entries = [entry for record in records for entry in bookings_of(record)]
    if not entries:
        return ()
    present = ledger.view([entry.operation_id for entry in entries]).present
    return tuple(entry for entry in entries if entry.operation_id not in present)
