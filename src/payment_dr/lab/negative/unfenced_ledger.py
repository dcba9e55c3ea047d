"""Posting by whoever finds its own database writable: the mistake of `unfenced_promotion`."""

from collections.abc import Sequence
from dataclasses import replace

from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.payments.journal import JournalEntry
from payment_dr.payments.ports import ControlReader, ControlView, Ledger, Posted, ReplicaView


class UnfencedLedger:
    """`payments.ports.Ledger` over another one, which posts under whatever stamp it finds there."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def post(self, entries: Sequence[JournalEntry], stamp: Stamp) -> Posted:
        """Post unless the database is a replica; the poster's own `stamp` is not looked at."""
        del stamp
        found = self._ledger.view([])
        if found.stamp is None or found.in_recovery:
            return Posted.FENCED
        return self._ledger.post(entries, found.stamp)

    def view(self, entry_ids: Sequence[str]) -> ReplicaView:
        """What the ledger says."""
        return self._ledger.view(entry_ids)


def always_active(control: ControlReader, site: SiteName) -> ControlReader:
    """A control record by which `site` is always the active one and nothing ever moves."""

    def read() -> ControlView:
        return replace(control(), steady=True, active=site)

    return read
