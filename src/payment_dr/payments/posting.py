"""Posting after the decision: best effort, within the ledger's time budget, never in doubt.

What is not posted here is unconfirmed, so the poster or the next reconciliation posts it.
"""

from dataclasses import dataclass

from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.payments.breaker import CircuitBreaker
from payment_dr.payments.journal import Booking
from payment_dr.payments.ports import ControlReader, Ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class BestEffortPosting:
    """Posts one entry if this site may, and if its ledger has been answering."""

    ledger: Ledger
    control: ControlReader
    site: SiteName
    clock: Clock
    breaker: CircuitBreaker

    def post(self, entry: Booking) -> None:
        """Try once; neither a failure nor a fence is an error, since nothing is lost by it."""
        try:
            stamp = self.control().posting_stamp(self.site)
        except UnavailableError:
            return
        if stamp is None or not self.breaker.allows(self.clock.monotonic()):
            return
        try:
            self.ledger.post((entry,), stamp)
        except UnavailableError:
            self.breaker.failed(self.clock.monotonic())
        else:
            self.breaker.succeeded()
