"""Backups in memory whose restores take passes; the process dies before a chosen call."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from fakes.backups import Books, LiveBooks
from fakes.clock import FakeClock
from fakes.rotation import Crash
from payment_dr.checks.backup_documents import VerificationEvidence
from payment_dr.checks.backup_source import (
    BackupKind,
    ExpectedEntry,
    Restoration,
    RestoredLedger,
    RestorePoint,
    RestoreStage,
)
from payment_dr.core.stamp import SiteName
from payment_dr.functions.backup_pass import Verification, VerificationPorts

DAY_S = 86_400.0


class RestoringWorld:
    """Satisfies `BackupSource` and `Evidence`; each restore needs `passes` calls of `advance`."""

    def __init__(self, *, dies_before: int | None = None, passes: int = 2) -> None:
        self.clock = FakeClock()
        self.books = Books()
        self.filed: list[VerificationEvidence] = []
        self.existing: dict[str, Restoration] = {}
        self.begun: list[Restoration] = []
        self.snapshot: RestorePoint | None = RestorePoint(
            kind=BackupKind.SNAPSHOT, at=self.clock.now() - 60, snapshot="rds:newest"
        )
        self.fate = RestoreStage.READY
        self.calls = 0
        self._dies_before = dies_before
        self._passes = passes
        self._left: dict[str, int] = {}
        self.broken: Exception | None = None

    def _call(self) -> None:
        if self.calls == self._dies_before:
            self._dies_before = None
            raise Crash
        self.calls += 1

    def latest_snapshot(self) -> RestorePoint | None:
        return self.snapshot

    def window(self) -> tuple[float, float]:
        return self.clock.now() - 35 * DAY_S, self.clock.now() - 300

    def restorations(self) -> tuple[Restoration, ...]:
        return tuple(self.existing.values())

    def begin(self, run: str, point: RestorePoint, started_at: float) -> None:
        self._call()
        name = f"restored-{point.kind}"
        made = Restoration(
            name=name,
            run=run,
            point=point,
            started_at=started_at,
            stage=RestoreStage.UNDER_WAY,
            detail="creating",
        )
        self.existing.setdefault(name, made)
        self.begun.append(made)
        self._left[name] = self._passes

    def advance(self, restoration: Restoration) -> None:
        self._call()
        name = restoration.name
        self._left[name] -= 1
        if not self._left[name]:
            self.existing[name] = replace(restoration, stage=self.fate, detail="broken disk")

    @contextmanager
    def open(self, restoration: Restoration) -> Iterator[RestoredLedger]:
        assert restoration.stage is RestoreStage.READY
        self._call()
        if self.broken is not None:
            raise self.broken
        yield self.books

    def remove(self, restoration: Restoration) -> None:
        """Deleting takes two calls."""
        self._call()
        if self.existing[restoration.name].stage is RestoreStage.LEAVING:
            del self.existing[restoration.name]
        else:
            leaving = replace(restoration, stage=RestoreStage.LEAVING)
            self.existing[restoration.name] = leaving

    def put(self, evidence: VerificationEvidence) -> None:
        self._call()
        self.filed.append(evidence)

    def has(self, run: str, kind: BackupKind) -> bool:
        return any((one.run, one.point.kind) == (run, kind) for one in self.filed)

    def of(self, run: str) -> tuple[VerificationEvidence, ...]:
        return tuple(one for one in self.filed if one.run == run)

    def expected(self) -> Iterator[ExpectedEntry]:
        return iter(self.books.records)

    @contextmanager
    def live(self) -> Iterator[LiveBooks]:
        yield LiveBooks(self.books)

    def verification(self) -> Verification:
        """A new process's."""
        return Verification(self.ports())

    def ports(self) -> VerificationPorts:
        """What a process has."""
        return VerificationPorts(
            site=SiteName("east"),
            source=self,
            evidence=self,
            expected=self.expected,
            live=self.live,
            clock=self.clock,
            random=lambda: 0.5,
        )

    def one_pass(self) -> tuple[str, ...]:
        """A pass as the schedule makes it; a killed one is followed by the next."""
        self.clock.advance(300)
        try:
            return self.verification().advance()
        except Crash:
            return ("died",)

    def day(self) -> None:
        """Passes until the day's backups are verified and deleted."""
        for _ in range(100):
            if self.one_pass()[0].startswith("all of"):
                return
        raise AssertionError(self.existing)
