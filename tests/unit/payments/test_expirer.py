"""What is long finished and confirmed expires, page by page, at the active site alone."""

from dataclasses import replace

import pytest

from fakes.control import EAST
from fakes.scene import AUTHORISE, PAY, Scene
from fakes.table import FakeBookmark
from payment_dr.core.errors import UnavailableError
from payment_dr.payments.jobs import expirer
from payment_dr.payments.jobs.expirer import Expirer, ExpirerRun
from payment_dr.payments.record import OperationState, Record

AGE_S = 1000.0


class Table:
    """A scene with an expirer."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.bookmark = FakeBookmark()
        self.job = Expirer(
            table=self.scene.table,
            bookmark=self.bookmark,
            control=self.scene.control,
            site=EAST,
            clock=self.scene.clock,
            age_s=AGE_S,
        )

    def confirmed(self, key: str) -> Record:
        record = self.scene.paid(replace(PAY, idempotency_key=key))
        made = replace(record, unconfirmed=None, version=record.version + 1)
        self.scene.table.records[record.payment_id] = made
        return made

    def old(self) -> None:
        self.scene.clock.advance(AGE_S)


def test_what_is_old_and_confirmed_expires_and_what_is_younger_stays() -> None:
    table = Table()
    table.confirmed("a")
    table.old()
    young = table.confirmed("b")
    assert table.job.run() == ExpirerRun(seen=2, expired=1)
    assert list(table.scene.table.records) == [young.payment_id]


def test_neither_what_is_unconfirmed_nor_what_has_an_open_operation_expires() -> None:
    table = Table()
    table.scene.paid(AUTHORISE)
    pending = table.confirmed("pending")
    opened = replace(
        pending.operations[0], operation_id="x", state=OperationState.PENDING, response=None
    )
    table.scene.table.records[pending.payment_id] = replace(
        pending, operations=(*pending.operations, opened)
    )
    table.old()
    assert table.job.run() == ExpirerRun(seen=2, expired=0)


def test_a_record_that_changes_meanwhile_stays() -> None:
    table = Table()
    record = table.confirmed("a")
    table.old()

    def refunded() -> None:
        again = replace(record, version=record.version + 1)
        table.scene.table.records[record.payment_id] = again

    table.scene.script.interpose("replace", refunded)
    assert table.job.run() == ExpirerRun(seen=1, expired=0)


@pytest.mark.parametrize("changes", [{"steady": False}, {"active": "west"}])
def test_nothing_expires_during_a_move_or_at_the_standby(changes: dict[str, object]) -> None:
    table = Table()
    table.confirmed("a")
    table.old()
    table.scene.control.view = replace(table.scene.control.view, **changes)  # type: ignore[arg-type]  # its own fields
    assert table.job.run() == ExpirerRun(seen=0, expired=0)


def test_a_run_ends_after_some_pages_and_the_next_goes_on_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(expirer, "PAGE", 1)
    monkeypatch.setattr(expirer, "PAGES_MAX", 2)
    table = Table()
    for number in range(3):
        table.confirmed(str(number))
    table.old()
    assert table.job.run() == ExpirerRun(seen=2, expired=2)
    assert table.bookmark.cursor is not None
    assert table.job.run() == ExpirerRun(seen=1, expired=1)
    assert table.bookmark.cursor is None
    assert not table.scene.table.records


def test_a_table_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table()

    def silent(**_: object) -> None:
        raise UnavailableError("no answer")

    monkeypatch.setattr(table.scene.table, "scan", silent)
    with pytest.raises(UnavailableError):
        table.job.run()
