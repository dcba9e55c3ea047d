"""A rebuild posts all that a ledger lacks, marks it before, compares, and may die anywhere."""

from dataclasses import replace

import pytest

from fakes.control import EAST
from fakes.faults import Crash, Fault
from fakes.ledger import EMPTY
from fakes.scene import PAY, Scene, refund
from payment_dr.core.errors import UnavailableError
from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.payments.jobs import rebuild
from payment_dr.payments.jobs.rebuild import (
    DIFFERENCES_KEPT,
    YOUNG_S,
    Advanced,
    Checkpoint,
    Rebuild,
    Scan,
    Tally,
)
from payment_dr.payments.jobs.reconcile import FencedError
from payment_dr.payments.journal import bookings_of
from payment_dr.payments.reconciliation_report import Cause
from payment_dr.payments.record import Record
from payment_dr.payments.transitions import unconfirmed_again

MOVE = Stamp(epoch=Epoch(2), site=EAST)


class Lost:
    """A scene with payments that are confirmed, whose ledger was lost to an empty one."""

    def __init__(self, payments: int = 3) -> None:
        self.scene = Scene(fee_basis_points=100)
        for number in range(payments):
            currency = ("EUR", "USD")[number % 2]
            money = Money(minor_units=1000, currency=currency)
            record = self.scene.paid(replace(PAY, idempotency_key=str(number), money=money))
            if not number:
                self.scene.service.operate(refund(record, 300))
        for record in list(self.scene.table.records.values()):
            self.scene.table.records[record.payment_id] = replace(record, unconfirmed=None)
        self.scene.ledger.restore(EMPTY)
        self.scene.ledger.write_stamp(MOVE)
        self.scene.control.view = replace(self.scene.control.view, steady=False)
        self.scene.clock.advance(2 * YOUNG_S)
        self.scene.script.effects.clear()

    @property
    def records(self) -> list[Record]:
        return list(self.scene.table.records.values())

    @property
    def job(self) -> Rebuild:
        """A new process's."""
        scene = self.scene
        return Rebuild(
            table=scene.table,
            scan=scene.table,
            ledger=scene.ledger,
            clock=scene.clock,
            spread=map,
        )

    def to_the_end(self) -> Checkpoint:
        for _ in range(100):
            found = self.job.advance(MOVE)
            if found.scan in {Scan.DONE, Scan.DIFFERS}:
                return found
        raise AssertionError("the rebuild did not end")

    def check(self) -> None:
        implied = {b.operation_id: b for record in self.records for b in bookings_of(record)}
        assert self.scene.ledger.entries == implied


def test_an_empty_ledger_gets_every_booking_and_the_sums_are_those_of_the_table() -> None:
    lost = Lost()
    found = lost.to_the_end()
    lost.check()
    sums = {"EUR": Tally(bookings=3, money=2300), "USD": Tally(bookings=1, money=1000)}
    assert (found.scan, found.payments, found.records) == (Scan.DONE, 3, 3)
    assert found.posted == found.implied == found.held == sums
    assert all(record.unconfirmed is not None for record in lost.records)


def test_what_is_there_is_neither_posted_nor_marked() -> None:
    lost = Lost()
    kept, *_ = lost.records
    lost.scene.ledger.entries = {b.operation_id: b for b in bookings_of(kept)}
    found = lost.to_the_end()
    assert lost.scene.table.records[kept.payment_id] == kept
    assert sum(one.bookings for one in found.posted.values()) == 2
    lost.check()


def test_each_record_is_marked_before_what_it_lacks_is_posted() -> None:
    lost = Lost(payments=1)
    lost.to_the_end()
    effects = lost.scene.script.effects
    assert effects.index("replace") < len(effects) - 1 - effects[::-1].index("post")
    first_with_bookings = [e for e in effects if e in {"replace", "post"}]
    assert first_with_bookings[:3] == ["post", "replace", "post"], "the first is the checkpoint"


def test_an_unconfirmed_record_gets_a_new_version_too() -> None:
    lost = Lost(payments=1)
    record = lost.records[0]
    lost.scene.table.records[record.payment_id] = replace(record, unconfirmed=1)
    lost.to_the_end()
    assert lost.scene.table.records[record.payment_id].version == record.version + 1


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
@pytest.mark.parametrize("effect", ["view", "index", "replace", "post"])
def test_killed_at_any_effect_it_is_ended_by_the_next_with_the_same_counts(
    effect: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "PAGE", 2)
    whole = Lost(payments=5)
    expected = whole.to_the_end()
    times = whole.scene.script.effects.count(effect)
    for number in range(times):
        lost = Lost(payments=5)
        lost.scene.script.plan(effect, *[Fault.NONE] * number, fault)
        with pytest.raises(Crash):
            lost.to_the_end()
        found = lost.to_the_end()
        lost.check()
        assert replace(found, worked_s=0, started_at=0) == replace(
            expected, worked_s=0, started_at=0
        )


def test_a_record_that_changes_while_it_is_marked_is_marked_as_it_is_then() -> None:
    lost = Lost(payments=1)
    record = lost.records[0]

    def change() -> None:
        lost.scene.table.records[record.payment_id] = unconfirmed_again(record, 7.0)

    lost.scene.script.interpose("replace", change)
    lost.to_the_end()
    assert lost.scene.table.records[record.payment_id].version == record.version + 2
    lost.check()


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_REQUEST, Fault.REFUSED])
def test_a_mark_in_doubt_is_read_back(fault: Fault) -> None:
    lost = Lost(payments=1)
    record = lost.records[0]
    lost.scene.script.plan("replace", fault)
    lost.to_the_end()
    assert lost.scene.table.records[record.payment_id].version == record.version + 1


def test_a_record_that_cannot_be_marked_is_not_posted() -> None:
    lost = Lost(payments=1)
    lost.scene.script.plan("replace", *[Fault.REFUSED] * 5)
    with pytest.raises(UnavailableError, match="kept changing"):
        lost.to_the_end()
    assert not lost.scene.ledger.entries
    lost.to_the_end()
    lost.check()


def test_a_record_that_expired_meanwhile_is_posted_all_the_same() -> None:
    lost = Lost(payments=1)
    record = lost.records[0]
    lost.scene.script.interpose("replace", lost.scene.table.records.clear)
    lost.to_the_end()
    assert set(lost.scene.ledger.entries) == {b.operation_id for b in bookings_of(record)}


def test_another_stamp_fences_it_and_another_runner_overtakes_it() -> None:
    lost = Lost()
    with pytest.raises(FencedError, match="epoch 3"):
        lost.job.advance(Stamp(epoch=Epoch(3), site=EAST))
    lost.job.advance(MOVE)
    lost.scene.script.interpose("post", lambda: lost.job.advance(MOVE))
    with pytest.raises(UnavailableError, match="another runner"):
        lost.job.advance(MOVE)
    assert lost.to_the_end().scan is Scan.DONE
    assert lost.to_the_end().scan is Scan.DONE, "done stays done"


def test_a_booking_left_out_is_found_named_and_posted_by_the_next_scan() -> None:
    lost = Lost()
    while lost.job.advance(MOVE).scan is Scan.POSTING:
        pass
    left_out = next(iter(lost.scene.ledger.entries))
    del lost.scene.ledger.entries[left_out]
    # As if it was never marked either.
    for record in lost.records:
        lost.scene.table.records[record.payment_id] = replace(record, unconfirmed=None)
    found = lost.to_the_end()
    assert (found.scan, found.young) == (Scan.DIFFERS, 0)
    assert found.differences[0].operation_id == left_out
    assert found.differences[0].cause is Cause.BOOKING_MISSING
    assert lost.to_the_end().scan is Scan.DONE
    lost.check()


def test_the_differences_are_all_counted_and_some_named() -> None:
    lost = Lost(payments=DIFFERENCES_KEPT + 5)
    while lost.job.advance(MOVE).scan is Scan.POSTING:
        pass
    lost.scene.ledger.entries.clear()
    for record in lost.records:
        lost.scene.table.records[record.payment_id] = replace(record, unconfirmed=None)
    found = lost.to_the_end()
    assert len(found.differences) == DIFFERENCES_KEPT
    assert found.differing == DIFFERENCES_KEPT + 6


def test_what_was_decided_after_the_scan_began_is_left_to_reconciliation() -> None:
    lost = Lost()
    while lost.job.advance(MOVE).scan is Scan.POSTING:
        pass
    lost.scene.paid(replace(PAY, idempotency_key="young"))
    found = lost.to_the_end()
    assert (found.scan, found.young) == (Scan.DONE, 1)
    assert found.implied == found.held


def test_an_empty_table_is_completed_at_once() -> None:
    lost = Lost(payments=0)
    found = lost.to_the_end()
    assert (found.scan, found.payments, dict(found.posted)) == (Scan.DONE, 0, {})


def test_a_replica_is_never_completed() -> None:
    lost = Lost()
    lost.scene.ledger.orphan()
    kept = Checkpoint(scan=Scan.POSTING, started_at=0)
    assert lost.scene.ledger.rebuild_on((), MOVE, kept, based_on=0) is Advanced.FENCED
