"""Sweeper: finishes what crashed handlers left pending, by the code that a retry would run."""

from dataclasses import dataclass
from functools import partial

from payment_dr.core.clock import Clock
from payment_dr.payments.jobs.walk import Spread, pages
from payment_dr.payments.outcome import Created, DeclinedOutcome
from payment_dr.payments.ports import PaymentsTable
from payment_dr.payments.record import Record
from payment_dr.payments.service import PaymentService


@dataclass(frozen=True, kw_only=True, slots=True)
class SweeperRun:
    """One run: open records seen, and those it brought to an end."""

    seen: int
    finished: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweeper:
    """Resumes open operations whose lease has ended; may run at both sites at once.

    After `budget_s` it resumes nothing further, so that a provider that hangs cannot hold it.
    """

    table: PaymentsTable
    service: PaymentService
    clock: Clock
    spread: Spread
    budget_s: float

    def run(self) -> SweeperRun:
        """One pass over the open operations.

        Raises:
            UnavailableError: the table did not answer; the next run goes on.
        """
        seen = finished = 0
        end = self.clock.monotonic() + self.budget_s
        for records in pages(self.table, self.table.open_operations):
            seen += len(records)
            finished += sum(self.spread(partial(self._resume, end=end), records))
            if self.clock.monotonic() >= end:
                break
        return SweeperRun(seen=seen, finished=finished)

    def _resume(self, record: Record, *, end: float) -> bool:
        if self.clock.monotonic() >= end:
            return False
        return isinstance(self.service.resume(record), Created | DeclinedOutcome)
