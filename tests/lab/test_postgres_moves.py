"""Promotion, switchover and rebuild of real PostgreSQL servers."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from fakes.postgres_pair import PostgresPair
from payment_dr.lab import ledgers as ledgers_module
from payment_dr.lab.errors import LabError
from payment_dr.lab.ledgers import Ledgers
from payment_dr.lab.network.links import Mode
from payment_dr.lab.postgres import Cluster

pytestmark = pytest.mark.lab


def write(ledgers: Ledgers, site: str, *numbers: int) -> None:
    with ledgers.connect(site) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS AUTHORIZATION CURRENT_USER")
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int PRIMARY KEY)")
        for number in numbers:
            connection.execute("INSERT INTO kept VALUES (%s)", (number,))


def read(ledgers: Ledgers, site: str) -> list[int]:
    with ledgers.connect(site) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM kept ORDER BY number")]


def replayed(ledgers: Ledgers, site: str, number: int) -> bool:
    try:
        return number in read(ledgers, site)
    except psycopg.errors.UndefinedTable:
        return False


def arrived(ledgers: Ledgers, site: str, number: int) -> None:
    """Wait until the row has been replayed at the site."""
    deadline = time.monotonic() + 10
    while not replayed(ledgers, site, number):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def in_recovery(ledgers: Ledgers, site: str) -> bool:
    with ledgers.connect(site) as connection:
        row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    assert row is not None
    return bool(row[0])


def test_a_switchover_and_back_loses_no_row(fresh_postgres: PostgresPair) -> None:
    ledgers = fresh_postgres.ledgers
    write(ledgers, "east", 1, 2)
    ledgers.switchover("west")
    assert ledgers.writer == "west"
    write(ledgers, "west", 3)
    assert in_recovery(ledgers, "east")
    ledgers.switchover("east")
    assert read(ledgers, "east") == [1, 2, 3]
    ledgers.switchover("east")
    assert not in_recovery(ledgers, "east")
    assert ledgers.stale == frozenset()


def test_a_crashed_server_restarts_as_what_it_was(fresh_postgres: PostgresPair) -> None:
    ledgers = fresh_postgres.ledgers
    write(ledgers, "east", 1)
    for site in ("east", "west"):
        ledgers.kill(site)
        assert not ledgers.alive(site)
        ledgers.bring_back(site)
        ledgers.restart(site)
        assert ledgers.alive(site)
    assert read(ledgers, "east") == [1]
    assert in_recovery(ledgers, "west")


def test_a_promotion_loses_what_had_not_arrived_and_the_old_data_shows_it(
    fresh_postgres: PostgresPair,
) -> None:
    ledgers = fresh_postgres.ledgers
    write(ledgers, "east", 1)
    arrived(ledgers, "west", 1)
    fresh_postgres.change_link("pg:west->east", Mode.BLACKHOLE)
    write(ledgers, "east", 2)
    ledgers.kill("east")
    ledgers.promote("west")
    ledgers.promote("west")
    assert read(ledgers, "west") == [1]
    assert ledgers.stale == {"east"}

    with pytest.raises(LabError, match="does not run"):
        ledgers.promote("east")
    ledgers.restart("east")
    assert not in_recovery(ledgers, "east"), "an old writer comes back as a writer"
    with pytest.raises(LabError, match="old writer, not a standby of west"):
        ledgers.switchover("east")

    ledgers.bring_back("east")
    assert ledgers.stale == frozenset()
    assert in_recovery(ledgers, "east")
    with ledgers.old("east") as connection:
        kept = [row[0] for row in connection.execute("SELECT number FROM kept ORDER BY number")]
        assert kept == [1, 2]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("INSERT INTO kept VALUES (3)")


def test_there_is_no_old_ledger_before_a_rebuild(postgres: PostgresPair) -> None:
    with (
        pytest.raises(LabError, match="no old ledger of east was kept"),
        postgres.ledgers.old("east"),
    ):
        pass


def test_the_writer_is_not_rebuilt(postgres: PostgresPair) -> None:
    with pytest.raises(LabError, match="east is the writer"):
        postgres.ledgers.rebuild("east")


def test_a_standby_that_is_rebuilt_twice_keeps_both_old_copies(
    fresh_postgres: PostgresPair,
) -> None:
    ledgers = fresh_postgres.ledgers
    write(ledgers, "east", 1)
    ledgers.rebuild("west")
    ledgers.rebuild("west")
    kept = {path.name for path in fresh_postgres.directory.postgres.glob("west-old-*")}
    assert kept == {"west-old-1", "west-old-2"}
    with ledgers.old("west") as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(1,)]


def test_a_switchover_without_a_streaming_standby_is_refused_and_changes_nothing(
    fresh_postgres: PostgresPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers_module, "CATCH_UP_TIMEOUT_S", 0.1)
    ledgers = fresh_postgres.ledgers
    monkeypatch.setattr(ledgers, "_streams", lambda: False)
    with pytest.raises(LabError, match="west does not stream from east"):
        ledgers.switchover("west")
    assert ledgers.writer == "east"
    write(ledgers, "east", 1)


def test_a_switchover_whose_standby_falls_silent_gives_the_old_writer_back(
    fresh_postgres: PostgresPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers_module, "CATCH_UP_TIMEOUT_S", 0.3)
    ledgers = fresh_postgres.ledgers
    fresh_postgres.change_link("pg:west->east", Mode.BLACKHOLE)
    with pytest.raises(LabError, match="did not receive the end of the log"):
        ledgers.switchover("west")
    fresh_postgres.change_link("pg:west->east", Mode.PASS)
    assert ledgers.writer == "east"
    write(ledgers, "east", 1)
    monkeypatch.setattr(ledgers_module, "CATCH_UP_TIMEOUT_S", 20)
    ledgers.switchover("west")
    assert read(ledgers, "west") == [1]


def test_a_switchover_whose_target_dies_gives_the_old_writer_back_and_the_target_is_stale(
    fresh_postgres: PostgresPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledgers = fresh_postgres.ledgers
    write(ledgers, "east", 1)
    ask = Cluster.ask

    def killed_at_promotion(cluster: Cluster, question: Any, *values: str) -> Any:
        if "pg_promote" in question:
            ledgers.kill("west")
        return ask(cluster, question, *values)

    monkeypatch.setattr(Cluster, "ask", killed_at_promotion)
    with pytest.raises(LabError, match="did not answer"):
        ledgers.switchover("west")
    monkeypatch.undo()
    assert ledgers.writer == "east"
    assert ledgers.stale == {"west"}
    write(ledgers, "east", 2)
    ledgers.bring_back("west")
    assert read(ledgers, "west") == [1, 2]


def test_a_switchover_stands_when_the_old_writer_cannot_follow(
    fresh_postgres: PostgresPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledgers = fresh_postgres.ledgers
    write(ledgers, "east", 1)

    def refuse(_: Cluster) -> None:
        raise LabError("it does not start")

    monkeypatch.setattr(Cluster, "start", refuse)
    ledgers.switchover("west")
    monkeypatch.undo()
    assert ledgers.writer == "west"
    assert ledgers.stale == {"east"}
    assert read(ledgers, "west") == [1]
    ledgers.bring_back("east")
    assert read(ledgers, "east") == [1]


def test_a_promotion_that_takes_too_long_may_have_happened(
    postgres: PostgresPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"SELECT pg_is_in_recovery()": True, "SELECT pg_promote(true, 10)": False}
    monkeypatch.setattr(Cluster, "ask", lambda _, question: answers[question])
    with pytest.raises(LabError, match="was not promoted") as caught:
        postgres.ledgers.promote("west")
    assert not caught.value.definite
    assert postgres.ledgers.writer == "east"


def test_a_kill_does_not_wait_for_a_move(
    fresh_postgres: PostgresPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledgers = fresh_postgres.ledgers
    moving, go_on = threading.Event(), threading.Event()

    def pausing(cluster: Cluster, _: str) -> Any:
        moving.set()
        assert go_on.wait(20)
        raise LabError(f"{cluster.name} was killed")

    monkeypatch.setattr(Cluster, "ask", pausing)
    with ThreadPoolExecutor(1) as pool:
        move = pool.submit(ledgers.promote, "west")
        assert moving.wait(20)
        ledgers.kill("west")
        assert not ledgers.alive("west")
        go_on.set()
        with pytest.raises(LabError, match="west was killed"):
            move.result(20)
