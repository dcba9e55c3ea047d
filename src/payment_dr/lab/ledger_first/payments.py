"""Payments kept in the ledger's database: one commit claims, one commit decides and posts.

The client side (pool, deadlines, what an error says about the effect) is that of the other
design's ledger, so that a comparison compares the designs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any, Final, LiteralString

from psycopg import Connection
from pydantic import TypeAdapter

from payment_dr.adapters.postgres import PostgresLedger
from payment_dr.payments.journal import Booking, booking_of
from payment_dr.payments.ports import Page
from payment_dr.payments.record import Record, shard_of

_RECORD: Final = TypeAdapter(Record)
_BOOKINGS: Final = TypeAdapter(tuple[Booking, ...])
"""Its JSON is what `ledger.book` takes."""

_CLAIM: Final = "SELECT usual.claim_payment(%s, %s::smallint)"
_REPLACE: Final = "SELECT usual.replace_payment(%s, %s, %s::smallint, %s)"
_GET: Final = "SELECT record FROM usual.payment WHERE payment_id = ANY (%s::uuid[])"
_OPEN: Final = """
SELECT payment_id::text FROM usual.payment
WHERE open_shard = %s AND payment_id > coalesce(%s::uuid, '00000000-0000-0000-0000-000000000000')
ORDER BY payment_id LIMIT %s
"""


def migrate(connection: Connection[Any]) -> None:
    """Create the schema `usual` in a ledger that has been migrated; commits."""
    connection.execute(files("payment_dr.lab.ledger_first").joinpath("usual.sql").read_bytes())
    connection.commit()


def records(connection: Connection[Any]) -> Iterator[Record]:
    """Every payment that a ledger holds, for evidence; in one snapshot, by id."""
    with connection.cursor(name="usual_records") as cursor:
        cursor.execute("SELECT record FROM usual.payment ORDER BY payment_id")
        for (document,) in cursor:
            yield _RECORD.validate_python(document)


def open_payments(connection: Connection[Any]) -> frozenset[str]:
    """Ids of the payments that have a pending operation."""
    query = "SELECT payment_id::text FROM usual.payment WHERE open_shard IS NOT NULL"
    return frozenset(payment_id for (payment_id,) in connection.execute(query))


class PostgresPayments(PostgresLedger):
    """`payments.ports.PaymentsTable` in the ledger's database; safe to share between threads.

    Linearizable at the writer only: a replica answers `get` with what has arrived there, and
    refuses every write, which is a definite UnavailableError.
    """

    def reach(self) -> None:
        """Whether the database answers, writer or replica; UnavailableError when not."""
        with self._connection("reaching the ledger", writes=False) as connection:
            connection.execute("SELECT 1")

    def get(self, payment_id: str) -> Record | None:
        """Read from this site's own cluster."""
        return next(iter(self.get_many([payment_id])), None)

    def get_many(self, payment_ids: Sequence[str]) -> Sequence[Record]:
        """Read from this site's own cluster, missing ones left out."""
        with self._connection("reading payments", writes=False) as connection:
            rows = connection.execute(_GET, (list(payment_ids),)).fetchall()
        return [_RECORD.validate_python(document) for (document,) in rows]

    def put_if_absent(self, record: Record) -> Record | None:
        """Claim the key and commit; None when it was new, else the payment that has it."""
        row = self._call("claiming a payment", _CLAIM, (_json(record), _open_shard(record)))
        return None if row is None else _RECORD.validate_python(row)

    def replace(self, record: Record, *, based_on: int) -> bool:
        """Write the payment and the booking of its last operation in one transaction."""
        booking = booking_of(record, record.operations[-1])
        bookings = _BOOKINGS.dump_json(() if booking is None else (booking,)).decode()
        arguments = (based_on, _json(record), _open_shard(record), bookings)
        return bool(self._call("deciding a payment", _REPLACE, arguments))

    def unconfirmed(self, shard: int, *, cursor: str | None, limit: int) -> Page:
        """None: this design posts with the decision and knows nothing of its standby."""
        del shard, cursor, limit
        return Page(payment_ids=(), cursor=None)

    def open_operations(self, shard: int, *, cursor: str | None, limit: int) -> Page:
        """Ids of payments of this `shard_of` that have a pending operation."""
        with self._connection("reading open payments", writes=False) as connection:
            rows = connection.execute(_OPEN, (shard, cursor, limit)).fetchall()
        ids = tuple(payment_id for (payment_id,) in rows)
        return Page(payment_ids=ids, cursor=ids[-1] if len(ids) == limit else None)

    def _call(self, what: str, function: LiteralString, arguments: tuple[Any, ...]) -> Any:
        """The value of a function that writes; it commits when it returns."""
        with self._connection(what, writes=True) as connection:
            row: Any = connection.execute(function, arguments).fetchone()
        return row[0]


def _json(record: Record) -> str:
    """The record as stored, without the other design's mark: nobody here would take it away."""
    return _RECORD.dump_json(replace(record, unconfirmed=None)).decode()


def _open_shard(record: Record) -> int | None:
    return None if record.pending is None else shard_of(record.payment_id)
