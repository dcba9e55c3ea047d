"""Starting, watching and ending the processes of a lab, each by its own pid.

Every process is made known to the guardian as soon as it exists, has its own session (a
terminal's Ctrl-C reaches the supervisor alone) and writes into its own log file.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from payment_dr.lab.directory import LabDirectory, disk_errors
from payment_dr.lab.errors import LabError

_POLL_S: Final = 0.01
END_TIMEOUT_S: Final = 3.0
_KILL_TIMEOUT_S: Final = 5.0
_GUARDIAN_TIMEOUT_S: Final = 5.0
_TAIL_LINES: Final = 12
_TAIL_BYTES: Final = 4096
_FOREIGN: Final = ("AWS_", "PAYMENT_DR_", "PG")
"""Prefixes of variables of the user's shell that must not reach a process of the lab."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunAs:
    """Another user that a process runs as."""

    uid: int
    gid: int


class SwitchUser(TypedDict, total=False):
    """Arguments of `subprocess` that change the user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagedProcess:
    """A process of the lab that we started; `end_signal` asks it to end."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    end_signal: signal.Signals

    @property
    def pid(self) -> int:
        """Its process id, also after its end."""
        return self.popen.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.popen.poll() is None

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone; nothing when it already is."""
        with suppress(ProcessLookupError):
            self.popen.kill()
        self._wait(_KILL_TIMEOUT_S)

    def end(self) -> None:
        """Ask it to end, wait, and kill it if it does not."""
        self.ask_to_end()
        self.wait_or_kill(END_TIMEOUT_S)

    def wait_or_kill(self, timeout_s: float) -> None:
        """Wait for its end, and kill it if it takes longer."""
        try:
            self._wait(timeout_s)
        except LabError:
            self.kill()

    def ask_to_end(self) -> None:
        """Send `end_signal` without waiting."""
        with suppress(ProcessLookupError):
            self.popen.send_signal(self.end_signal)

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Poll `ready` until it holds.

        Raises:
            LabError: when the process ends before, or the time is over; with its last words.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            self.require_alive()
            if time.monotonic() > deadline:
                raise LabError(
                    f"{self.name} was not ready after {timeout_s:g} s:\n{self.last_words()}",
                    remedy="give it more time with lab.start_timeout_s in the settings",
                )
            time.sleep(_POLL_S)

    def require_alive(self) -> None:
        """Raise `LabError`, with its last words, if it has ended although nobody asked it to."""
        if not self.alive:
            raise LabError(
                f"{self.name} ended by itself with status {self.popen.returncode}:\n"
                f"{self.last_words()}"
            )

    def last_words(self) -> str:
        """The end of its log, indented."""
        tail = self.log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
        return "\n".join(f"    {line}" for line in tail.splitlines()[-_TAIL_LINES:])

    def _wait(self, timeout_s: float) -> None:
        try:
            self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise LabError(
                f"{self.name} (pid {self.pid}) did not end in {timeout_s:g} s"
            ) from error


class Launcher:
    """Starts processes under a guardian, and ends all of them."""

    def __init__(self, directory: LabDirectory) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._processes: list[ManagedProcess] = []
        self._closed = False
        reading, writing = os.pipe()
        self._wire = os.fdopen(writing, "w", buffering=1)
        with os.fdopen(reading) as lines:
            # pylint: disable-next=consider-using-with; it ends in `close`
            self._guardian = subprocess.Popen(
                [sys.executable, "-m", "payment_dr.lab.guardian"],
                stdin=lines,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=base_environment(),
                cwd="/",
                start_new_session=True,
            )
        self._tell(f"directory {directory.root}")

    @property
    def pids(self) -> dict[str, int]:
        """Pids of the processes that are alive, by name, and of the guardian."""
        with self._lock:
            alive = {process.name: process.pid for process in self._processes if process.alive}
        return {"guardian": self._guardian.pid, **alive}

    def start(
        self,
        name: str,
        arguments: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        run_as: RunAs | None = None,
        end_signal: signal.Signals = signal.SIGTERM,
    ) -> ManagedProcess:
        """Start a program with exactly this environment, its output going to `logs/<name>.log`.

        Raises:
            LabError: when the launcher is closed, the guardian is gone or the disk is full.
        """
        log = self._directory.logs / f"{name}.log"
        with self._lock:
            if self._closed:
                raise LabError(f"the lab is ending; {name} is not started any more")
            with disk_errors(log), log.open("ab") as output:
                # pylint: disable-next=consider-using-with; it outlives this call
                popen = subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd="/",
                    start_new_session=True,
                    **switch_user(run_as),
                )
            process = ManagedProcess(name=name, popen=popen, log=log, end_signal=end_signal)
            self._processes = [*(p for p in self._processes if p.alive), process]
            self._tell(f"pid {popen.pid}")
        return process

    def start_module(
        self,
        name: str,
        module: str,
        *arguments: str | Path,
        environment: Mapping[str, str] | None = None,
    ) -> ManagedProcess:
        """Start `python -m module --directory <lab> arguments`, the environment added to ours."""
        return self.start(
            name,
            [sys.executable, "-m", module, "--directory", self._directory.root, *arguments],
            environment={**base_environment(), **(environment or {})},
        )

    def close(self) -> None:
        """End every process and the guardian; the directory is the caller's."""
        self.end_all()
        self.dismiss_guardian()

    def end_all(self) -> None:
        """End every process and start no more; the guardian stays."""
        with self._lock:
            self._closed = True
            processes = tuple(self._processes)
        for process in processes:
            process.ask_to_end()
        deadline = time.monotonic() + END_TIMEOUT_S
        for process in processes:
            process.wait_or_kill(max(0.0, deadline - time.monotonic()))

    def dismiss_guardian(self) -> None:
        """Tell the guardian that nothing is left to do; nothing when it is gone."""
        if self._wire.closed:
            return
        with suppress(LabError):
            self._tell("done")
        with suppress(BrokenPipeError):
            self._wire.close()
        try:
            self._guardian.wait(_GUARDIAN_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._guardian.kill()
            self._guardian.wait(_KILL_TIMEOUT_S)

    def _tell(self, line: str) -> None:
        try:
            self._wire.write(f"{line}\n")
            self._wire.flush()
        except BrokenPipeError as error:
            raise LabError(
                "the lab's guardian has ended; without it nothing new is started",
                remedy="end this lab and start another",
            ) from error


def base_environment() -> dict[str, str]:
    """The user's environment without what would change the lab: other AWS, PostgreSQL, settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
    return {
        **kept,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }


def switch_user(run_as: RunAs | None) -> SwitchUser:
    """Arguments of `subprocess` to run as that user; none for the current one."""
    if run_as is None:
        return {}
    return {"user": run_as.uid, "group": run_as.gid, "extra_groups": []}
