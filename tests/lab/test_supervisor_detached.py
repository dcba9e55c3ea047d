"""Labs in the background: how they start, how they end, and what may go wrong."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.core.settings import Settings
from payment_dr.lab import detached
from payment_dr.lab.addresses import addresses_from
from payment_dr.lab.detached import end_detached, start_detached
from payment_dr.lab.errors import LabError
from payment_dr.lab.http_call import call_json
from payment_dr.lab.registry import LabRecord, Registry

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

SETTINGS = example("development")


@pytest.fixture(name="registry")
def fixture_registry(tmp_path: Path) -> Iterator[Registry]:
    registry = Registry(tmp_path)
    yield registry
    for record in registry.all():
        end_detached(record, registry)


def until_gone(directory: Path) -> None:
    deadline = time.monotonic() + 20
    while directory.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_detached_lab_is_ready_when_it_is_announced_and_ends_when_asked(
    registry: Registry,
) -> None:
    heard: list[str] = []
    record = start_detached(SETTINGS, "mine", registry, heard.append)
    assert record == registry.get("mine")
    assert any(sentence.startswith("site east ready") for sentence in heard)
    status = call_json(record.control_port, "GET", "/status", timeout_s=10)
    assert status["healthy"] == ["east", "west"]
    end_detached(record, registry)
    assert not record.directory.exists()
    assert not record.alive
    assert registry.all() == ()


def test_a_detached_lab_may_be_empty(registry: Registry) -> None:
    heard: list[str] = []
    record = start_detached(SETTINGS, "bare", registry, heard.append, empty=True)
    status = call_json(record.control_port, "GET", "/status", timeout_s=10)
    assert (status["bare"], status["healthy"], status["merchant_keys"]) == (True, [], {})
    assert status["ledger"]["alive"] == ["east", "west"]
    assert not {"api-east", "jobs-east", "tasks-east"} & status["pids"].keys()
    assert not any("AWS resources" in sentence for sentence in heard)


def test_a_supervisor_that_does_not_answer_is_killed_and_its_guardian_clears(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = start_detached(SETTINGS, "mine", registry, lambda _: None)
    os.kill(record.pid, signal.SIGSTOP)
    monkeypatch.setattr(detached, "_CALL_TIMEOUT_S", 0.1)
    monkeypatch.setattr(detached, "_END_TIMEOUT_S", 0.5)
    end_detached(record, registry)
    until_gone(record.directory)
    assert registry.all() == ()


def test_a_lab_that_does_not_start_says_why_and_is_not_recorded(
    registry: Registry,
) -> None:
    late = SETTINGS.model_copy(
        update={"lab": SETTINGS.lab.model_copy(update={"start_timeout_s": 0.01})}
    )
    with pytest.raises(LabError, match="was not ready after"):
        start_detached(late, "mine", registry, lambda _: None)
    assert registry.all() == ()


def test_who_stops_listening_during_the_start_ends_the_lab(registry: Registry) -> None:
    def interrupt(sentence: str) -> None:
        raise KeyboardInterrupt(sentence)

    with pytest.raises(KeyboardInterrupt):
        start_detached(SETTINGS, "mine", registry, interrupt)
    children = psutil.Process().children()
    alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    assert not [child for child in alive if "payment_dr.lab.detached" in child.cmdline()]
    assert registry.all() == ()


def with_main(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program in place of the supervisor."""
    popen = subprocess.Popen

    def other(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        assert "payment_dr.lab.detached" in command
        return popen([sys.executable, "-c", code], **options)

    monkeypatch.setattr(subprocess, "Popen", other)


def test_a_supervisor_that_just_ends_is_an_error(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_main("raise SystemExit(7)", monkeypatch)
    with pytest.raises(LabError, match="ended before the lab was ready"):
        start_detached(SETTINGS, "mine", registry, lambda _: None)


def test_a_supervisor_that_leaves_no_record_is_an_error(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_main("print('{\"ready\": true}', flush=True); input()", monkeypatch)
    with pytest.raises(LabError, match="ended right after its start"):
        start_detached(SETTINGS, "mine", registry, lambda _: None)


def test_a_supervisor_that_is_gone_already_is_no_error(registry: Registry, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    record = LabRecord(
        name="gone", pid=process.pid, started=1.0, directory=tmp_path / "x", control_port=1
    )
    end_detached(record, registry)


class InstantLab:
    """A lab without processes."""

    place: Path

    def __init__(self, settings: Settings, *, empty: bool, progress: Any) -> None:
        assert settings == SETTINGS
        assert not empty
        self._progress = progress
        self.directory = self.place
        self.addresses = addresses_from(SETTINGS, 20_000)
        self.ended = self

    def __enter__(self) -> Self:
        self._progress("almost there")
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def wait(self) -> None:
        """Nothing to wait for."""


def reports_of(monkeypatch: pytest.MonkeyPatch, registry: Registry) -> list[dict[str, Any]]:
    """Run the supervisor's main program here, and return what it reported."""
    read, write = os.pipe()
    monkeypatch.setattr(sys, "stdin", io.StringIO(SETTINGS.model_dump_json()))
    with os.fdopen(write, "w") as output, os.fdopen(read) as pipe:
        monkeypatch.setattr(sys, "stdout", output)
        try:
            detached.main(["--name", "here", "--registry", str(registry.place)])
        finally:
            monkeypatch.undo()
            output.close()
        return [json.loads(line) for line in pipe]


def test_the_supervisor_reports_until_it_is_ready(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "logs").mkdir()
    monkeypatch.setattr(InstantLab, "place", tmp_path, raising=False)
    monkeypatch.setattr(detached, "Lab", InstantLab)
    assert reports_of(monkeypatch, registry) == [{"progress": "almost there"}, {"ready": True}]
    assert registry.all() == ()
