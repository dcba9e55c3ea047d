"""Compares provider, payments table and ledger, and repairs what follows from the payments table.

Repair goes the ways that make these things anyway, which do nothing twice: bookings by the ledger's
own function under its stamp, pending operations by the service. What cannot follow from the table,
such as a total that was changed, is listed and left to a person.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.payments.journal import bookings_of
from payment_dr.payments.ports import ControlReader, Ledger, PaymentsTable, Provider
from payment_dr.payments.reconciliation_report import (
    NOTHING,
    Cause,
    Difference,
    LedgerAudit,
    Reconciliation,
    difference,
    is_comparable,
    ledger_differences,
    of_total,
    provider_disagrees,
)
from payment_dr.payments.record import Record
from payment_dr.payments.service import PaymentService
from payment_dr.payments.transitions import call_of

CHUNK: Final = 200
"""Payments per look at the ledger."""

_REPAIRABLE: Final = frozenset({Cause.PENDING, Cause.BOOKING_MISSING})


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciler:
    """Compares and repairs at `site`, which must be the active one to book."""

    table: PaymentsTable
    audit: LedgerAudit
    ledger: Ledger
    provider: Provider
    service: PaymentService
    control: ControlReader
    site: SiteName
    clock: Clock

    def run(self, chunks: Iterable[Sequence[str]], *, repair: bool) -> Reconciliation:
        """Look at payments by their ids, up to `CHUNK` at a time, and at all totals.

        Raises:
            UnavailableError: table or ledger did not answer; running it again is safe.
        """
        payments = 0
        found: list[Difference] = []
        for chunk in chunks:
            payments += len(chunk)
            before = self._look(chunk)
            if repair and any(one.cause in _REPAIRABLE for one in before):
                self._repair(before)
                left = {_identity(one) for one in self._look(chunk)}
                before = [replace(one, repaired=_identity(one) not in left) for one in before]
            found += before
        found += [of_total(total) for total in self.audit.totals()]
        return Reconciliation(payments=payments, differences=tuple(found))

    def _look(self, chunk: Sequence[str]) -> list[Difference]:
        records = {record.payment_id: record for record in self.table.get_many(chunk)}
        booked = self.audit.booked(chunk)
        found: list[Difference] = []
        for payment_id in chunk:
            record = records.get(payment_id)
            if record is None:
                found.append(Difference(cause=Cause.RECORD_MISSING, subject=payment_id))
                continue
            found += self._pending(record)
            found += ledger_differences(record, booked.get(payment_id, NOTHING))
            found += self._of_provider(record)
        return found

    def _pending(self, record: Record) -> list[Difference]:
        operation, lease = record.pending, record.lease
        if operation is None or (lease is not None and lease.expires_at > self.clock.now()):
            return []
        return [difference(Cause.PENDING, record, operation.operation_id, operation.kind)]

    def _of_provider(self, record: Record) -> list[Difference]:
        found: list[Difference] = []
        for operation in record.operations:
            if not is_comparable(record, operation):
                continue
            try:
                outcome = self.provider.look_up(call_of(record, operation))
            except UnavailableError as error:
                found.append(
                    difference(Cause.PROVIDER_SILENT, record, operation.operation_id, error.what)
                )
                continue
            detail = provider_disagrees(operation, outcome, self.clock.now())
            if detail is not None:
                found.append(
                    difference(Cause.PROVIDER_DISAGREES, record, operation.operation_id, detail)
                )
        return found

    def _repair(self, found: Sequence[Difference]) -> None:
        """Finish what is pending, then book what is missing, of the records as they are then."""
        wanted = dict.fromkeys(one.subject for one in found if one.cause in _REPAIRABLE)
        for record in self.table.get_many(list(wanted)):
            if record.pending is not None:
                self.service.resume(record)
        stamp = self.control().posting_stamp(self.site)
        if stamp is None:
            return
        missing = {one.operation_id for one in found if one.cause is Cause.BOOKING_MISSING}
        bookings = [
            booking
            for record in self.table.get_many(list(wanted))
            for booking in bookings_of(record)
            if booking.operation_id in missing
        ]
        if bookings:
            self.ledger.post(bookings, stamp)


def _identity(one: Difference) -> tuple[Cause, str, str | None]:
    return one.cause, one.subject, one.operation_id
