"""However a lab ends, nothing of it is left: no process, no port, no file."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.lab import supervisor as supervisor_module
from payment_dr.lab.addresses import LOOPBACK, AddressError, Addresses, Claim, claim_addresses
from payment_dr.lab.errors import LabError
from payment_dr.lab.shared_memory import release_segment, segment_of
from payment_dr.lab.signals import Terminated
from payment_dr.lab.supervisor import API_HANDLER, Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

SETTINGS = example("development")
SCRIPT = """
import json, signal, sys, threading
from pathlib import Path
from payment_dr.adapters.settings_file import example
from payment_dr.lab.supervisor import Lab

# A shell starts what it puts into the background deaf to Ctrl-C; these tests are about hearing it.
signal.signal(signal.SIGINT, signal.default_int_handler)
with Lab(example("development"), directory=Path(sys.argv[1]), schedules={}) as lab:
    print(json.dumps(lab.status()), flush=True)
    if sys.argv[2] == "raise":
        raise RuntimeError("the body fails")
    threading.Event().wait(120)
"""


def lab_process(directory: Path, then: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(directory), then],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def alive(pids: Iterable[int]) -> list[int]:
    found: list[int] = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except psutil.NoSuchProcess:
            continue
    return found


def postgres_children(status: dict[str, Any]) -> list[int]:
    servers = [pid for name, pid in status["pids"].items() if name.startswith("postgres")]
    return [child.pid for pid in servers for child in psutil.Process(pid).children(recursive=True)]


def assert_gone(pids: list[int], directory: Path, status: dict[str, Any]) -> None:
    deadline = time.monotonic() + 20
    while alive(pids) or directory.exists():
        assert time.monotonic() < deadline, (alive(pids), directory.exists())
        time.sleep(0.02)
    for port in (status["addresses"]["control_port"], status["addresses"]["dns_port"]):
        with socket.create_server((LOOPBACK, port)):
            pass


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGKILL, -signal.SIGKILL),
        (signal.SIGTERM, 128 + signal.SIGTERM),
        (signal.SIGINT, -signal.SIGINT),
    ],
)
def test_a_signal_to_the_supervisor_leaves_nothing(
    open_path: Path, number: signal.Signals, code: int
) -> None:
    directory = open_path / "lab"
    with lab_process(directory, "wait") as process:
        assert process.stdout is not None
        status = json.loads(process.stdout.readline())
        pids = [*status["pids"].values(), *postgres_children(status)]
        assert len(alive(pids)) == len(pids) > 15
        segments = [segment_of(directory / "pg" / site) for site in ("east", "west")]
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == code
    assert_gone(pids, directory, status)
    assert all(segment is not None and not release_segment(segment) for segment in segments)


def test_an_exception_in_the_body_leaves_nothing(open_path: Path) -> None:
    directory = open_path / "lab"
    with lab_process(directory, "raise") as process:
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the body fails" in errors
    status = json.loads(output)
    assert_gone([*status["pids"].values()], directory, status)


@pytest.mark.parametrize(
    ("api_handler", "schedules", "process"),
    [("no.such:handler", {}, "api"), (API_HANDLER, {"no.such:handler": 1.0}, "jobs")],
)
def test_a_part_that_does_not_start_shows_its_last_words_and_leaves_nothing(
    open_path: Path, api_handler: str, schedules: dict[str, float], process: str
) -> None:
    lab = Lab(SETTINGS, directory=open_path / "lab", api_handler=api_handler, schedules=schedules)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(LabError, match=rf"(?s){process}-\w+ ended .* status 1.*no handler"):
        lab.start()
    assert not (open_path / "lab").exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_port_that_is_taken_after_the_claim_is_named_and_nothing_is_left(
    open_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[socket.socket] = []

    def claim_and_take(*arguments: Any) -> Claim:
        claim = claim_addresses(*arguments)
        taken.append(socket.create_server((LOOPBACK, claim.addresses.postgres_port["east"])))
        return claim

    monkeypatch.setattr(supervisor_module, "claim_addresses", claim_and_take)
    with pytest.raises(AddressError, match=r"port \d+ is in use"):
        Lab(SETTINGS, directory=open_path / "lab", schedules={}).start()
    taken[0].close()
    assert not (open_path / "lab").exists()


def test_a_full_disk_is_named_and_nothing_is_left(
    open_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Addresses, directory: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))

    monkeypatch.setattr(Addresses, "write", full)
    with pytest.raises(LabError, match="no space is left for the lab"):
        Lab(SETTINGS, directory=open_path / "lab", schedules={}).start()
    assert not (open_path / "lab").exists()


def test_sigterm_during_the_start_ends_it_soon_and_leaves_nothing(open_path: Path) -> None:
    def interrupt(sentence: str) -> None:
        if sentence.startswith("AWS"):
            os.kill(os.getpid(), signal.SIGTERM)

    lab = Lab(SETTINGS, directory=open_path / "lab", schedules={}, progress=interrupt)
    with pytest.raises(Terminated):
        lab.start()
    assert not (open_path / "lab").exists()
    left = alive(child.pid for child in psutil.Process().children())
    assert not [pid for pid in left if str(open_path) in " ".join(psutil.Process(pid).cmdline())]
    lab.stop()


def test_two_labs_run_side_by_side(open_path: Path) -> None:
    with (
        Lab(SETTINGS, directory=open_path / "one", schedules={}) as one,
        Lab(SETTINGS, directory=open_path / "other", schedules={}) as other,
    ):
        assert one.status()["healthy"] == other.status()["healthy"] == ["east", "west"]
        one.kill_site("east")
        assert other.status()["healthy"] == ["east", "west"]
        assert one.status()["healthy"] == ["west"]
