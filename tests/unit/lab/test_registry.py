import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from payment_dr.lab.errors import LabError
from payment_dr.lab.registry import LabRecord, Registry, this_process, user_registry


@pytest.fixture(name="registry")
def fixture_registry(tmp_path: Path) -> Registry:
    (tmp_path / "records").mkdir()
    return Registry(tmp_path / "records")


def mine(name: str, directory: Path) -> LabRecord:
    return this_process(name, directory=directory, control_port=20_000)


def dead(name: str, directory: Path) -> LabRecord:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return LabRecord(
        name=name, pid=process.pid, started=1.0, directory=directory, control_port=20_000
    )


def test_a_record_is_found_again_by_its_name(registry: Registry, tmp_path: Path) -> None:
    record = mine("lab", tmp_path)
    registry.add(record)
    assert registry.get("lab") == record
    assert registry.all() == (record,)
    assert record.alive
    registry.remove("lab")
    registry.remove("lab")
    assert registry.get("lab") is None
    assert not list(registry.place.iterdir())


def test_a_name_is_given_once(registry: Registry, tmp_path: Path) -> None:
    registry.add(mine("lab", tmp_path))
    with pytest.raises(LabError, match="'lab' has been started meanwhile"):
        registry.add(mine("lab", tmp_path))
    assert [path.name for path in registry.place.iterdir()] == ["lab.json"]


def test_a_pid_with_another_start_time_is_another_process(tmp_path: Path) -> None:
    record = LabRecord(name="lab", pid=os.getpid(), started=1.0, directory=tmp_path, control_port=1)
    assert not record.alive


def test_a_zombie_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil.Process, "status", lambda _: psutil.STATUS_ZOMBIE)
    assert not mine("lab", tmp_path).alive


def test_what_a_dead_supervisor_left_is_cleared(registry: Registry, tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", "input()", "--directory", str(left)], stdin=subprocess.PIPE
    ) as orphan:
        registry.add(dead("stale", left))
        registry.add(mine("live", tmp_path))
        assert registry.forget_stale() == ("stale",)
        assert orphan.wait(10) < 0
    assert not left.exists()
    assert [record.name for record in registry.all()] == ["live"]
    assert tmp_path.exists()


@pytest.mark.parametrize("text", ["{", "{}", json.dumps({"directory": "/x", "town": 1})])
def test_a_damaged_record_is_named(registry: Registry, text: str) -> None:
    (registry.place / "lab.json").write_text(text)
    with pytest.raises(LabError, match=r"lab\.json is damaged"):
        registry.all()


@pytest.mark.parametrize("name", ["", "../x", "A", "x" * 32, "-x"])
def test_a_name_that_would_leave_the_directory_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(LabError, match="a lab's name is"):
        registry.get(name)
    with pytest.raises(LabError, match="a lab's name is"):
        registry.log_of(name)


def test_records_are_kept_in_the_users_runtime_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert user_registry().place == tmp_path / "payment-dr"
    assert user_registry().place.stat().st_mode & 0o777 == 0o700


def test_without_a_runtime_directory_they_are_among_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert user_registry().place == tmp_path / f"payment-dr-{os.geteuid()}"


def test_a_directory_that_somebody_else_has_put_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "payment-dr").symlink_to(tmp_path)
    with pytest.raises(LabError, match="is not a directory of yours"):
        user_registry()
