import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from payment_dr.lab import processes as processes_module
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.errors import LabError
from payment_dr.lab.processes import (
    Launcher,
    ManagedProcess,
    RunAs,
    base_environment,
    switch_user,
)

WAIT_FOR_EVER = "import signal; print('up', flush=True); signal.pause()"
DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); [signal.pause() for _ in range(9)]"
)


@pytest.fixture(name="directory")
def fixture_directory(tmp_path: Path) -> LabDirectory:
    return LabDirectory.create(tmp_path / "lab")


@pytest.fixture(name="launcher")
def fixture_launcher(directory: LabDirectory) -> Iterator[Launcher]:
    launcher = Launcher(directory)
    yield launcher
    launcher.close()


def start(launcher: Launcher, code: str, name: str = "child") -> ManagedProcess:
    process = launcher.start(name, [sys.executable, "-c", code], environment=base_environment())
    process.wait_until(lambda: b"up" in process.log.read_bytes(), 20)
    return process


def test_a_started_process_is_listed_until_it_ends(launcher: Launcher) -> None:
    process = start(launcher, WAIT_FOR_EVER)
    assert launcher.pids["child"] == process.pid
    assert psutil.pid_exists(launcher.pids["guardian"])
    process.end()
    assert not process.alive
    assert "child" not in launcher.pids
    process.kill()
    process.ask_to_end()


def test_a_module_gets_the_labs_directory_and_its_own_variables(
    launcher: Launcher, directory: LabDirectory
) -> None:
    process = launcher.start_module("json", "json.tool", "--help", environment={"X": "1"})
    assert process.popen.wait(20) == 2, "json.tool does not know --directory"
    assert str(directory.root) in process.last_words() or "usage" in process.last_words()


def test_a_process_that_dies_before_it_is_ready_shows_its_last_words(launcher: Launcher) -> None:
    process = launcher.start(
        "doomed",
        [sys.executable, "-c", "raise SystemExit('the disk is on fire')"],
        environment=base_environment(),
    )
    with pytest.raises(
        LabError, match=r"doomed ended by itself with status 1:\n    the disk is on fire"
    ):
        process.wait_until(lambda: False, 20)


def test_a_process_that_is_not_ready_in_time_shows_its_last_words(launcher: Launcher) -> None:
    process = start(launcher, WAIT_FOR_EVER)
    with pytest.raises(LabError, match=r"not ready after 0\.05 s:\n    up"):
        process.wait_until(lambda: False, 0.05)


def test_a_process_that_does_not_listen_is_killed(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes_module, "END_TIMEOUT_S", 0.05)
    process = start(launcher, DEAF)
    process.end()
    assert process.popen.returncode == -signal.SIGKILL


def test_closing_ends_all_and_lets_nothing_new_start(directory: LabDirectory) -> None:
    launcher = Launcher(directory)
    one, other = start(launcher, WAIT_FOR_EVER, "one"), start(launcher, WAIT_FOR_EVER, "other")
    guardian = launcher.pids["guardian"]
    launcher.close()
    assert not one.alive
    assert not other.alive
    assert not psutil.pid_exists(guardian)
    assert directory.root.exists(), "the directory is the caller's"
    with pytest.raises(LabError, match="late is not started any more"):
        launcher.start("late", ["true"], environment={})
    launcher.close()


def test_without_its_guardian_nothing_new_is_left_running(launcher: Launcher) -> None:
    os.kill(launcher.pids["guardian"], signal.SIGKILL)
    psutil.wait_procs([psutil.Process(launcher.pids["guardian"])], timeout=5)
    with pytest.raises(LabError, match="guardian has ended"):
        start(launcher, WAIT_FOR_EVER)


def test_a_guardian_that_does_not_go_is_killed(
    directory: LabDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = Launcher(directory)
    guardian = psutil.Process(launcher.pids["guardian"])
    guardian.suspend()
    monkeypatch.setattr(processes_module, "_GUARDIAN_TIMEOUT_S", 0.05)
    launcher.close()
    assert not guardian.is_running()


def test_variables_of_the_users_own_clouds_and_databases_do_not_get_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_PROFILE", "PAYMENT_DR_SITE", "PGHOST"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("LANG", "C")
    environment = base_environment()
    assert "mine" not in environment.values()
    assert environment["LANG"] == "C"
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"


def test_another_user_comes_without_the_callers_groups() -> None:
    assert switch_user(RunAs(uid=7, gid=8)) == {"user": 7, "group": 8, "extra_groups": []}
    assert not switch_user(None)


def test_a_supervisor_that_gets_sigkill_leaves_no_process_and_no_directory(
    tmp_path: Path,
) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from payment_dr.lab.directory import LabDirectory\n"
        "from payment_dr.lab.processes import Launcher, base_environment\n"
        f"launcher = Launcher(LabDirectory.create(Path({str(tmp_path / 'lab')!r})))\n"
        f"command = [sys.executable, '-c', {DEAF!r}]\n"
        "launcher.start('child', command, environment=base_environment())\n"
        "print(*launcher.pids.values(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == -signal.SIGKILL
    left = [psutil.Process(int(pid)) for pid in ended.stdout.split() if psutil.pid_exists(int(pid))]
    _, alive = psutil.wait_procs(left, timeout=20)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert not (tmp_path / "lab").exists()
