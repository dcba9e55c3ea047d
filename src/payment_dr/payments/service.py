"""The protocol of one request: claim, charge, decide, post, acknowledge.

Guarantees: an acknowledgement rests on a decision that the payments table is known to hold; an
operation reaches the provider under one idempotency key whoever sends it; what cannot be known
is answered "indeterminate", never as a failure. Leases save work, safety never rests on them.
"""

import itertools
from dataclasses import dataclass

from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import PaymentSettings
from payment_dr.core.stamp import SiteName
from payment_dr.payments.breaker import CircuitBreaker
from payment_dr.payments.claiming import Stored, claim_operation, claim_payment
from payment_dr.payments.completing import Completer
from payment_dr.payments.outcome import (
    Found,
    KeyReused,
    NotFound,
    OperationOutcome,
    PayOutcome,
    ReadOutcome,
    Unavailable,
    answer_of,
    in_progress,
    indeterminate,
    unavailable,
)
from payment_dr.payments.ports import ControlReader, Ledger, PaymentsTable, Provider
from payment_dr.payments.posting import BestEffortPosting
from payment_dr.payments.record import Record
from payment_dr.payments.requests import OperationRequest, PayRequest
from payment_dr.payments.transitions import Author, taken_over
from payment_dr.payments.writing import Write, read_back, write


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """The world as one site sees it. `control` may be up to about a second old."""

    table: PaymentsTable
    ledger: Ledger
    provider: Provider
    clock: Clock
    control: ControlReader


class PaymentService:
    """Takes payments and operations on them at one site; safe to share between threads.

    Args:
        ports: the world.
        site: where this service runs.
        owner: unique for this process among all that ever were; names its leases.
        limits: time limits of a request.
        breaker: shared by everything that posts on behalf of requests in this process.
    """

    def __init__(
        self,
        ports: Ports,
        *,
        site: SiteName,
        owner: str,
        limits: PaymentSettings,
        breaker: CircuitBreaker,
    ) -> None:
        self._table = ports.table
        self._clock = ports.clock
        self._control = ports.control
        self._site = site
        self._owner = owner
        self._limits = limits
        self._attempts = itertools.count(1)
        self._completer = Completer(
            table=ports.table,
            provider=ports.provider,
            posting=BestEffortPosting(
                ledger=ports.ledger,
                control=ports.control,
                site=site,
                clock=ports.clock,
                breaker=breaker,
            ),
            clock=ports.clock,
            provider_forgets_keys_s=limits.provider_forgets_keys_s,
            fee_basis_points=limits.fee_basis_points,
        )

    def pay(self, request: PayRequest) -> PayOutcome:
        """Charge or authorise once per merchant and idempotency key, and answer for ever alike."""
        deadline = self._deadline()
        author = self._author()
        if isinstance(author, Unavailable):
            return author
        claimed = claim_payment(self._table, request, author)
        if not isinstance(claimed, Stored):
            return claimed
        return self._settle(claimed, request.fingerprint, author, deadline)

    def operate(self, request: OperationRequest) -> OperationOutcome:
        """Capture, refund or void once per payment and idempotency key."""
        deadline = self._deadline()
        author = self._author()
        if isinstance(author, Unavailable):
            return author
        claimed = claim_operation(self._table, request, author)
        if not isinstance(claimed, Stored):
            return claimed
        return self._settle(claimed, request.fingerprint, author, deadline)

    def read(self, *, merchant: str, payment_id: str) -> ReadOutcome:
        """The merchant's payment as every earlier acknowledgement left it."""
        try:
            record = self._table.get(payment_id)
        except UnavailableError as error:
            return unavailable(error)
        if record is None or record.merchant != merchant:
            return NotFound(payment_id=payment_id)
        return Found(record=record)

    def resume(self, record: Record) -> PayOutcome | None:
        """Finish the record's pending operation if its lease has ended; None without one."""
        operation = record.pending
        if operation is None:
            return None
        deadline = self._deadline()
        author = self._author()
        if isinstance(author, Unavailable):
            return author
        stored = Stored(record=record, operation=operation, fresh=False)
        return self._settle(stored, operation.fingerprint, author, deadline)

    def _settle(
        self, stored: Stored, fingerprint: str, author: Author, deadline: float
    ) -> PayOutcome:
        """From the operation as stored to an answer: repeat it, take it over, or carry it out."""
        record, operation = stored.record, stored.operation
        if operation.fingerprint != fingerprint:
            return KeyReused(payment_id=record.payment_id)
        answer = answer_of(record, operation, replayed=not stored.fresh)
        if answer is not None:
            return answer
        ours = self._under_lease(record, author)
        if ours is None:
            return in_progress(record)
        done = self._completer.complete(ours, deadline=deadline)
        return done or indeterminate(record.payment_id)

    def _under_lease(self, record: Record, author: Author) -> Record | None:
        """The record under our lease: claimed just now, or taken over; None if it is another's."""
        if _owned(record, author):
            return record
        if record.lease is not None and record.lease.expires_at > author.now:
            return None
        taken = taken_over(record, author)
        if write(self._table, taken) is Write.DONE:
            return taken
        stored = read_back(self._table, record.payment_id)
        return stored if stored is not None and _owned(stored, author) else None

    def _author(self) -> Author | Unavailable:
        """A writer of its own for each request, so that a read back tells our write apart."""
        try:
            epoch = self._control().epoch
        except UnavailableError as error:
            return unavailable(error)
        return Author(
            owner=f"{self._owner}/{next(self._attempts)}",
            site=self._site,
            epoch=epoch,
            now=self._clock.now(),
            lease_s=self._limits.lease_s,
        )

    def _deadline(self) -> float:
        return self._clock.monotonic() + self._limits.request_deadline_s


def _owned(record: Record, author: Author) -> bool:
    return record.lease is not None and record.lease.owner == author.owner
