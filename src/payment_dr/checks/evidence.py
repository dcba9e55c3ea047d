"""What a run leaves behind, as the checker reads it: the rows of the four files of a report.

Each dataclass is one line of a file (see docs/reference/files.md); amounts are minor units.
"""

from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class EventType(StrEnum):
    """INVOKE starts an operation; OK and FAIL are definite ends; INFO is an indeterminate one."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryEvent:
    """A line of history.jsonl. `process` is one client operation's id: invoke and end share it.

    `payment_id` is None before the service named it. `status` is the payment's or refund's state
    as answered (`captured`, `authorised`, `declined`, `refunded`, ...), None at an invoke or
    without an answer. `http_status` is 0 without an answer. `key` is the idempotency key (of a
    READ: the payment id). `request` tells apart requests that share a key (a digest of the body).
    `replayed` is whether the service marked the answer as a stored one.
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


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderRow:
    """A line of provider.jsonl: one effective charge, capture, refund or void at the provider."""

    reference: str
    operation_id: str
    payment_id: str
    kind: str
    amount: int
    currency: str
    status: str
    time_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationRow:
    """One operation inside a line of payments.jsonl."""

    operation_id: str
    kind: str
    idempotency_key: str
    amount: int
    capture: bool
    state: str
    provider_reference: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentRow:
    """A line of payments.jsonl: one record of the payments table as found after the run."""

    payment_id: str
    merchant: str
    amount: int
    currency: str
    state: str
    version: int
    epoch: int
    site: str
    unconfirmed: bool
    operations: tuple[OperationRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PostingRow:
    """A line of ledger.csv: one posting of one journal entry in one site's ledger.

    `epoch` is the stamp under which it was posted, `posted_at_ns` the database's clock.
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciliation:
    """What one move's reconciliation saw and did, from the run log's evidence (moves.jsonl).

    `seen` are the unconfirmed payments it read, `posted` the entry ids it had to add.
    `old_writer` are entry ids found in the old writer's ledger afterwards, `standby` those the
    new writer had before reconciliation; both None when they could not be read.
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
