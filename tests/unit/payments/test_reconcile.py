from collections.abc import Sequence
from dataclasses import replace

import pytest

from fakes.control import EAST, WEST
from fakes.faults import Fault
from fakes.ledger import FakeLedger
from fakes.scene import PAY, Scene, on, refund
from payment_dr.adapters.side_by_side import side_by_side
from payment_dr.core.errors import UnavailableError
from payment_dr.core.money import Money
from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.payments.jobs.reconcile import FencedError, Reconciliation, reconcile
from payment_dr.payments.journal import bookings_of
from payment_dr.payments.ports import ControlView
from payment_dr.payments.record import OperationKind, Record
from payment_dr.payments.requests import PayRequest

NEW = Stamp(epoch=Epoch(2), site=WEST)


class Promoted(Scene):
    """East is lost with its last postings; west's ledger is promoted and stamped."""

    def __init__(self) -> None:
        super().__init__()
        self.promoted = FakeLedger(self.script)
        self.promoted.follow(self.ledger)

    def fail_over(self, *, replayed: int) -> None:
        self.promoted.catch_up(replayed)
        self.promoted.promote()
        self.promoted.write_stamp(NEW)
        self.control.view = ControlView(steady=False, active=EAST, epoch=Epoch(2))
        self.clock.advance(1)

    def reconcile(self) -> Reconciliation:
        return reconcile(self.table, self.promoted, NEW, started_at=self.clock.now())


@pytest.fixture(name="scene")
def _scene() -> Promoted:
    return Promoted()


def numbered(number: int, currency: str = "EUR") -> PayRequest:
    money = Money(minor_units=1000 + number, currency=currency)
    return replace(PAY, idempotency_key=f"order-{number}", money=money)


def test_what_was_lost_is_posted_and_counted_in_money(scene: Promoted) -> None:
    records = [scene.paid(numbered(n, "EUR" if n < 3 else "USD")) for n in range(4)]
    scene.fail_over(replayed=2)
    result = scene.reconcile()
    assert set(result.seen) == {record.payment_id for record in records}
    lost = {entry.operation_id for record in records[2:] for entry in bookings_of(record)}
    assert set(result.posted) == lost
    assert result.money == {"EUR": 1002, "USD": 1003}
    assert scene.promoted.entries == scene.ledger.entries


def test_a_lost_refund_counts_with_its_size(scene: Promoted) -> None:
    record = scene.paid()
    scene.service.operate(refund(record, 300))
    scene.fail_over(replayed=0)
    assert scene.reconcile().money == {"EUR": 1300}


def test_nothing_lost_posts_nothing(scene: Promoted) -> None:
    record = scene.paid()
    scene.fail_over(replayed=1)
    result = scene.reconcile()
    assert result == Reconciliation(seen=(record.payment_id,), posted=(), money={})


def test_run_again_it_finds_everything_there(scene: Promoted) -> None:
    scene.paid()
    scene.fail_over(replayed=0)
    assert len(scene.reconcile().posted) == 1
    assert scene.reconcile().posted == ()


def test_it_passes_again_until_the_index_shows_nothing_missing(scene: Promoted) -> None:
    scene.table.lagging = True
    scene.paid(numbered(1))
    scene.table.refresh_indexes()
    scene.paid(numbered(2))
    scene.fail_over(replayed=0)
    scene.script.interpose("post", scene.table.refresh_indexes)
    assert len(scene.reconcile().posted) == 2


def test_what_is_accepted_meanwhile_asks_for_no_further_pass(scene: Promoted) -> None:
    scene.paid(numbered(0))
    scene.fail_over(replayed=0)
    more = iter(range(1, 1000))

    def accept_another() -> None:
        scene.clock.advance(0.01)
        scene.paid(numbered(next(more)))
        scene.script.interpose("index", accept_another)

    scene.script.interpose("index", accept_another)
    posted = scene.reconcile().posted
    assert 1 < len(posted) < 20
    assert set(posted) <= scene.promoted.entries.keys()


def test_its_passes_are_bounded_when_clocks_disagree(scene: Promoted) -> None:
    """Each pass finds something that claims to be older than the reconciliation."""
    more = iter(range(1000))

    def accept_another() -> None:
        scene.paid(numbered(next(more)))
        scene.script.interpose("get_many", accept_another)

    scene.paid(numbered(next(more)))
    scene.fail_over(replayed=0)
    scene.clock.advance(10)
    began = scene.clock.now()
    scene.script.interpose("get_many", accept_another)
    result = reconcile(scene.table, scene.promoted, NEW, started_at=began)
    assert set(result.posted) <= scene.promoted.entries.keys()


def test_a_capture_after_an_authorisation_is_reconciled(scene: Promoted) -> None:
    record = scene.paid(replace(PAY, capture=False))
    scene.service.operate(on(record, OperationKind.CAPTURE, 400))
    scene.fail_over(replayed=0)
    assert scene.reconcile().money == {"EUR": 400}


def test_another_moves_stamp_stops_it(scene: Promoted) -> None:
    scene.paid()
    scene.fail_over(replayed=0)
    scene.promoted.write_stamp(Stamp(epoch=Epoch(3), site=EAST))
    with pytest.raises(FencedError, match="epoch 2 at west"):
        scene.reconcile()
    assert not scene.promoted.entries


def test_an_unavailable_ledger_is_told(scene: Promoted) -> None:
    scene.paid()
    scene.fail_over(replayed=0)
    scene.script.plan("view", Fault.REFUSED)
    with pytest.raises(UnavailableError):
        scene.reconcile()


def test_what_a_pass_has_seen_is_not_read_again_by_the_next(scene: Promoted) -> None:
    records = [scene.paid(numbered(n)) for n in range(3)]
    scene.fail_over(replayed=0)
    read: list[str] = []
    reading = scene.table.get_many

    def get_many(payment_ids: Sequence[str]) -> Sequence[Record]:
        read.extend(payment_ids)
        return reading(payment_ids)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.table, "get_many", get_many)
        assert len(scene.reconcile().posted) == 3
    assert sorted(read) == sorted(record.payment_id for record in records)


def test_shards_at_the_same_time_come_to_the_same(scene: Promoted) -> None:
    records = [scene.paid(numbered(n)) for n in range(30)]
    scene.fail_over(replayed=10)
    found = reconcile(
        scene.table, scene.promoted, NEW, started_at=scene.clock.now(), together=side_by_side
    )
    assert set(found.seen) == {record.payment_id for record in records}
    assert len(found.posted) == 20
    assert scene.promoted.entries == scene.ledger.entries
