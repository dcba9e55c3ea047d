"""What a merchant may read of its books: the port, and the rows. Newest first, page by page.

The ledger of a site may lag behind what was accepted; each page says how far (`as_of`).
"""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True, slots=True)
class Extract(Generic[Row]):
    """Some rows; `more` tells whether there are others after them.

    `as_of`, in Unix seconds, is when the ledger was read, or at a standby the time of the latest
    transaction that it has replayed; None where that is not known.
    """

    rows: tuple[Row, ...]
    more: bool
    as_of: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentPlace:
    """A payment's place in the list; the time in microseconds since the Unix epoch."""

    created_us: int
    payment_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedPayment:
    """A payment as its latest booking left it; sums in minor units, times in Unix seconds."""

    payment_id: str
    status: str
    amount: int
    currency: str
    captured: int
    refunded: int
    fees: int
    created_at: float
    updated_at: float
    place: PaymentPlace


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountBalance:
    """The total of an account in minor units; debits are positive, credits negative."""

    currency: str
    account: str
    minor_units: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedEntry:
    """A journal entry; `postings` are (account, minor units), debits positive."""

    entry_id: str
    payment_id: str
    kind: str
    currency: str
    occurred_at: float
    posted_at: float
    request_id: str | None
    postings: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedEvent:
    """An event with its body as it is sent to webhooks."""

    event_id: str
    body: dict[str, Any]


class UnknownPlaceError(Exception):
    """The list has no such place: what the page before ended with is not in this ledger."""


class Books(Protocol):
    """Reads of one merchant's books at this site. Every method may raise `UnavailableError`."""

    def payments(
        self, merchant: str, *, after: PaymentPlace | None, limit: int
    ) -> Extract[ListedPayment]:
        """Payments by their creation, newest first, from the one after `after` on."""
        ...

    def balances(self, merchant: str) -> Extract[AccountBalance]:
        """Every account of the merchant, by currency and account."""
        ...

    def entries(self, merchant: str, *, after: str | None, limit: int) -> Extract[ListedEntry]:
        """Journal entries in the order of their booking, newest first.

        Raises:
            UnknownPlaceError: the ledger has no entry `after` of the merchant.
        """
        ...

    def events(self, merchant: str, *, after: str | None, limit: int) -> Extract[ListedEvent]:
        """Events in the order of their booking, newest first.

        Raises:
            UnknownPlaceError: the ledger has no event `after` of the merchant.
        """
        ...

    def event(self, merchant: str, event_id: str) -> ListedEvent | None:
        """One event of the merchant; None if this ledger has no such one."""
        ...
