"""Posting by whoever finds its own database writable: the mistake of `unfenced_promotion`."""

from collections.abc import Sequence
from dataclasses import replace

from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.payments.journal import Booking
from payment_dr.payments.ports import ControlReader, ControlView, Ledger, Posted, ReplicaView


class UnfencedLedger:
    """`payments.ports.Ledger` over another one, which posts under whatever stamp it finds there."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def post(self, bookings: Sequence[Booking], stamp: Stamp) -> Posted:
        """Post unless the database is a replica; the poster's own `stamp` is not looked at."""
        del stamp
        found = self._ledger.view([])
        if found.stamp is None or found.in_recovery:
            return Posted.FENCED
        return self._ledger.post(bookings, found.stamp)

    def view(self, operation_ids: Sequence[str]) -> ReplicaView:
        """What the ledger says."""
        return self._ledger.view(operation_ids)


def always_active(control: ControlReader, site: SiteName) -> ControlReader:
    """A control record by which `site` is always the active one and nothing ever moves."""

    def read() -> ControlView:
        return replace(control(), steady=True, active=site)

    return read
