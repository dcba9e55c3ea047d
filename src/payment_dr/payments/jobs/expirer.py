"""Expirer: at the active site, deletes records that are long finished, since the table has no TTL.

What is deleted is final, confirmed, and older than every backup that a ledger may be rebuilt from:
so each ledger there will ever be has its bookings. Its idempotency keys are forgotten with it.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from payment_dr.core.clock import Clock
from payment_dr.core.stamp import SiteName
from payment_dr.payments.jobs.rebuild import RecordScan
from payment_dr.payments.ports import ControlReader
from payment_dr.payments.record import Record

PAGE: Final = 500
PAGES_MAX: Final = 4
"""Pages of one run: the whole table is walked slowly and again and again, and nobody waits."""


class ExpiringTable(RecordScan, Protocol):
    """The payments table, of which records may be deleted."""

    def delete_expired(self, payment_id: str, *, based_on: int) -> bool:
        """Delete the record if the stored version is `based_on`; False when it is not."""
        ...


class Bookmark(Protocol):
    """Where the walk through the table is; lost, it begins anew."""

    def read(self) -> str | None:
        """The cursor; None for the beginning."""
        ...

    def write(self, cursor: str | None) -> None:
        """Keep the cursor."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpirerRun:
    """One run: records looked at, and those deleted."""

    seen: int
    expired: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Expirer:
    """Deletes at `site` while it is active and the phase steady; `age_s` since the last write."""

    table: ExpiringTable
    bookmark: Bookmark
    control: ControlReader
    site: SiteName
    clock: Clock
    age_s: float

    def run(self) -> ExpirerRun:
        """A few pages on from where the last run ended.

        Raises:
            UnavailableError: a dependency did not answer; the next run goes on.
        """
        seen = expired = 0
        if not self.control().is_active(self.site):
            # A move may be about to rebuild the ledger from these very records.
            return ExpirerRun(seen=seen, expired=expired)
        cursor = self.bookmark.read()
        for _ in range(PAGES_MAX):
            page = self.table.scan(cursor=cursor, limit=PAGE)
            now = self.clock.now()
            seen += len(page.records)
            expired += sum(
                self.table.delete_expired(record.payment_id, based_on=record.version)
                for record in page.records
                if is_expired(record, now, self.age_s)
            )
            cursor = page.cursor
            if cursor is None:
                break
        self.bookmark.write(cursor)
        return ExpirerRun(seen=seen, expired=expired)


def is_expired(record: Record, now: float, age_s: float) -> bool:
    """Whether nothing is to come of it, and every backup of today has what came of it."""
    is_settled = record.pending is None and record.unconfirmed is None
    return is_settled and now - record.updated_at >= age_s
