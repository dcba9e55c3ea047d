"""Events of a run: one JSON object a line, in a file of each process's own, written as they happen.

A line is `{"time_ns": Unix time in ns, "name": ..., "site": name or null, "detail": {...}}`.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self


class EventLog:
    """Appends lines to one file; safe to call from any thread, and every line is whole.

    A line is one unbuffered write to a file opened for appending, so it is with the kernel when
    `write` returns and survives the process's own death.

    Args:
        path: the file, made with its directory if absent.
        now_ns: Unix time in nanoseconds.

    Raises:
        OSError: the file cannot be opened or, in `write`, the disk is full.
    """

    def __init__(self, path: Path, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._now_ns = now_ns

    def write(self, name: str, site: str | None = None, **detail: object) -> None:
        """Append one event; what JSON cannot say in `detail` is written as its `str`."""
        event = {"time_ns": self._now_ns(), "name": name, "site": site, "detail": detail}
        line = json.dumps(event, separators=(",", ":"), default=str)
        self._file.write(line.encode() + b"\n")

    def close(self) -> None:
        """Close the file; further writes raise ValueError."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
