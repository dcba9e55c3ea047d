"""A restored ledger against the records and the ledger it is a backup of: claims with witnesses.

What was posted shortly before the backup's time may be in it or not, so nothing is concluded from
the last `GRACE_S`. An entry that an earlier time lacks is missing only if the live ledger had it
posted before: what the poster has not yet posted, or a move posted anew, is nobody's loss.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from payment_dr.checks.backup_source import (
    AppliedMigration,
    ExpectedEntry,
    LiveLedger,
    RestoredEntry,
    RestoredLedger,
    RestorePoint,
)
from payment_dr.checks.ledger import FEES, RECEIVABLE, Entry
from payment_dr.checks.verdict import Claim, Judgement, Verdict, worst

GRACE_S: Final = 60.0
"""Longest time from a posting's clock reading to its commit, differing clocks included."""

_LOOK_UPS: Final = 500
_DAY_S: Final = 86_400


@dataclass(frozen=True, kw_only=True, slots=True)
class BackupVerdict:
    """What came of one backup.

    Attributes:
        claims: each with its verdict and witnesses.
        entries: journal entries in the restored ledger.
        newest_age_s: from its newest entry to the time that it stands for; None without entries.
            It bounds what restoring that backup would lose, of a ledger under load.
    """

    claims: tuple[Claim, ...]
    entries: int
    newest_age_s: float | None

    @property
    def verdict(self) -> Verdict:
        """The worst of all claims."""
        return worst(claim.verdict for claim in self.claims)


def unreadable(detail: str) -> BackupVerdict:
    """The verdict on a backup that could not be restored or read."""
    judgement = Judgement("backup-restores", _RESTORES, [])
    judgement.violated(detail)
    return BackupVerdict(claims=(judgement.claim(),), entries=0, newest_age_s=None)


def check_backup(
    point: RestorePoint,
    restored: RestoredLedger,
    expected: Iterable[ExpectedEntry],
    live: LiveLedger,
) -> BackupVerdict:
    """Judge one restored ledger; memory grows with its entries.

    Args:
        point: what it was restored from.
        restored: read once, to its end.
        expected: what the payments table implies, in any order; may hold later entries.
        live: asked about what looks missing.

    Raises:
        UnreadableBackupError: the restored ledger cannot be read.
        UnavailableError: the payments table or the live ledger did not answer.
    """
    check = _Check(point.at)
    for row in restored.entries():
        check.restored(row)
    for entry in expected:
        check.recorded(entry)
    check.excuse(live)
    check.count(live.posted_until(point.at - GRACE_S))
    check.finish()
    schema = _schema(point.at, restored.migrations(), live.migrations())
    restores = Judgement("backup-restores", _RESTORES, []).claim()
    return BackupVerdict(
        claims=(restores, schema, *check.claims()),
        entries=check.entries,
        newest_age_s=None if check.newest is None else point.at - check.newest,
    )


_RESTORES: Final = "The backup was restored and every row of it could be read."


class _Total(Struct, gc=False):
    """Control total of a day and currency: entries, their sum, and the sum of their sizes."""

    entries: int = 0
    net: int = 0
    gross: int = 0

    def add(self, amount: int, times: int = 1) -> None:
        self.entries += times
        self.net += times * amount
        self.gross += times * abs(amount)


class _Check:
    """Collects; `restored` for all rows first, then `recorded`, `excuse`, `count`, `finish`."""

    def __init__(self, at: float) -> None:
        self.entries = 0
        self.newest: float | None = None
        self._due = at - GRACE_S
        self._before_due = 0
        self._kept: dict[str, Entry] = {}
        self._missing: dict[str, ExpectedEntry] = {}
        self._totals: dict[tuple[int, str], tuple[_Total, _Total]] = {}
        self._balance = Judgement(
            "entries-balance",
            "Each restored journal entry has two postings or more, which sum to zero.",
            [],
        )
        self._match = Judgement(
            "entries-match-records",
            "Each movement of money in the records that was posted by then is restored exactly "
            "once, with its amount, and nothing else is.",
            [],
        )
        self._count = Judgement(
            "no-fewer-rows", "As many entries are restored as the live ledger had by then.", []
        )
        self._control = Judgement(
            "control-totals",
            "Number, sum and size of each day's entries in a currency are those of the records.",
            [],
        )

    def restored(self, row: RestoredEntry) -> None:
        """Take an entry of the restored ledger."""
        self.entries += 1
        self._before_due += row.posted_at <= self._due
        self.newest = max(row.posted_at, self.newest or row.posted_at)
        self._balanced(row)
        kept = _kept(row)
        if row.occurred_at <= self._due:
            self._total(row.occurred_at, row.currency)[0].add(_received(row))
        if row.entry_id in self._kept:
            self._violated(row, kept.amount, "is restored twice")
        else:
            self._kept[row.entry_id] = kept

    def recorded(self, entry: ExpectedEntry) -> None:
        """Take an entry that a record implies."""
        kept = self._kept.pop(entry.entry_id, None)
        due = entry.occurred_at <= self._due
        if due:
            self._total(entry.occurred_at, entry.currency)[1].add(entry.amount)
        if kept is None and due:
            self._missing[entry.entry_id] = entry
        elif kept is not None and kept != _expected(entry):
            self._violated(
                entry,
                entry.amount,
                f"is {kept.kind} of {kept.amount} {kept.currency} with a fee of {kept.fee} for "
                f"{kept.payment_id} (0: other postings than such an entry has), its record implies "
                f"{entry.kind} of {entry.amount} {entry.currency} with a fee of {entry.fee} for "
                f"{entry.payment_id}",
            )

    def excuse(self, live: LiveLedger) -> None:
        """Leave out of the missing what the live ledger got later, or not yet."""
        wanted = list(self._missing)
        for start in range(0, len(wanted), _LOOK_UPS):
            chunk = wanted[start : start + _LOOK_UPS]
            posted = live.posted_at(chunk)
            for entry_id in chunk:
                if posted.get(entry_id, self._due + 1) > self._due:
                    entry = self._missing.pop(entry_id)
                    self._total(entry.occurred_at, entry.currency)[1].add(entry.amount, times=-1)

    def count(self, posted: int) -> None:
        """Compare the number of rows with the live ledger's."""
        if self._before_due < posted:
            self._count.violated(
                f"{self._before_due} entries are restored, the live ledger had {posted} by then"
            )

    def finish(self) -> None:
        """Judge what is left over, and the totals."""
        for entry in self._missing.values():
            self._violated(entry, entry.amount, "is not restored")
        for entry_id, kept in self._kept.items():
            self._match.violated(
                f"entry {entry_id} ({kept.kind} of {kept.amount} {kept.currency}) is restored, no "
                "record implies it",
                payment_id=kept.payment_id,
                minor_units=abs(kept.amount),
                currency=kept.currency,
            )
        for (day, currency), (ours, theirs) in sorted(self._totals.items()):
            if ours != theirs:
                self._control.violated(
                    f"day {day} since 1970 in {currency}: restored {ours.entries} entries of net "
                    f"{ours.net} and size {ours.gross}, records {theirs.entries} of net "
                    f"{theirs.net} and size {theirs.gross}",
                    minor_units=abs(ours.gross - theirs.gross),
                    currency=currency,
                )

    def claims(self) -> tuple[Claim, ...]:
        """Judge, after `finish`."""
        judged = (self._balance, self._match, self._count, self._control)
        return tuple(judgement.claim() for judgement in judged)

    def _total(self, occurred_at: float, currency: str) -> tuple[_Total, _Total]:
        """Restored and recorded total of a day (UTC) and currency."""
        key = (int(occurred_at // _DAY_S), currency)
        return self._totals.setdefault(key, (_Total(), _Total()))

    def _balanced(self, row: RestoredEntry) -> None:
        sums: dict[str, int] = {}
        for leg in row.legs:
            sums[leg.currency] = sums.get(leg.currency, 0) + leg.amount
        off = {currency: amount for currency, amount in sums.items() if amount}
        if off or len(row.legs) < _LEGS:
            self._balance.violated(
                f"entry {row.entry_id} has {len(row.legs)} postings that sum to {off or 0}",
                payment_id=row.payment_id,
                minor_units=max((abs(amount) for amount in off.values()), default=0),
                currency=row.currency,
            )

    def _violated(self, entry: RestoredEntry | ExpectedEntry, amount: int, what: str) -> None:
        self._match.violated(
            f"entry {entry.entry_id} {what}",
            payment_id=entry.payment_id,
            minor_units=abs(amount),
            currency=entry.currency,
        )


_LEGS: Final = 2


def _kept(row: RestoredEntry) -> Entry:
    """The entry that has just these legs in its own currency; of amount 0 when none has."""
    legs = {leg.account: leg.amount for leg in row.legs if leg.currency == row.currency}
    amount, fee = legs.get(RECEIVABLE, 0), -legs.get(FEES, 0)
    entry = Entry(row.payment_id, row.kind, amount, row.currency, fee)
    is_whole = len(row.legs) == len(legs) == entry.legs.bit_count() and all(
        entry.leg(account) == minor_units for account, minor_units in legs.items()
    )
    return entry if is_whole else Entry(row.payment_id, row.kind, 0, row.currency, 0)


def _received(row: RestoredEntry) -> int:
    """What the receivable gains by an entry that balances in its own currency; else nothing."""
    legs = [leg for leg in row.legs if leg.currency == row.currency]
    if len(legs) != len(row.legs) or sum(leg.amount for leg in legs) != 0:
        return 0
    return sum(leg.amount for leg in legs if leg.account == RECEIVABLE)


def _expected(entry: ExpectedEntry) -> Entry:
    return Entry(entry.payment_id, entry.kind, entry.amount, entry.currency, entry.fee)


def _schema(
    at: float, restored: tuple[AppliedMigration, ...], live: tuple[AppliedMigration, ...]
) -> Claim:
    """The restored schema is the live one without the migrations applied since."""
    judgement = Judgement(
        "schema-version", "The restored ledger has the schema that the live one had by then.", []
    )
    ours = {(migration.version, migration.digest) for migration in restored}
    for migration in live:
        key = (migration.version, migration.digest)
        if key not in ours and migration.at <= at - GRACE_S:
            judgement.violated(f"migration {migration.version:04d} is not in the restored ledger")
        ours.discard(key)
    for version, _ in sorted(ours):
        judgement.violated(f"migration {version:04d} is restored, the live ledger has it not")
    return judgement.claim()
