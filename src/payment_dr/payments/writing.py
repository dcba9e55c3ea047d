"""Conditional writes and what is known of them afterwards."""

from enum import Enum, auto, unique

from payment_dr.core.errors import UnavailableError
from payment_dr.payments.ports import PaymentsTable
from payment_dr.payments.record import Record


@unique
class Write(Enum):
    """DONE took effect, CONFLICT met another version, FAILED did nothing, UNKNOWN may have.

    A CONFLICT may also be our own write, repeated by a client library whose first answer was
    lost: who needs to know reads back.
    """

    DONE = auto()
    CONFLICT = auto()
    FAILED = auto()
    UNKNOWN = auto()


def write(table: PaymentsTable, record: Record) -> Write:
    """Write the version after the one that `record` was made from."""
    try:
        done = table.replace(record, based_on=record.version - 1)
    except UnavailableError as error:
        return Write.FAILED if error.definite else Write.UNKNOWN
    return Write.DONE if done else Write.CONFLICT


def read_back(table: PaymentsTable, payment: str) -> Record | None:
    """The stored record after a write whose effect is unknown; None when that stays unknown."""
    try:
        return table.get(payment)
    except UnavailableError:
        return None
