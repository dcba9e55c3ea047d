"""What a run leaves behind, as the checker reads it: the rows of the files of a run directory.

Each row class is one line of a file (see docs/reference/files.md); amounts are minor units.
Rows are `msgspec.Struct`s, which behave as frozen keyword-only dataclasses and are decoded in C:
a run of a million operations has eight million rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Annotated, Any, Generic, Protocol, TypeVar

from msgspec import Meta, Struct


@unique
class EventType(StrEnum):
    """INVOKE starts an operation; OK and FAIL are definite ends; INFO is an indeterminate one.

    OK is a definite success; FAIL a definite refusal (declined, unknown, key reused, or nothing
    took effect); INFO means that the client does not know what happened.
    """

    INVOKE = "invoke"
    OK = "ok"
    FAIL = "fail"
    INFO = "info"


@unique
class Function(StrEnum):
    """What a client did."""

    PAY = "pay"
    REFUND = "refund"
    READ = "read"


class HistoryEvent(Struct, frozen=True, kw_only=True, gc=False):
    """A line of history.jsonl. `process` is one client operation's id: invoke and end share it.

    `payment_id` is None before the service named it. `status` is the payment's or refund's state
    as answered (`captured`, `authorised`, `declined`, `refunded`, ...), None at an invoke or
    without an answer. `http_status` is 0 without an answer. `key` is the idempotency key (of a
    READ: the payment id), unique within `merchant`; a history that leaves `merchant` empty has
    keys that are unique among all merchants. `request` tells apart requests that share a key (a
    digest of the body). `replayed` is whether the service marked the answer as a stored one.
    `index` is the real-time order: an invoke is numbered before it is sent, an end after it was
    received.
    """

    index: int
    process: int
    type: EventType
    f: Function
    key: str
    request: str
    payment_id: str | None
    amount: int
    currency: str
    status: str | None
    http_status: int
    replayed: bool
    site: str | None
    time_ns: int
    merchant: str = ""


class HistoryValue(Struct, frozen=True, gc=False):
    """The `value` of a history line."""

    payment_id: str | None
    amount: int
    currency: str
    status: str | None


class HistoryLine(Struct, frozen=True, gc=False):
    """A line of history.jsonl as it is in the file: a HistoryEvent with part of it in `value`."""

    index: int
    process: int
    type: EventType
    f: Function
    key: str
    value: HistoryValue
    time_ns: int
    request: str
    http_status: int
    replayed: bool
    site: str | None
    merchant: str = ""

    @property
    def payment_id(self) -> str | None:
        """The payment, once the service has named it."""
        return self.value.payment_id

    @property
    def amount(self) -> int:
        """Minor units asked or answered."""
        return self.value.amount

    @property
    def currency(self) -> str:
        """ISO 4217."""
        return self.value.currency

    @property
    def status(self) -> str | None:
        """What the service answered."""
        return self.value.status


HistoryRow = HistoryEvent | HistoryLine
"""Either form; a million lines are not copied from one to the other."""


class ProviderRow(Struct, frozen=True, kw_only=True, gc=False):
    """A line of provider.jsonl: one charge, capture, refund or void at the provider.

    It is effective unless `status` is `declined`, `failed` or `requires_payment_method`.
    `merchant` and `idempotency_key` (the client's key) are given when the provider's metadata
    holds them: with them a charge whose record was lost is known as the second of its key.
    """

    reference: str
    operation_id: str
    payment_id: str
    kind: str
    amount: int
    currency: str
    status: str
    time_ns: int
    merchant: str = ""
    idempotency_key: str | None = None


class OperationRow(Struct, frozen=True, kw_only=True, gc=False):
    """One operation inside a line of payments.jsonl; `fee` is what the merchant pays for it."""

    operation_id: str
    kind: str
    idempotency_key: str
    amount: int
    capture: bool
    state: str
    provider_reference: str | None
    fee: int = 0


class PaymentRow(Struct, frozen=True, kw_only=True, gc=False):
    """A line of payments.jsonl: one record of the payments table as found after the run.

    Of the design `ledger-first`, which has no payments table, it is a row of the payment table of
    the surviving writer's ledger.
    """

    payment_id: str
    merchant: str
    amount: int
    currency: str
    state: str
    version: int
    epoch: int
    site: str
    unconfirmed: bool
    operations: Annotated[tuple[OperationRow, ...], Meta(min_length=1)]


class PostingRow(
    Struct, frozen=True, kw_only=True, gc=False, array_like=True, forbid_unknown_fields=True
):
    """A line of ledger.csv: one posting of one journal entry in one site's ledger.

    `site` is a name of `RunFacts.ledger_sites`, or `<site>-old-<n>` for the kept data of an old
    writer. `epoch` is the stamp under which it was posted, `posted_at_ns` the database's clock.
    """

    site: str
    entry_id: str
    payment_id: str
    kind: str
    account: str
    amount: int
    currency: str
    epoch: int
    posted_at_ns: int


class Reconciliation(Struct, frozen=True, kw_only=True, gc=False):
    """What one move's reconciliation saw and did, from the run log's evidence (moves.jsonl).

    `seen` are the unconfirmed payments it read, `posted` the entry ids it had to add.
    `old_writer` are entry ids found in the old writer's ledger afterwards (those of earlier epochs:
    what the new writer posted since is none of them), `standby` those the new writer had before
    reconciliation; both None when they could not be read. One line for each move, in their order.
    """

    move_id: str
    kind: str
    epoch: int
    site: str
    winner: bool
    seen: tuple[str, ...]
    posted: tuple[str, ...]
    old_writer: tuple[str, ...] | None
    standby: tuple[str, ...] | None


class Event(Struct, frozen=True, kw_only=True):
    """A line of events.jsonl: something that a process of the run noticed or did."""

    time_ns: int
    name: str
    site: str | None
    detail: dict[str, Any]


class RunFacts(Struct, frozen=True, kw_only=True):
    """What the checker needs of run.json.

    `ledger_sites` are the sites whose surviving ledger is in ledger.csv. `standby_back` is whether
    a standby existed again at the end, so that everything should be confirmed. `fault_ns` is None
    when nothing was broken on purpose. `rows` are the lines each file had when it was written.
    """

    scenario: str
    design: str
    seed: int
    ledger_sites: tuple[str, ...]
    standby_back: bool
    fault_ns: int | None
    offered_per_s: float
    rows: dict[str, int] = {}


@unique
class SourceName(StrEnum):
    """The files that verdicts rest on."""

    HISTORY = "history.jsonl"
    PROVIDER = "provider.jsonl"
    PAYMENTS = "payments.jsonl"
    LEDGER = "ledger.csv"
    MOVES = "moves.jsonl"


@unique
class SourceState(StrEnum):
    """Whether all that was written is there."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    MISSING = "missing"


Row_co = TypeVar("Row_co", covariant=True)


class Source(Protocol[Row_co]):
    """Rows that can be read more than once, in the order in which they were written."""

    @property
    def name(self) -> SourceName:
        """The file's name, for verdicts that lack it."""
        ...

    @property
    def state(self) -> SourceState:
        """Known for certain once the rows have been read to the end."""
        ...

    def __iter__(self) -> Iterator[Row_co]:
        """Read from the start; nothing when missing."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Given(Generic[Row_co]):
    """A source in memory."""

    name: SourceName
    rows: Iterable[Row_co]
    state: SourceState = SourceState.COMPLETE

    def __iter__(self) -> Iterator[Row_co]:
        return iter(self.rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All that a run left behind for the checker."""

    run: RunFacts
    history: Source[HistoryRow]
    provider: Source[ProviderRow]
    payments: Source[PaymentRow]
    ledger: Source[PostingRow]
    moves: Source[Reconciliation]
