"""Ends what a lab started when its supervisor no longer can, after SIGKILL or a crash.

Reads its standard input, a pipe held by the supervisor alone: `pid N` for each process started,
`directory D` for the directory to remove, `done` when the supervisor has ended everything itself.
End of file without `done` means that the supervisor died: the recorded processes get SIGKILL,
those that were started but not yet recorded are found by the directory in their arguments, and
the directory is removed. A recorded pid is only killed while its start time is the recorded one.
"""

import shutil
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import IO, Final

import psutil

from payment_dr.lab.shared_memory import release_segment, segment_of

_GONE_TIMEOUT_S: Final = 5.0
_POLL_S: Final = 0.01
_PASSES_MAX: Final = 5
_DIRECTORY_OPTIONS: Final = frozenset({"--directory", "-D"})


class Guardian:
    """What was recorded so far, and the end of it all."""

    def __init__(self) -> None:
        self._processes: dict[int, psutil.Process] = {}
        self._directory: Path | None = None

    def watch(self, lines: Iterable[str]) -> None:
        """Follow the supervisor's lines to their end; clean up unless it says `done`."""
        for line in lines:
            word, _, rest = line.strip().partition(" ")
            if word == "done":
                return
            if word == "pid":
                self._record(int(rest))
            elif word == "directory":
                self._directory = Path(rest)
        self.clean_up()

    def clean_up(self) -> None:
        """Kill the recorded processes and what else works in the directory, then remove it."""
        kill_trees([p for p in self._processes.values() if _alive(p)])
        if self._directory is not None:
            clear(self._directory)

    def _record(self, pid: int) -> None:
        with suppress(psutil.NoSuchProcess):
            self._processes[pid] = psutil.Process(pid)


def clear(directory: Path) -> None:
    """Kill every process that was given the directory, and remove it with what hangs on it."""
    for _ in range(_PASSES_MAX):
        found = _working_in(directory)
        if not found:
            break
        kill_trees(found)
    for data_directory in directory.glob("pg/*"):
        segment = segment_of(data_directory)
        if segment is not None:
            release_segment(segment)
    shutil.rmtree(directory, ignore_errors=True)


def kill_trees(processes: Sequence[psutil.Process]) -> None:
    """SIGKILL to the processes and all their descendants, and wait until they are gone.

    Parents come first, so that none sees its child die and does something about it.
    """
    doomed = list(processes)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            doomed += process.children(recursive=True)
    for process in doomed:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + _GONE_TIMEOUT_S
    while any(_alive(process) for process in doomed) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie is dead, and in a container may never be reaped."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _working_in(directory: Path) -> list[psutil.Process]:
    """Processes with `--directory D` or `-D D/...` in their arguments; no shell inside D."""
    return [
        process
        for process in psutil.process_iter()
        if _names(_arguments(process), directory) and _alive(process)
    ]


def _names(arguments: Sequence[str], directory: Path) -> bool:
    return any(
        option in _DIRECTORY_OPTIONS and Path(value).is_relative_to(directory)
        for option, value in pairwise(arguments)
    )


def _arguments(process: psutil.Process) -> Sequence[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return ()


def main(lines: IO[str]) -> None:
    """Run as a process: deaf to what a terminal sends to its whole group."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    Guardian().watch(lines)


if __name__ == "__main__":
    main(sys.stdin)
