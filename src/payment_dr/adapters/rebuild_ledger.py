"""A ledger that is being completed from the payments table, with how far that has come."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter

from payment_dr.adapters.ledger_audit import PostgresLedgerAudit
from payment_dr.adapters.postgres import BOOKINGS
from payment_dr.core.stamp import Stamp
from payment_dr.payments.jobs.rebuild import Advanced, Checkpoint, Kept
from payment_dr.payments.journal import Booking

_CHECKPOINT: Final = TypeAdapter(Checkpoint)
_KEPT: Final = "SELECT revision, state::text FROM ledger.rebuild WHERE epoch = %s AND site = %s"
_ON: Final = "SELECT ledger.rebuild_on(%s, %s, %s, %s, %s)"


class PostgresRebuiltLedger(PostgresLedgerAudit):
    """`payments.jobs.rebuild.RebuiltLedger`."""

    def checkpoint(self, stamp: Stamp) -> Kept | None:
        """The checkpoint of that stamp; None before the first."""
        with self._connection("reading the checkpoint", writes=False) as connection:
            row: Any = connection.execute(_KEPT, (stamp.epoch, stamp.site)).fetchone()
        if row is None:
            return None
        revision, state = row
        return Kept(revision=revision, checkpoint=_CHECKPOINT.validate_json(state))

    def rebuild_on(
        self, bookings: Sequence[Booking], stamp: Stamp, checkpoint: Checkpoint, *, based_on: int
    ) -> Advanced:
        """Book what is absent and store the checkpoint, in one transaction."""
        arguments = (
            stamp.epoch,
            stamp.site,
            BOOKINGS.dump_json(tuple(bookings)).decode(),
            based_on,
            _CHECKPOINT.dump_json(checkpoint).decode(),
        )
        with self._connection("completing the ledger", writes=True) as connection:
            row: Any = connection.execute(_ON, arguments).fetchone()
        return Advanced(row[0])
