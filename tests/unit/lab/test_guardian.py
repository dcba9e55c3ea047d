import io
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from payment_dr.lab import guardian as guardian_module
from payment_dr.lab.guardian import Guardian, clear, kill_trees, main

SLEEP = [sys.executable, "-c", "input()"]
PARENT = (
    "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'input()']);"
    "print(child.pid, flush=True); child.wait()"
)


@pytest.fixture(name="started")
def fixture_started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def start(
    started: list[subprocess.Popen[str]], *arguments: str, cwd: Path | None = None
) -> subprocess.Popen[str]:
    # pylint: disable-next=consider-using-with; the fixture ends it
    process = subprocess.Popen(
        [*(arguments or SLEEP)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )
    started.append(process)
    return process


def test_when_the_pipe_ends_everything_recorded_is_killed_and_the_directory_removed(
    started: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    parent = start(started, sys.executable, "-c", PARENT)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    directory = tmp_path / "lab"
    (directory / "pg" / "east").mkdir(parents=True)
    main(io.StringIO(f"directory {directory}\npid {parent.pid}\nunknown\n"))
    assert parent.wait(5) == -signal.SIGKILL
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert not directory.exists()


def test_after_done_nothing_is_touched(
    started: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = start(started)
    Guardian().watch([f"directory {tmp_path}", f"pid {process.pid}", "done"])
    assert process.poll() is None
    assert tmp_path.exists()


def test_a_process_that_was_not_recorded_yet_is_found_by_its_arguments(
    started: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    unrecorded = start(started, *SLEEP, "--directory", str(tmp_path / "lab"))
    server = start(started, *SLEEP, "-D", str(tmp_path / "lab" / "pg" / "east"))
    other_lab = start(started, *SLEEP, "--directory", str(tmp_path / "lab2"))
    shell = start(started, cwd=tmp_path)
    Guardian().watch([f"directory {tmp_path / 'lab'}"])
    assert unrecorded.wait(5) == -signal.SIGKILL
    assert server.wait(5) == -signal.SIGKILL
    assert other_lab.poll() is None
    assert shell.poll() is None


def test_a_pid_that_is_not_there_any_more_is_nobodys(
    started: list[subprocess.Popen[str]],
) -> None:
    process = start(started)
    process.kill()
    process.communicate()
    Guardian().watch([f"pid {process.pid}"])


def test_a_pid_that_belongs_to_another_process_by_now_is_left_alone(
    started: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start(started)
    later = psutil.Process(process.pid).create_time() + 10

    def lines() -> Iterator[str]:
        yield f"pid {process.pid}"
        monkeypatch.setattr(psutil.Process, "_get_ident", lambda self: (self.pid, later))

    Guardian().watch(lines())
    assert process.poll() is None


def test_a_process_that_goes_while_its_state_is_read_is_gone(
    started: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(process: psutil.Process) -> str:
        raise psutil.NoSuchProcess(process.pid)

    process = start(started)
    monkeypatch.setattr(psutil.Process, "status", gone)
    kill_trees([psutil.Process(process.pid)])
    assert process.wait(5) == -signal.SIGKILL


def test_killing_what_is_gone_is_no_error(started: list[subprocess.Popen[str]]) -> None:
    process = start(started)
    known = psutil.Process(process.pid)
    process.kill()
    process.communicate()
    kill_trees([known])


def test_a_process_that_does_not_go_is_not_waited_for_without_end(
    started: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guardian_module, "_GONE_TIMEOUT_S", 0.05)
    monkeypatch.setattr(psutil.Process, "kill", lambda _: None)
    process = start(started)
    kill_trees([psutil.Process(process.pid)])
    assert process.poll() is None


def test_processes_that_keep_coming_end_the_search_after_some_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    monkeypatch.setattr(guardian_module, "_working_in", lambda _: [psutil.Process()])
    monkeypatch.setattr(guardian_module, "kill_trees", lambda _: passes.append(1))
    clear(tmp_path)
    assert len(passes) == 5


def test_a_process_that_vanishes_while_it_is_looked_at_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanished(process: psutil.Process) -> list[str]:
        raise psutil.NoSuchProcess(process.pid)

    monkeypatch.setattr(psutil.Process, "cmdline", vanished)
    clear(tmp_path / "absent")


def test_the_segments_of_killed_servers_are_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released: list[int] = []
    monkeypatch.setattr(guardian_module, "release_segment", released.append)
    for site, lock in (("east", "1\nd\n0\n1\n\n127.0.0.1\n 123 456\nready\n"), ("west", "1\n")):
        (tmp_path / "pg" / site).mkdir(parents=True)
        (tmp_path / "pg" / site / "postmaster.pid").write_text(lock)
    clear(tmp_path)
    assert released == [456]


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
