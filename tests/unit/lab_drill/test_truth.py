from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import Epoch, SiteName
from payment_dr.lab.drill.truth import TableTruth, Vantage
from payment_dr.payments.ports import Page
from payment_dr.recovery.control import ControlRecord, Phase

if TYPE_CHECKING:
    from payment_dr.adapters.control_table import DynamoControlTable
    from payment_dr.adapters.dynamodb import DynamoPaymentsTable

CONTROL = ControlRecord(
    active=SiteName("east"),
    epoch=Epoch(1),
    phase=Phase.STEADY,
    move=None,
    version=1,
    changed_at=0,
)


@dataclass
class Region:
    """Both tables of one region; counts how often it was asked."""

    up: bool = True
    asked: int = 0

    def _answer(self, value: Any) -> Any:
        self.asked += 1
        if not self.up:
            raise UnavailableError("no answer")
        return value

    def read(self) -> ControlRecord:
        return cast("ControlRecord", self._answer(CONTROL))

    def run_log(self, _move_id: str) -> tuple[()]:
        return cast("tuple[()]", self._answer(()))

    def records(self) -> list[Any]:
        return cast("list[Any]", self._answer([]))

    def unconfirmed(self, shard: int, *, cursor: str | None, limit: int) -> Page:
        assert limit > 0
        page = Page(payment_ids=(f"{shard}{cursor}",), cursor=None if cursor else "next")
        return cast("Page", self._answer(page))

    open_operations = unconfirmed

    def vantage(self) -> Vantage:
        return Vantage(
            control=cast("DynamoControlTable", self), payments=cast("DynamoPaymentsTable", self)
        )


def test_what_one_region_does_not_answer_is_asked_of_the_other_which_is_then_asked_first() -> None:
    down, up = Region(up=False), Region()
    truth = TableTruth([down.vantage(), up.vantage()])
    assert truth.control() == replace(CONTROL)
    assert not truth.records()
    assert not truth.run_log("m")
    assert (down.asked, up.asked) == (1, 3)


def test_without_any_region_it_says_so() -> None:
    with pytest.raises(UnavailableError, match="no region answers"):
        TableTruth([Region(up=False).vantage()]).control()


def test_every_shard_of_an_index_is_read_to_its_last_page() -> None:
    truth = TableTruth([Region().vantage()])
    pages = {f"{shard}{cursor}" for shard in range(4) for cursor in (None, "next")}
    assert truth.unconfirmed() == pages
    assert truth.open_operations() == pages


def test_an_index_that_never_ends_is_given_up_after_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("payment_dr.lab.drill.truth._PAGES_MAX", 1)
    truth = TableTruth([Region().vantage()])
    assert truth.unconfirmed() == {f"{shard}None" for shard in range(4)}
