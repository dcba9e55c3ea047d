import json
import os
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from payment_dr.adapters.settings_file import example
from payment_dr.cli import lab as lab_cli
from payment_dr.cli import lab_alarms as cli
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.stamp import SiteName
from payment_dr.functions.metrics import Metric, embedded
from payment_dr.lab.alarms.collector import Clockwork, lines, shown, stretched, where
from payment_dr.lab.alarms.definitions import alarms_of_lab
from payment_dr.lab.alarms.model import State
from payment_dr.lab.registry import Registry, this_process

SETTINGS = example("development")
BEGUN_S = 1_795_550_400.0
SECONDS = 30


def line(metric: Metric, value: float, second: float) -> str:
    fields = embedded({metric: value}, site=SiteName("east"), at_s=BEGUN_S + second)
    return json.dumps({"level": "INFO", **fields})


def ticks(until: int) -> list[str]:
    return [line(Metric.POSTER_RUNS, 1, second) for second in range(until)]


def test_a_second_of_a_lab_is_a_minute_of_aws() -> None:
    clockwork = Clockwork(begun_s=BEGUN_S)
    assert clockwork.unix_s(clockwork.aws_s(BEGUN_S + 7)) == BEGUN_S + 7
    found = [line(Metric.UNCONFIRMED_AGE, 5, 2), line(Metric.POSTER_RUNS, 1, -1), "no metric"]
    assert [(one.at_s, one.value) for one in stretched(found, clockwork)] == [(120, 300)]


def test_the_past_is_read_again_at_each_look() -> None:
    clockwork = Clockwork(begun_s=BEGUN_S)
    alarms = alarms_of_lab(SETTINGS)
    name = SETTINGS.resource("poster-silent", "east")
    early = shown(alarms, ticks(10), clockwork, BEGUN_S + 10)
    assert early.board.state(name) is State.OK
    late = shown(alarms, ticks(10), clockwork, BEGUN_S + SECONDS)
    assert late.board.state(name) is State.ALARM
    [status] = [one for one in late.board.statuses if one.alarm.name == name]
    assert clockwork.unix_s(status.since_s) == BEGUN_S + 17
    assert early.changes == late.changes[: len(early.changes)]


def test_of_a_long_past_no_more_is_read_than_the_longest_window_needs() -> None:
    clockwork = Clockwork(begun_s=BEGUN_S - 86_400)
    found = shown(alarms_of_lab(SETTINGS), ticks(5), clockwork, BEGUN_S + 5)
    assert min(change.status.since_s for change in found.changes) > 80_000 * 60


def test_where_an_alarm_is_follows_from_its_name() -> None:
    assert where(SETTINGS, "payments-poster-silent-west-dev") == "west (us-west-2)"
    assert where(SETTINGS, "payments-other") == "both sites"


def test_every_line_of_every_log_is_read_whatever_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"one\n\xff\n")
    (tmp_path / "b.log").write_text("two\n")
    (tmp_path / "c.jsonl").write_text("three\n")
    assert list(lines(tmp_path)) == ["one\n", "\ufffd\n", "two\n"]


@pytest.fixture(name="directory")
def fixture_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab whose poster at east has fallen silent and come back."""
    registry = Registry(tmp_path / "registry")
    directory = tmp_path / "lab"
    (directory / "logs").mkdir(parents=True)
    (directory / "settings.json").write_text(SETTINGS.model_dump_json())
    (directory / "logs" / "jobs-east.log").write_text("\n".join(ticks(10)) + "\n")
    for mark in ("settings.json", "resources-ready"):
        (directory / mark).touch()
        os.utime(directory / mark, (BEGUN_S, BEGUN_S))
    registry.place.mkdir(exist_ok=True, mode=0o700)
    registry.add(this_process("lab", directory=directory, control_port=1))
    monkeypatch.setattr(cli, "user_registry", lambda: registry)
    monkeypatch.setattr("payment_dr.cli.lab_alarms.time.time", lambda: BEGUN_S + SECONDS)
    return directory


def run(*arguments: str) -> Any:
    app = typer.Typer()
    lab_cli.register(app)
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["lab", "alarms", *arguments])


@pytest.mark.usefixtures("directory")
def test_what_is_raised_is_shown_with_its_reason_and_its_page() -> None:
    said = run().stdout
    assert "ALARM             payments-poster-silent-east-dev, since 20:00:17 UTC\n" in said
    assert "newest last: no data, no data" in said
    assert "  docs/how-to/alarms/poster-silent.md\n" in said
    assert "api-errors" not in said
    assert said.endswith("; 1 s of the lab counts as 60 s of AWS\n")
    assert "OK                payments-api-errors-east-dev" in run("--all").stdout


@pytest.mark.usefixtures("directory")
def test_every_alarm_is_there_for_programs() -> None:
    document = json.loads(run("--json").stdout)
    assert document["scale"] == 60
    found = {one["alarm"]: one for one in document["alarms"]}
    assert len(found) == len(alarms_of_lab(SETTINGS))
    silent = found["payments-poster-silent-east-dev"]
    assert silent.pop("reason").startswith("raised by 5 of 5 periods of 60 s below 1")
    assert silent == {
        "alarm": "payments-poster-silent-east-dev",
        "where": "east (us-east-1)",
        "state": "ALARM",
        "since": "2026-11-24T20:00:17+00:00",
        "runbook": "docs/how-to/alarms/poster-silent.md",
    }


def test_messages_are_those_that_people_would_have_got(directory: Path) -> None:
    log = directory / "logs" / "jobs-east.log"
    log.write_text(log.read_text() + line(Metric.POSTER_RUNS, 1, 25) + "\n")
    said = run("--messages").stdout
    raised = said.index("RAISED: payments-poster-silent-east-dev [page]\nWhat:  The poster has")
    over = said.index("over: payments-poster-silent-east-dev [page]\n")
    assert raised < over
    assert "over: payments-api-errors-east-dev" not in said


def test_a_lab_that_was_deployed_into_began_when_it_was_started(directory: Path) -> None:
    (directory / "resources-ready").unlink()
    assert "payments-poster-silent-east-dev" in run("--scale", "60").stdout


def test_a_lab_that_does_not_run_has_no_alarms(directory: Path) -> None:
    del directory
    result = run("--name", "other")
    assert isinstance(result.exception, PaymentDrError)
    assert "no lab named 'other' runs" in str(result.exception)
