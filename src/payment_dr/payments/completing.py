"""Charge, decide, post: what happens to a claimed operation, whoever claimed or took it over."""

from dataclasses import dataclass
from typing import Final

from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError
from payment_dr.payments.journal import booking_of
from payment_dr.payments.outcome import Answer, answer_of
from payment_dr.payments.ports import Declined, PaymentsTable, Provider, ProviderOutcome
from payment_dr.payments.posting import BestEffortPosting
from payment_dr.payments.record import Record
from payment_dr.payments.transitions import call_of, decided, released
from payment_dr.payments.writing import Write, read_back, write

NOT_FOUND_AT_PROVIDER: Final = "not_found_at_provider"
"""Decline code of an operation too old to be sent again that the provider never did."""

LOOK_UP_LAGS_S: Final = 3_600.0
"""How long the provider's search may not yet show what was done (Stripe: up to about an hour)."""

_DECIDE_ATTEMPTS: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Completer:
    """Carries a pending operation to its answer. Safe to run twice, anywhere, at once.

    `provider_forgets_keys_s`: from this age on an operation is looked up, never sent again.
    `fee_basis_points`: what a capture costs its merchant, in hundredths of a percent.
    """

    table: PaymentsTable
    provider: Provider
    posting: BestEffortPosting
    clock: Clock
    provider_forgets_keys_s: float
    fee_basis_points: int

    def complete(self, record: Record, *, deadline: float) -> Answer | None:
        """Carry out the pending, last operation of a record under our lease.

        Returns the answer that the table is known to hold, or None while that is unknown.

        After `deadline` (monotonic seconds) a decision is not written again, only looked for.
        """
        outcome = self._charge(record)
        if outcome is None:
            self._release(record)
            return None
        final = decided(record, outcome, self.clock.now(), fee_basis_points=self.fee_basis_points)
        answer = self._decide(final, deadline)
        booking = None if answer is None else booking_of(answer.record, answer.operation)
        if booking is not None:
            self.posting.post(booking)
        return answer

    def _charge(self, record: Record) -> ProviderOutcome | None:
        """The provider's word, or None without one: a time-out is neither success nor failure."""
        operation = record.operations[-1]
        call = call_of(record, operation)
        age = self.clock.now() - operation.started_at
        try:
            if age < self.provider_forgets_keys_s:
                return self.provider.perform(call)
            found = self.provider.look_up(call)
        except UnavailableError:
            return None
        if found is None and age >= self.provider_forgets_keys_s + LOOK_UP_LAGS_S:
            return Declined(code=NOT_FOUND_AT_PROVIDER, reference=None)
        # Before that, "none" may only mean that the last sending is not to be found yet.
        return found

    def _release(self, record: Record) -> None:
        """Let the client's retry in at once; the lease would end by itself as well."""
        write(self.table, released(record, self.clock.now()))

    def _decide(self, final: Record, deadline: float) -> Answer | None:
        """Write the decision, or find the one that is stored: the commit point.

        None when neither succeeded: the write may have landed, or another owner is at it.
        """
        operation = final.operations[-1]
        for _ in range(_DECIDE_ATTEMPTS):
            if write(self.table, final) is Write.DONE:
                return answer_of(final, operation, replayed=False)
            stored = read_back(self.table, final.payment_id)
            if stored is not None and stored.version >= final.version:
                settled = stored.operation(operation.operation_id)
                return answer_of(stored, settled, replayed=False)
            if self.clock.monotonic() >= deadline:
                break
        return None
