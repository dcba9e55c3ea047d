"""Each scheduled function runs its job over the parts of its process, and says what it did."""

import logging
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import pytest

from fakes.composed import FakeWorld
from payment_dr.core.errors import UnavailableError
from payment_dr.core.money import Money
from payment_dr.functions import confirmer, poster, sweeper
from payment_dr.functions.composition import JOBS, Composition, Role
from payment_dr.functions.jobs import report
from payment_dr.payments.jobs.poster import PosterRun
from payment_dr.payments.record import Record
from payment_dr.payments.requests import PayRequest

Run = Callable[[ModuleType, str], Mapping[str, Any]]


@pytest.fixture(name="world")
def world_fixture() -> FakeWorld:
    return FakeWorld()


@pytest.fixture(name="run")
def run_fixture(world: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(module: ModuleType, site: str) -> Mapping[str, Any]:
        def parts(role: Role) -> Composition:
            assert role is JOBS
            return world.parts(site)

        monkeypatch.setattr(module, "composition", parts)
        done: Mapping[str, Any] = module.handler({}, None)
        return done

    return run


def paid(world: FakeWorld, site: str) -> Record:
    request = PayRequest(
        merchant="shop",
        idempotency_key="k",
        money=Money(minor_units=1250, currency="EUR"),
        capture=True,
        payment_method="pm_card_visa",
    )
    world.parts(site).service.pay(request)
    (record,) = world.table.records.values()
    return record


def test_the_poster_of_the_active_site_posts_what_was_paid_at_the_standby(
    world: FakeWorld, run: Run
) -> None:
    record = paid(world, "west")
    assert not world.ledgers["east"].entries
    assert run(poster, "east") == {"seen": 1, "posted": 1, "fenced": False}
    assert set(world.ledgers["east"].entries) == {record.operations[0].operation_id}
    assert run(poster, "west") == {"seen": 0, "posted": 0, "fenced": False}


def test_the_confirmer_of_the_standby_clears_what_its_replica_holds(
    world: FakeWorld, run: Run
) -> None:
    record = paid(world, "east")
    world.ledgers["west"].entries.update(world.ledgers["east"].entries)
    world.ledgers["west"].source = world.ledgers["east"]
    assert run(confirmer, "east") == {"seen": 0, "cleared": 0}
    assert run(confirmer, "west") == {"seen": 1, "cleared": 1}
    assert world.table.records[record.payment_id].unconfirmed is None


def test_the_sweeper_sees_what_is_left_open(world: FakeWorld, run: Run) -> None:
    paid(world, "east")
    assert run(sweeper, "east") == {"seen": 0, "finished": 0}


def test_a_run_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "payment_dr")
    report("poster", lambda: PosterRun(seen=2, posted=1, fenced=False))
    (line,) = caplog.records
    assert line.message == "poster"
    assert vars(line)["fields"] == {"seen": 2, "posted": 1, "fenced": False}


def test_a_run_that_fails_is_left_to_the_platform() -> None:
    def fail() -> PosterRun:
        raise UnavailableError("down")

    with pytest.raises(UnavailableError):
        report("poster", fail)
