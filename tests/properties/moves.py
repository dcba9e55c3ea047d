"""Moves of the active role as recovery.md tells them, in the fewest lines, killed and resumed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from fakes.clock import FakeClock
from fakes.control import EAST, WEST, FakeControl
from fakes.ledger import Backup, FakeLedger
from fakes.table import FakePaymentsTable
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.payments.jobs.rebuild import Rebuild, Scan
from payment_dr.payments.jobs.reconcile import FencedError, Reconciliation, reconcile
from properties.bugs import Bug, TrustingTable
from properties.scheduler import Scheduler

_LOOKS_AT_DRAIN: Final = 50
_PAGES_MAX: Final = 1_000


def peer(site: SiteName) -> SiteName:
    return WEST if site == EAST else EAST


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A move in progress; `planned` moves lose nothing, `rebuild` completes a restored ledger.

    `scans` also if it took the place of a rebuild.
    """

    planned: bool
    target: SiteName
    epoch: Epoch
    rebuild: bool = False
    scans: bool = False


@dataclass(kw_only=True, slots=True)
class Moves:
    """Opens moves and carries them on; asserts what a move promises."""

    scheduler: Scheduler
    clock: FakeClock
    table: FakePaymentsTable
    control: FakeControl
    ledgers: dict[SiteName, FakeLedger]
    bug: Bug | None = None
    move: Move | None = None
    finished: int = 0
    rebuilt: int = 0
    superseded: int = 0

    def open(self, *, planned: bool) -> None:
        """Begin to move the active role to the other site, in the place of any other move."""
        view = self.control.view
        target = peer(view.active if self.move is None else self.move.target)
        self._open(Move(planned=planned, target=target, epoch=Epoch(view.epoch + 1)))

    def open_rebuild(self, target: SiteName, backup: Backup) -> None:
        """Begin to complete what is restored at a site; the other ledgers are of no use."""
        epoch = Epoch(self.control.view.epoch + 1)
        self._open(Move(planned=False, target=target, epoch=epoch, rebuild=True, scans=True))
        self.ledgers[target].restore(backup)
        self.ledgers[peer(target)].orphan()

    def _open(self, move: Move) -> None:
        unfinished = self.move
        if unfinished is not None:
            self.superseded += 1
            keeps = unfinished.scans and self.bug is not Bug.SUPERSEDED_SCAN_IS_DROPPED
            move = replace(move, scans=move.scans or keeps)
        view = self.control.view
        posts_on = Stamp(epoch=view.epoch, site=view.active)
        self.move = move
        self.control.view = replace(
            view,
            steady=False,
            epoch=move.epoch,
            until_paused=posts_on if move.planned and unfinished is None else None,
        )

    def carry_on(self) -> None:
        """From wherever the last orchestrator died; the body of an actor at the target."""
        move = self.move
        if move is None:
            return
        self.scheduler.at(move.target)
        source, target = self.ledgers[peer(move.target)], self.ledgers[move.target]
        stamp = Stamp(epoch=move.epoch, site=move.target)
        try:
            if target.in_recovery and move.planned:
                self._switch_over(move, source, target)
            elif target.in_recovery:
                self._act(move, "promote", target.promote)
            self._act(move, "stamp", lambda: target.write_stamp(stamp))
            if not move.rebuild:
                self._nothing_confirmed_is_missing(source, target)
            if move.scans:
                self._complete(target, stamp)
            result = reconcile(self.table, target, stamp, started_at=self.clock.now())
            self._act(move, "open", lambda: self._open_ledger(move, result))
        except (UnavailableError, FencedError):
            return

    def _complete(self, target: FakeLedger, stamp: Stamp) -> None:
        """The full scan, and its own comparison."""
        if self.bug is Bug.REBUILD_TRUSTS_CONFIRMATIONS:
            return
        trusting = self.bug is Bug.REBUILD_LEAVES_CONFIRMATIONS
        table = TrustingTable(self.table) if trusting else self.table
        job = Rebuild(table=table, scan=self.table, ledger=target, clock=self.clock, spread=map)
        for _ in range(_PAGES_MAX):
            reached = job.advance(stamp)
            assert reached.scan is not Scan.DIFFERS, f"12: the comparison found {reached}"
            if reached.scan is Scan.DONE:
                return
        raise AssertionError("7: a full scan does not end")

    def _act(self, move: Move, effect: str, act: Callable[[], object]) -> None:
        """An act of the platform; meanwhile another orchestrator may have finished the move."""
        self.scheduler.gate(effect, lambda: act() if self.move is move else None)

    def _mark_pause(self) -> None:
        self.control.view = replace(self.control.view, until_paused=None)

    def _switch_over(self, move: Move, source: FakeLedger, target: FakeLedger) -> None:
        paused = Stamp(epoch=move.epoch, site=None)
        self._act(move, "mark", self._mark_pause)
        self._act(move, "pause", lambda: source.write_stamp(paused))
        drained = False
        for _ in range(_LOOKS_AT_DRAIN):
            if self.scheduler.gate("drain", lambda: target.stamp) == paused:
                drained = True
                break
        if not drained:
            raise UnavailableError("the standby does not show the pause yet")

        def exchange() -> None:
            lost = source.entries.keys() - target.entries.keys()
            assert not lost, f"10: a planned move lost {lost}"
            target.promote()
            source.follow(target)

        self._act(move, "switch", exchange)

    def _nothing_confirmed_is_missing(self, source: FakeLedger, target: FakeLedger) -> None:
        lacking = [source.entries[e] for e in source.entries.keys() - target.entries.keys()]
        for entry in lacking:
            record = self.table.records.get(entry.payment_id)
            assert record is not None, f"5: {entry} is lost, and its record has expired"
            assert record.unconfirmed is not None, f"5: {entry} is lost and confirmed"

    def _open_ledger(self, move: Move, result: Reconciliation) -> None:
        target = self.ledgers[move.target]
        lacking = set(result.posted) - target.entries.keys()
        assert not lacking, f"11: reconciled but not in the ledger that opens: {lacking}"
        assert self.control.view.epoch == move.epoch, "6: one move has one epoch"
        self.control.view = replace(self.control.view, steady=True, active=move.target)
        self.move = None
        self.finished += 1
        self.rebuilt += move.rebuild
