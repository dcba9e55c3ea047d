"""A restored ledger, the records and the live ledger in memory, equal until a fault is planted."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from payment_dr.checks.backup_source import (
    AppliedMigration,
    BackupKind,
    ExpectedEntry,
    Leg,
    RestoredEntry,
    RestorePoint,
)

NOW = 1_700_000_000.0
POINT = RestorePoint(kind=BackupKind.SNAPSHOT, at=NOW, snapshot="rds:yesterday")
SCHEMA = (AppliedMigration(version=1, digest="a", at=NOW - 1e6),)


def entry_id(number: int) -> str:
    return str(uuid.UUID(int=number))


def restored_entry(number: int, amount: int = 100, *, at: float | None = None) -> RestoredEntry:
    when = NOW - 7_200 * (number + 1) if at is None else at
    currency = ("EUR", "JPY")[number % 2]
    return RestoredEntry(
        entry_id=entry_id(number),
        payment_id=f"payment-{number}",
        kind="charge",
        currency=currency,
        occurred_at=when,
        posted_at=when + 1,
        legs=(
            Leg("provider_receivable", amount, currency),
            Leg("merchant_payable", -amount, currency),
        ),
    )


def expected_entry(entry: RestoredEntry) -> ExpectedEntry:
    return ExpectedEntry(
        entry_id=entry.entry_id,
        payment_id=entry.payment_id,
        kind=entry.kind,
        currency=entry.currency,
        occurred_at=entry.occurred_at,
        amount=entry.legs[0].amount,
    )


@dataclass
class Books:
    """Satisfies `RestoredLedger` and `LiveLedger`; change any of its parts to plant a fault."""

    restored: list[RestoredEntry] = field(
        default_factory=lambda: [restored_entry(n) for n in range(40)]
    )
    records: list[ExpectedEntry] = field(default_factory=list)
    live: dict[str, float] = field(default_factory=dict)
    restored_schema: tuple[AppliedMigration, ...] = SCHEMA
    live_schema: tuple[AppliedMigration, ...] = SCHEMA

    def __post_init__(self) -> None:
        self.records = self.records or [expected_entry(entry) for entry in self.restored]
        self.live = self.live or {entry.entry_id: entry.posted_at for entry in self.restored}

    def entries(self) -> Iterable[RestoredEntry]:
        return iter(self.restored)

    def migrations(self) -> tuple[AppliedMigration, ...]:
        return self.restored_schema

    def posted_until(self, at: float) -> int:
        return sum(posted <= at for posted in self.live.values())

    def posted_at(self, entry_ids: Sequence[str]) -> Mapping[str, float]:
        return {one: self.live[one] for one in entry_ids if one in self.live}


@dataclass
class LiveBooks:
    """The live side of the same books."""

    books: Books

    def migrations(self) -> tuple[AppliedMigration, ...]:
        return self.books.live_schema

    def posted_until(self, at: float) -> int:
        return self.books.posted_until(at)

    def posted_at(self, entry_ids: Sequence[str]) -> Mapping[str, float]:
        return self.books.posted_at(entry_ids)
