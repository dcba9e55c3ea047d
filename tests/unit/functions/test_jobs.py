"""Each scheduled function runs its job over the parts of its process, and says what it did."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from fakes.composed import SETTINGS, FakeWorld
from fakes.table import FakeBookmark
from payment_dr.core.errors import UnavailableError
from payment_dr.core.money import Money
from payment_dr.functions import confirmer, poster, sweeper
from payment_dr.functions.composition import JOBS, Composition, Role
from payment_dr.functions.jobs import report
from payment_dr.payments.jobs.sweeper import SweeperRun
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
        monkeypatch.setattr(sweeper, "expiry_of", lambda _: (world.table, FakeBookmark()))
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
    seen = {"seen": 1, "fenced": False, "whole": True, "oldest_at": record.updated_at}
    assert run(poster, "east") == {**seen, "posted": 1}
    assert set(world.ledgers["east"].entries) == {record.operations[0].operation_id}
    standby = run(poster, "west")
    assert (standby["seen"], standby["posted"], standby["whole"]) == (0, 0, False)


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
    assert run(sweeper, "east") == {"seen": 0, "finished": 0, "expired": 0}


def test_the_sweeper_of_the_active_site_expires_what_is_old_and_confirmed(
    world: FakeWorld, run: Run
) -> None:
    record = paid(world, "east")
    world.clock.advance((SETTINGS.payments.record_age_days - 1) * 86_400)
    young = replace(record, payment_id="young", updated_at=world.clock.now(), unconfirmed=None)
    world.table.records = {"young": young, record.payment_id: replace(record, unconfirmed=None)}
    assert run(sweeper, "east")["expired"] == 0
    world.clock.advance(86_400)
    assert run(sweeper, "west")["expired"] == 0, "the active site alone"
    assert run(sweeper, "east")["expired"] == 1
    assert set(world.table.records) == {"young"}


def test_a_run_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "payment_dr")
    report("sweeper", lambda: SweeperRun(seen=2, finished=1))
    (line,) = caplog.records
    assert line.message == "sweeper"
    assert vars(line)["fields"] == {"seen": 2, "finished": 1}


def published(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """The metrics of the last line that has any, by name."""
    (*_, fields) = [vars(line)["fields"] for line in caplog.records if line.message == "metrics"]
    (directive,) = fields["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("PaymentDR", [["Site"]])
    return {metric["Name"]: fields[metric["Name"]] for metric in directive["Metrics"]}


def test_the_poster_publishes_how_much_a_failover_would_have_to_post_and_how_old_it_is(
    world: FakeWorld, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "payment_dr")
    run(poster, "east")
    assert published(caplog) == {
        "PosterRuns": 1,
        "UnconfirmedPayments": 0,
        "UnconfirmedAgeSeconds": 0,
    }
    paid(world, "west")
    world.clock.advance(30)
    run(poster, "east")
    assert published(caplog) == {
        "PosterRuns": 1,
        "UnconfirmedPayments": 1,
        "UnconfirmedAgeSeconds": 30,
    }


def test_who_has_not_seen_all_the_unconfirmed_says_nothing_of_their_number(
    world: FakeWorld, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "payment_dr")
    paid(world, "west")
    run(poster, "west")
    assert published(caplog) == {"PosterRuns": 1}
    run(confirmer, "west")
    assert published(caplog) == {"ConfirmerRuns": 1}


def test_a_run_that_fails_is_left_to_the_platform() -> None:
    def fail() -> SweeperRun:
        raise UnavailableError("down")

    with pytest.raises(UnavailableError):
        report("poster", fail)
