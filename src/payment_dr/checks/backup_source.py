"""What verifying a backup needs from the world, and what a restored ledger is read into.

A restore takes longer than one call of a function may, so its state lives in the world alone: a
restored ledger carries the run, the backup and the time of its begin as its tags.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Protocol

from msgspec import Struct

from payment_dr.core.errors import PaymentDrError


class UnreadableBackupError(PaymentDrError):
    """The backup itself is at fault: it cannot be restored, or what was restored not be read."""


@unique
class BackupKind(StrEnum):
    """What is restored: the latest snapshot, or a random point in time."""

    SNAPSHOT = "snapshot"
    POINT_IN_TIME = "point-in-time"


@dataclass(frozen=True, kw_only=True, slots=True)
class RestorePoint:
    """A backup: `at` is the time whose state it holds (Unix seconds), `snapshot` its name."""

    kind: BackupKind
    at: float
    snapshot: str = ""


@unique
class RestoreStage(StrEnum):
    """UNDER_WAY needs time or a next call, READY takes queries, LEAVING is being deleted."""

    UNDER_WAY = "under-way"
    READY = "ready"
    FAILED = "failed"
    LEAVING = "leaving"


@dataclass(frozen=True, kw_only=True, slots=True)
class Restoration:
    """A restored ledger that exists, or is being made or deleted.

    Attributes:
        name: the platform's, for the other calls.
        run: the verification that it belongs to, a date.
        point: what it is restored from.
        started_at: when the restore began, Unix seconds.
        stage: see there.
        detail: the platform's own word for it.
    """

    name: str
    run: str
    point: RestorePoint
    started_at: float
    stage: RestoreStage
    detail: str = ""


class Leg(Struct, frozen=True, gc=False):
    """A posting; `amount` in minor units."""

    account: str
    amount: int
    currency: str


class RestoredEntry(Struct, frozen=True, kw_only=True, gc=False):
    """A journal entry of a restored ledger with its postings; times in Unix seconds."""

    entry_id: str
    payment_id: str
    kind: str
    currency: str
    occurred_at: float
    posted_at: float
    legs: tuple[Leg, ...]


class ExpectedEntry(Struct, frozen=True, kw_only=True, gc=False):
    """A journal entry that a record implies.

    `amount` is what the receivable's leg must be, `fee` what the merchant pays of it.
    """

    entry_id: str
    payment_id: str
    kind: str
    currency: str
    occurred_at: float
    amount: int
    fee: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class AppliedMigration:
    """A migration that a ledger has: `digest` is its text's, `at` when it was applied."""

    version: int
    digest: str
    at: float


class RestoredLedger(Protocol):
    """A restored ledger that takes queries. Its methods raise UnreadableBackupError."""

    def migrations(self) -> tuple[AppliedMigration, ...]:
        """Its schema, oldest first."""
        ...

    def entries(self) -> Iterable[RestoredEntry]:
        """Every entry once, in any order, read as it is asked for."""
        ...


class LiveLedger(Protocol):
    """The ledger that the backup was made of, as it is now. Raises UnavailableError."""

    def migrations(self) -> tuple[AppliedMigration, ...]:
        """Its schema, oldest first."""
        ...

    def posted_until(self, at: float) -> int:
        """Entries posted until then."""
        ...

    def posted_at(self, entry_ids: Sequence[str]) -> Mapping[str, float]:
        """When each was posted; those that are not there are left out."""
        ...


class BackupSource(Protocol):
    """A site's backups, and what is restored from them. Methods raise UnavailableError."""

    def latest_snapshot(self) -> RestorePoint | None:
        """The newest snapshot that can be restored; None without one."""
        ...

    def window(self) -> tuple[float, float]:
        """Earliest and latest time that can be restored, Unix seconds."""
        ...

    def restorations(self) -> tuple[Restoration, ...]:
        """All that was restored by anyone's verification and still exists, found by tag."""
        ...

    def begin(self, run: str, point: RestorePoint, started_at: float) -> None:
        """Begin a restore under the point's own name; nothing if there is one already."""
        ...

    def advance(self, restoration: Restoration) -> None:
        """Make the call that an UNDER_WAY one needs next, if any; repeatable."""
        ...

    def open(self, restoration: Restoration) -> AbstractContextManager[RestoredLedger]:
        """Connect to a READY one."""
        ...

    def remove(self, restoration: Restoration) -> None:
        """Delete it, or go on deleting it; done when `restorations` has it no more."""
        ...
