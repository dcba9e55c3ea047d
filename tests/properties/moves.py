"""Moves of the active role as recovery.md tells them, in the fewest lines, killed and resumed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from fakes.clock import FakeClock
from fakes.control import EAST, WEST, FakeControl
from fakes.ledger import FakeLedger
from fakes.table import FakePaymentsTable
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.payments.jobs.reconcile import Reconciliation, reconcile
from properties.scheduler import Scheduler

_LOOKS_AT_DRAIN: Final = 50


def peer(site: SiteName) -> SiteName:
    return WEST if site == EAST else EAST


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A move in progress; `planned` moves lose nothing."""

    planned: bool
    target: SiteName
    epoch: Epoch


@dataclass(kw_only=True, slots=True)
class Moves:
    """Opens moves and carries them on; asserts what a move promises."""

    scheduler: Scheduler
    clock: FakeClock
    table: FakePaymentsTable
    control: FakeControl
    ledgers: dict[SiteName, FakeLedger]
    move: Move | None = None
    finished: int = 0

    def open(self, *, planned: bool) -> None:
        """Begin to move the active role to the other site."""
        view = self.control.view
        move = Move(planned=planned, target=peer(view.active), epoch=Epoch(view.epoch + 1))
        self.move = move
        self.control.view = replace(view, steady=False, epoch=move.epoch)

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
                self._switch_over(source, target, Stamp(epoch=move.epoch, site=None))
            elif target.in_recovery:
                self._act("promote", target.promote)
            self._act("stamp", lambda: target.write_stamp(stamp))
            self._nothing_confirmed_is_missing(source, target)
            result = reconcile(self.table, target, stamp, started_at=self.clock.now())
            self._act("open", lambda: self._open_ledger(move, result))
        except UnavailableError:
            return

    def _act(self, effect: str, act: Callable[[], object]) -> None:
        """An act of the platform; meanwhile another orchestrator may have finished the move."""
        move = self.move
        self.scheduler.gate(effect, lambda: act() if self.move is move else None)

    def _switch_over(self, source: FakeLedger, target: FakeLedger, paused: Stamp) -> None:
        self._act("pause", lambda: source.write_stamp(paused))
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

        self._act("switch", exchange)

    def _nothing_confirmed_is_missing(self, source: FakeLedger, target: FakeLedger) -> None:
        lacking = [source.entries[e] for e in source.entries.keys() - target.entries.keys()]
        for entry in lacking:
            record = self.table.records[entry.payment_id]
            assert record.unconfirmed is not None, f"5: {entry} is lost and confirmed"

    def _open_ledger(self, move: Move, result: Reconciliation) -> None:
        target = self.ledgers[move.target]
        lacking = set(result.posted) - target.entries.keys()
        assert not lacking, f"11: reconciled but not in the ledger that opens: {lacking}"
        assert self.control.view.epoch == move.epoch, "6: one move has one epoch"
        self.control.view = replace(self.control.view, steady=True, active=move.target)
        self.move = None
        self.finished += 1
