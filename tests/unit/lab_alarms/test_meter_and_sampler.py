import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.lab.alarms import sampler
from payment_dr.lab.alarms.meter import VALUES_MAX, Call, Meter, api_id, function_of
from payment_dr.lab.alarms.sampler import LOG, Sampler, sampling
from payment_dr.lab.errors import LabError

SETTINGS = example("development")


def test_a_second_of_calls_is_a_line_and_an_idle_one_none() -> None:
    said: list[str] = []
    meter = Meter("payments-api-east-dev", "an-api", lambda: 100.0, said.append)
    meter.flush()
    assert not said
    meter.called(Call(duration_ms=12.34))
    meter.called(Call(duration_ms=5, failed=True))
    meter.called(Call(duration_ms=0, throttled=True))
    meter.answered(201, 13.21)
    meter.answered(503, 1)
    meter.flush()
    calls, answers = (json.loads(line) for line in said)
    assert calls["FunctionName"] == "payments-api-east-dev"
    assert calls["Errors"] == [0, 1]
    assert calls["Duration"] == [12.3, 5]
    assert calls["Throttles"] == [0, 0, 1]
    assert answers["ApiId"] == "an-api"
    assert (answers["5xx"], answers["Count"], answers["Latency"]) == ([0, 1], [1, 1], [13.2, 1])
    meter.flush()
    assert len(said) == 2


@pytest.mark.parametrize("tell", ["called", "answered"])
def test_no_line_has_more_values_than_the_format_takes(tell: str) -> None:
    said: list[str] = []
    meter = Meter("f", "api", lambda: 0.0, said.append)
    for _ in range(VALUES_MAX):
        if tell == "called":
            meter.called(Call(duration_ms=1))
        else:
            meter.answered(200, 1)
    assert len(said) == 1


def test_what_no_api_calls_has_no_answers(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter("f", None, lambda: 0.0)
    meter.answered(200, 1)
    meter.flush()
    assert capsys.readouterr().out == ""
    meter.called(Call(duration_ms=1))
    meter.flush()
    assert json.loads(capsys.readouterr().out)["FunctionName"] == "f"


@pytest.mark.parametrize(
    ("handler", "name"),
    [
        ("payment_dr.functions.poster:handler", "poster"),
        ("payment_dr.functions.backup_verification:handler", "backup-verification"),
        ("payment_dr.lab.webhook_delivery:handler", "webhooks"),
        ("payment_dr.lab.ledger_first.sweeper:handler", "sweeper"),
    ],
)
def test_a_function_is_known_by_its_handler_or_its_stand_in(handler: str, name: str) -> None:
    assert function_of(handler) == name
    assert api_id(SETTINGS, "east") == "payments-api-east-dev"


class Ledger:
    """Answers the sampler's question; (follows, connections, position, received) by site."""

    def __init__(self, directory: Path) -> None:
        self.settings = SETTINGS
        self.directory = directory
        self.rows: dict[str, Any] = {"east": (False, 20, 1000, 0), "west": (True, 9, 1000, 1000)}
        self.pids = {"postgres-east": 7}
        self.asked = threading.Event()

    @contextmanager
    def connect(self, site: str) -> Generator[Any]:
        self.asked.set()
        if site not in self.rows:
            raise LabError("it does not answer")
        row = self.rows[site]
        yield SimpleNamespace(execute=lambda _: SimpleNamespace(fetchone=lambda: row))

    def status(self) -> dict[str, Any]:
        return {"pids": self.pids}


@pytest.fixture(name="ledger")
def fixture_ledger(tmp_path: Path) -> Ledger:
    (tmp_path / "logs").mkdir()
    return Ledger(tmp_path)


class Clock:
    """A time that is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def read(said: list[str]) -> dict[str, dict[str, Any]]:
    """What was said last, by cluster; the lags under `lag`."""
    found: dict[str, dict[str, Any]] = {}
    for document in [json.loads(line) for line in said]:
        site = document["DBClusterIdentifier"].split("-")[-2]
        found["lag" if "SourceRegion" in document else site] = document
    said.clear()
    return found


def test_a_copy_that_stands_still_lags_more_and_more(ledger: Ledger) -> None:
    said: list[str] = []
    clock = Clock()
    made = Sampler(ledger, said.append, clock)  # type: ignore[arg-type] # the part that is used
    made.sample()
    found = read(said)
    assert found["east"]["DatabaseConnections"] == [20]
    assert found["lag"]["SourceRegion"] == "us-east-1"
    assert found["lag"]["AuroraGlobalDBRPOLag"] == [0]
    ledger.rows["east"] = (False, 21, 2000, 0)
    ledger.rows["west"] = (True, 9, 1000, 2000)
    made.sample()
    clock.now = 112.0
    made.sample()
    lag = read(said)["lag"]
    assert (lag["AuroraGlobalDBRPOLag"], lag["AuroraGlobalDBProgressLag"]) == ([12_000], [12_000])
    # What was received and not replayed is not lost with the writer.
    assert lag["AuroraGlobalDBReplicationLag"] == [0]


def test_a_server_that_does_not_answer_measures_nothing(ledger: Ledger) -> None:
    said: list[str] = []
    del ledger.rows["east"]
    ledger.rows["west"] = None
    Sampler(ledger, said.append, Clock()).sample()  # type: ignore[arg-type] # as above
    assert not said


class Process:
    """A server's processor time."""

    spent_s = 0.0
    gone: bool = False

    def __init__(self, pid: int = 7) -> None:
        if self.gone:
            raise psutil.NoSuchProcess(pid)
        self.ended = pid < 0

    def children(self) -> list["Process"]:
        return [Process(-1)]

    def cpu_times(self) -> Any:
        if self.ended:
            raise psutil.NoSuchProcess(1)
        return SimpleNamespace(user=Process.spent_s, system=0.0)


def test_a_server_is_as_busy_as_its_processes_were_since_the_look_before(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "Process", Process)
    monkeypatch.setattr(psutil, "cpu_count", lambda: 2)
    said: list[str] = []
    clock = Clock()
    made = Sampler(ledger, said.append, clock)  # type: ignore[arg-type] # as above
    made.sample()
    made.sample()
    assert "CPUUtilization" not in read(said)["east"]
    clock.now, Process.spent_s = 101.0, 1.0
    made.sample()
    found = read(said)
    assert found["east"]["CPUUtilization"] == [50]
    assert "CPUUtilization" not in found["west"]
    monkeypatch.setattr(Process, "gone", True)
    made.sample()
    assert "CPUUtilization" not in read(said)["east"]


def test_a_lab_is_sampled_into_a_log_of_its_own_until_it_ends(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "PERIOD_S", 0.001)
    with sampling(ledger):  # type: ignore[arg-type] # as above
        assert ledger.asked.wait(5)
    lines = (ledger.directory / "logs" / LOG).read_text().splitlines()
    assert {json.loads(line)["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines} <= {
        "AWS/RDS"
    }
