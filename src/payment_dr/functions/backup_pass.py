"""Verifying a site's backups in passes: each looks at what exists, does what is due, and ends.

Nothing is remembered but what a restored cluster carries as tags and what the evidence says, so a
pass may be killed anywhere. What was judged is deleted by this pass or the next, and so is what
another day, or a version of before, has left behind.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol, assert_never

from payment_dr.checks.backup import BackupVerdict, check_backup, unreadable
from payment_dr.checks.backup_documents import VerificationEvidence
from payment_dr.checks.backup_source import (
    BackupKind,
    BackupSource,
    ExpectedEntry,
    LiveLedger,
    Restoration,
    RestorePoint,
    RestoreStage,
    UnreadableBackupError,
)
from payment_dr.checks.verdict import Verdict
from payment_dr.core.clock import Clock
from payment_dr.core.stamp import SiteName
from payment_dr.functions.metrics import Metric, publish
from payment_dr.payments.journal import Account, bookings_of
from payment_dr.payments.record import Record

LIMIT_S: Final = 6 * 3600.0
"""Longest time from a restore's begin to its verdict; a later one is a failure, and deleted."""

SETTLING_S: Final = 3600.0
"""A point in time is chosen so much after the earliest one: by then the schema exists."""


class Evidence(Protocol):
    """Verdicts that were reached: `adapters.verification_store.VerificationStore`."""

    def put(self, evidence: VerificationEvidence) -> None:
        """Store what came of one backup."""
        ...

    def has(self, run: str, kind: BackupKind) -> bool:
        """Whether that backup of that run was verified."""
        ...

    def of(self, run: str) -> tuple[VerificationEvidence, ...]:
        """All of a run."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationPorts:
    """What a pass needs.

    Attributes:
        site: whose backups are verified.
        source: these backups.
        evidence: verdicts that were reached.
        expected: what the payments table implies, read anew.
        live: the site's own ledger, connected.
        clock: times of restores.
        random: a number from 0 to below 1.
    """

    site: SiteName
    source: BackupSource
    evidence: Evidence
    expected: Callable[[], Iterator[ExpectedEntry]]
    live: Callable[[], AbstractContextManager[LiveLedger]]
    clock: Clock
    random: Callable[[], float]


class Verification:
    """The backups of one site."""

    def __init__(self, ports: VerificationPorts) -> None:
        self._ports = ports

    def today(self) -> str:
        """The run of the schedule: each day's, UTC."""
        return datetime.fromtimestamp(self._ports.clock.now(), UTC).date().isoformat()

    def advance(self, run: str | None = None) -> tuple[str, ...]:
        """One pass; what it did, for the log.

        Args:
            run: the one to bring closer to its end; today's if None.

        Raises:
            UnavailableError: something did not answer; the next pass goes on.
        """
        existing = self._ports.source.restorations()
        if existing:
            return tuple(
                f"{one.name}, restored for {one.run}: {self._continue(one)}" for one in existing
            )
        run = run or self.today()
        for kind in BackupKind:
            if not self._ports.evidence.has(run, kind):
                return (f"{kind} of {run}: {self._begin(run, kind)}",)
        return (f"all of {run} is verified",)

    def verdicts(self, run: str) -> tuple[VerificationEvidence, ...]:
        """What a run came to; empty before both its backups are verified and deleted again."""
        found = self._ports.evidence.of(run)
        kinds = {one.point.kind for one in found}
        return found if kinds == set(BackupKind) and not self._ports.source.restorations() else ()

    def _begin(self, run: str, kind: BackupKind) -> str:
        now = self._ports.clock.now()
        point = self._point(kind)
        if point is None:
            self._conclude(
                run,
                RestorePoint(kind=kind, at=now),
                unreadable(f"there is no {kind} to restore"),
                restore_s=None,
            )
            return "there is none"
        self._ports.source.begin(run, point, now)
        return "the restore has begun"

    def _point(self, kind: BackupKind) -> RestorePoint | None:
        match kind:
            case BackupKind.SNAPSHOT:
                return self._ports.source.latest_snapshot()
            case BackupKind.POINT_IN_TIME:
                earliest, latest = self._ports.source.window()
                first = min(earliest + SETTLING_S, latest)
                return RestorePoint(kind=kind, at=first + self._ports.random() * (latest - first))
            case unreachable:
                assert_never(unreachable)

    def _continue(self, one: Restoration) -> str:
        age_s = self._ports.clock.now() - one.started_at
        if not one.run or self._ports.evidence.has(one.run, one.point.kind):
            self._ports.source.remove(one)
            return "is deleted"
        match one.stage:
            case RestoreStage.LEAVING:
                self._ports.source.remove(one)
                return "is being deleted"
            case RestoreStage.FAILED:
                return self._fail(one, f"the restore failed: {one.detail}")
            case _ if age_s > LIMIT_S:
                return self._fail(
                    one, f"no verdict within {LIMIT_S:g} s, the restore is {one.detail}"
                )
            case RestoreStage.UNDER_WAY:
                self._ports.source.advance(one)
                return f"is under way for {age_s:.0f} s"
            case RestoreStage.READY:
                return self._verify(one)
            case unreachable:
                assert_never(unreachable)

    def _fail(self, one: Restoration, why: str) -> str:
        self._conclude(one.run, one.point, unreadable(why), restore_s=None)
        self._ports.source.remove(one)
        return why

    def _verify(self, one: Restoration) -> str:
        restore_s: float | None = None
        begun = self._ports.clock.monotonic()
        try:
            with self._ports.source.open(one) as restored, self._ports.live() as live:
                restore_s = self._ports.clock.now() - one.started_at
                begun = self._ports.clock.monotonic()
                verdict = check_backup(one.point, restored, self._ports.expected(), live)
        except UnreadableBackupError as error:
            verdict = unreadable(error.what)
        check_s = self._ports.clock.monotonic() - begun
        self._conclude(one.run, one.point, verdict, restore_s=restore_s, check_s=check_s)
        self._ports.source.remove(one)
        return f"the verdict is {verdict.verdict}"

    def _conclude(
        self,
        run: str,
        point: RestorePoint,
        verdict: BackupVerdict,
        *,
        restore_s: float | None,
        check_s: float | None = None,
    ) -> None:
        """Publish first: killed between the two it is verified again, and never left unsaid."""
        now = self._ports.clock.now()
        values = {
            Metric.BACKUP_VERIFIED: float(verdict.verdict is Verdict.PASS),
            Metric.BACKUP_RESTORE: restore_s,
            Metric.BACKUP_NEWEST_AGE: verdict.newest_age_s,
        }
        publish(
            {name: value for name, value in values.items() if value is not None},
            site=self._ports.site,
            at_s=now,
        )
        self._ports.evidence.put(
            VerificationEvidence(
                site=self._ports.site,
                run=run,
                point=point,
                verdict=verdict.verdict,
                claims=verdict.claims,
                entries=verdict.entries,
                newest_age_s=verdict.newest_age_s,
                restore_s=restore_s,
                check_s=check_s,
                verified_at=now,
            )
        )


def expected_entries(records: Iterable[Record]) -> Iterator[ExpectedEntry]:
    """Every journal entry that the records imply."""
    for record in records:
        for booking in bookings_of(record):
            legs = {posting.account: posting.minor_units for posting in booking.postings}
            if legs:
                yield ExpectedEntry(
                    entry_id=booking.operation_id,
                    payment_id=booking.payment_id,
                    kind=booking.kind.value,
                    currency=booking.currency,
                    occurred_at=booking.occurred_at,
                    amount=legs[Account.PROVIDER_RECEIVABLE],
                    fee=-legs.get(Account.FEES, 0),
                )
