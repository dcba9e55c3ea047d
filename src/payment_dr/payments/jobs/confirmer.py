"""Confirmer: at the standby site, clears `unconfirmed` of what its replica of the ledger holds.

Guarantees: what it clears is in a replica that descends from the active site's writer of this
epoch, so that a failover to this site keeps it. Hence, in this order: entries, stamp and
recovery state in one snapshot, then a strong read of the control record, then a conditional
write per record.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from payment_dr.core.clock import Clock
from payment_dr.core.stamp import SiteName
from payment_dr.payments.jobs.walk import Spread, pages
from payment_dr.payments.journal import bookings_of
from payment_dr.payments.ports import ControlReader, Ledger, PaymentsTable
from payment_dr.payments.record import Record
from payment_dr.payments.transitions import confirmed
from payment_dr.payments.writing import Write, write


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmerRun:
    """One run: unconfirmed records seen, and those it cleared."""

    seen: int
    cleared: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmer:
    """Confirms at `site` while the other one is active.

    `control` must be a strong read each time it is called: it is asked after each snapshot.
    """

    table: PaymentsTable
    ledger: Ledger
    control: ControlReader
    site: SiteName
    clock: Clock
    spread: Spread

    def run(self) -> ConfirmerRun:
        """One pass over the unconfirmed.

        Raises:
            UnavailableError: a dependency did not answer; the next run goes on.
        """
        seen = cleared = 0
        if self.control().confirming_stamp(self.site) is None:
            return ConfirmerRun(seen=seen, cleared=cleared)
        for records in pages(self.table, self.table.unconfirmed):
            candidates = [record for record in records if record.unconfirmed is not None]
            seen += len(candidates)
            safe = survivors(self.ledger, self.control, self.site, candidates)
            cleared += sum(self.spread(self._clear, safe))
        return ConfirmerRun(seen=seen, cleared=cleared)

    def _clear(self, record: Record) -> bool:
        return write(self.table, confirmed(record, self.clock.now())) is Write.DONE


def survivors(
    ledger: Ledger, control: ControlReader, site: SiteName, records: Sequence[Record]
) -> list[Record]:
    """Those whose every entry a failover to `site` would keep.

    A record with a pending operation is left alone: clearing it would only make the decision of
    that operation fail its condition and be taken up again.
    """
    wanted = {
        record.payment_id: {entry.operation_id for entry in bookings_of(record)}
        for record in records
        if record.pending is None
    }
    if not wanted:
        return []
    view = ledger.view([entry for entries in wanted.values() for entry in entries])
    # Only now: read before the snapshot, the control record would not tell whether a move
    # had begun by the time of the snapshot.
    stamp = control().confirming_stamp(site)
    if stamp is None or view.stamp != stamp or not view.in_recovery:
        return []
    return [
        record
        for record in records
        if record.payment_id in wanted and wanted[record.payment_id] <= view.present
    ]
