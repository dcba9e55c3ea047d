"""What a drill asks of the usual design when parts of it are down."""

from typing import Any, NoReturn

import psycopg
import pytest

from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.lab.ledger_first.truth import UsualTruth
from payment_dr.recovery.ports import GlobalClusterView

WEST = SiteName("west")


class FakePlane:
    """The platform from one region; None: that region is down."""

    def __init__(self, seen: GlobalClusterView | None) -> None:
        self._seen = seen

    def describe(self) -> GlobalClusterView:
        if self._seen is None:
            raise UnavailableError("the region is down")
        return self._seen

    def failover(self, target: SiteName) -> None:
        raise NotImplementedError(target)

    def switchover(self, target: SiteName) -> None:
        raise NotImplementedError(target)


def view(writer: SiteName | None) -> GlobalClusterView:
    return GlobalClusterView(writer=writer, available=frozenset({WEST}))


def refuse(_site: SiteName) -> NoReturn:
    raise psycopg.OperationalError("connection refused")


def truth(*views: GlobalClusterView | None, connect: Any = refuse) -> UsualTruth:
    return UsualTruth(clusters=tuple(FakePlane(seen) for seen in views), connect=connect)


def test_the_writer_is_asked_of_the_region_that_is_up() -> None:
    assert truth(None, view(WEST)).control().active == WEST


def test_without_any_region_or_writer_the_truth_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        truth(None, view(None)).control()


def test_a_ledger_that_is_down_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="the ledger of west does not answer"):
        truth(view(WEST)).records()


def test_there_are_no_plans_and_no_marks_to_read() -> None:
    nothing = truth()
    assert not nothing.run_log("a-move")
    assert not nothing.unconfirmed()
