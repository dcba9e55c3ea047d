"""A rebuild's port over a site's parts: how long it works, what it says, whose parts it makes."""

from dataclasses import replace
from typing import Any

import pytest

from fakes.clock import FakeClock
from fakes.composed import SETTINGS, FakeWorld
from fakes.control import EAST
from fakes.ledger import EMPTY
from fakes.scene import PAY, Scene
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, Stamp
from payment_dr.functions import ledger_rebuild
from payment_dr.functions.ledger_rebuild import WORK_S, LedgerRebuilder, OwnRebuild
from payment_dr.payments.jobs import rebuild
from payment_dr.payments.jobs.rebuild import Rebuild
from payment_dr.recovery.ports import Amount, RebuildState

MOVE = Stamp(epoch=Epoch(2), site=EAST)


class TickingClock(FakeClock):
    """Each look at it takes a second."""

    def monotonic(self) -> float:
        self.advance(1)
        return super().monotonic()


def rebuilder(scene: Scene, *, slow: bool = False) -> LedgerRebuilder:
    job = Rebuild(
        table=scene.table,
        scan=scene.table,
        ledger=scene.ledger,
        clock=scene.clock,
        spread=map,
    )
    clock = TickingClock() if slow else scene.clock
    return LedgerRebuilder(job=lambda: job, size=lambda: 7, clock=clock)


@pytest.fixture(name="scene")
def scene_fixture(monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(rebuild, "PAGE", 1)
    scene = Scene()
    for number in range(4):
        scene.paid(replace(PAY, idempotency_key=str(number)))
    scene.clock.advance(1000)
    scene.ledger.restore(EMPTY)
    scene.ledger.write_stamp(MOVE)
    return scene


def test_a_call_ends_with_the_scan_and_says_what_it_did(scene: Scene) -> None:
    port = rebuilder(scene)
    assert port.progress(MOVE) is None
    compared = port.advance(MOVE)
    assert (compared.state, compared.payments, compared.expected) == (RebuildState.COMPARING, 4, 7)
    assert compared.posted == {"EUR": Amount(bookings=4, money=4000)}
    done = port.advance(MOVE)
    assert done.state is RebuildState.DONE
    assert done.implied == done.held == compared.posted
    assert port.progress(MOVE) == done


def test_a_call_works_for_a_while_only(scene: Scene) -> None:
    found = rebuilder(scene, slow=True).advance(MOVE)
    assert found.state is RebuildState.POSTING
    assert found.records < 1 + WORK_S


def test_another_stamp_is_told_as_a_ledger_that_is_not_available(scene: Scene) -> None:
    scene.ledger.write_stamp(replace(MOVE, epoch=Epoch(3)))
    with pytest.raises(UnavailableError, match="does not carry the stamp of epoch 2"):
        rebuilder(scene).advance(MOVE)


def test_a_difference_is_told_with_its_payment_and_cause(scene: Scene) -> None:
    port = rebuilder(scene)
    port.advance(MOVE)
    left_out = next(iter(scene.ledger.entries))
    del scene.ledger.entries[left_out]
    for record in list(scene.table.records.values()):
        scene.table.records[record.payment_id] = replace(record, unconfirmed=None)
    found = port.advance(MOVE)
    assert (found.state, found.differing) == (RebuildState.DIFFERS, 1)
    assert f"{left_out} booking missing payment.captured" in found.differences[0]


def test_a_sites_parts_are_made_once_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Client:
        @staticmethod
        def describe_table(**request: str) -> dict[str, Any]:
            return {"Table": {"ItemCount": 12} if request["TableName"] else {}}

    def client(_environment: object, service: str, _config: object) -> Any:
        made.append(service)
        return Client()

    monkeypatch.setattr(ledger_rebuild, "aws_client", client)
    monkeypatch.setattr(ledger_rebuild, "_LEDGER_S", 0.2)
    monkeypatch.setattr(ledger_rebuild, "secret_of", lambda *_: Secret())
    own = OwnRebuild(FakeWorld().parts("east").environment)
    own.close()
    assert not made
    port = own.rebuilder()
    assert port.size() == 12
    with pytest.raises(UnavailableError):
        port.progress(MOVE)
    assert port.job() is port.job()
    assert made == ["dynamodb"]
    assert port.job().table.get is not None
    own.close()
    with pytest.raises(UnavailableError, match="no connection"):
        port.progress(MOVE)


class Secret:
    """Of a ledger where nothing listens."""

    def __call__(self) -> dict[str, str]:
        return {"username": "payment_app", "password": "p"}

    def doubt(self) -> None:
        """Nothing is kept."""


def test_the_age_of_a_record_exceeds_that_of_every_backup() -> None:
    assert SETTINGS.payments.record_age_days > SETTINGS.deployment.backup_retention_days
