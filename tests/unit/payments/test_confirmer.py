from dataclasses import replace

import pytest

from fakes.control import EAST, WEST
from fakes.faults import Fault
from fakes.ledger import FakeLedger
from fakes.scene import PAY, Scene, refund
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.payments.jobs.confirmer import Confirmer, ConfirmerRun
from payment_dr.payments.outcome import Created
from payment_dr.payments.ports import ControlView


class Standby(Scene):
    """West's ledger follows east's."""

    def __init__(self) -> None:
        super().__init__()
        self.replica = FakeLedger(self.script)
        self.replica.follow(self.ledger)

    def confirm(self, site: SiteName = WEST) -> ConfirmerRun:
        return Confirmer(
            table=self.table,
            ledger=self.replica if site == WEST else self.ledger,
            control=self.control,
            site=site,
            clock=self.clock,
            spread=map,
        ).run()


@pytest.fixture(name="scene")
def _scene() -> Standby:
    return Standby()


def test_what_the_replica_holds_is_confirmed(scene: Standby) -> None:
    record = scene.paid()
    scene.replica.catch_up()
    assert scene.confirm() == ConfirmerRun(seen=1, cleared=1)
    assert scene.record == replace(
        record, unconfirmed=None, version=record.version + 1, updated_at=scene.clock.now()
    )


def test_what_is_still_on_its_way_is_not(scene: Standby) -> None:
    scene.paid()
    assert scene.confirm() == ConfirmerRun(seen=1, cleared=0)


def test_every_entry_of_the_record_must_be_there(scene: Standby) -> None:
    record = scene.paid()
    scene.replica.catch_up()
    scene.service.operate(refund(record, 300))
    assert scene.confirm().cleared == 0
    scene.replica.catch_up()
    assert scene.confirm().cleared == 1


def test_the_snapshot_comes_before_the_strong_read_of_the_control_record(scene: Standby) -> None:
    scene.paid()
    scene.replica.catch_up()
    scene.script.effects.clear()
    scene.confirm()
    effects = scene.script.effects
    assert effects[effects.index("view") :][:3] == ["view", "control", "replace"]


MOVING = ControlView(steady=False, active=EAST, epoch=Epoch(2))


@pytest.mark.parametrize(
    "view",
    [
        MOVING,
        ControlView(steady=True, active=WEST, epoch=Epoch(2)),
        ControlView(steady=True, active=EAST, epoch=Epoch(3)),
    ],
)
def test_a_move_that_began_by_the_time_of_the_snapshot_stops_it(
    scene: Standby, view: ControlView
) -> None:
    scene.paid()
    scene.replica.catch_up()
    scene.script.interpose("view", lambda: setattr(scene.control, "view", view))
    assert scene.confirm() == ConfirmerRun(seen=1, cleared=0)


def test_a_promoted_ledger_confirms_nothing(scene: Standby) -> None:
    scene.paid()
    scene.replica.catch_up()
    scene.replica.promote()
    assert scene.confirm().cleared == 0


def test_a_replica_of_another_writer_confirms_nothing(scene: Standby) -> None:
    scene.paid()
    scene.ledger.write_stamp(Stamp(epoch=Epoch(1), site=None))
    scene.replica.catch_up()
    assert scene.confirm().cleared == 0


def test_the_active_site_confirms_nothing_and_does_not_even_look(scene: Standby) -> None:
    scene.paid()
    scene.script.effects.clear()
    assert scene.confirm(EAST) == ConfirmerRun(seen=0, cleared=0)
    assert scene.script.effects == ["control"]


def test_a_refund_decided_meanwhile_keeps_the_record_unconfirmed(scene: Standby) -> None:
    record = scene.paid()
    scene.replica.catch_up()
    scene.script.interpose("view", lambda: scene.service.operate(refund(record, 300)))
    assert scene.confirm() == ConfirmerRun(seen=1, cleared=0)
    assert scene.record.unconfirmed is not None


def test_a_record_with_a_pending_operation_waits_for_its_decision(scene: Standby) -> None:
    record = scene.paid()
    scene.replica.catch_up()
    runs: list[ConfirmerRun] = []
    scene.script.interpose("perform", lambda: runs.append(scene.confirm()))
    assert isinstance(scene.service.operate(refund(record, 300)), Created)
    assert runs == [ConfirmerRun(seen=1, cleared=0)]


def test_a_clearing_that_fails_leaves_it_to_the_next_run(scene: Standby) -> None:
    scene.paid()
    scene.paid(replace(PAY, idempotency_key="order-2"))
    scene.replica.catch_up()
    scene.script.plan("replace", Fault.LOST_REQUEST)
    assert scene.confirm() == ConfirmerRun(seen=2, cleared=1)
    assert scene.confirm() == ConfirmerRun(seen=1, cleared=1)
