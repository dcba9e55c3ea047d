"""The small System V segment by which PostgreSQL guards its data directory.

A server that gets SIGKILL leaves it behind, and no directory removed takes it along. The kernel
allows some four thousand, so a lab that kills servers for a living gives them back.
"""

import ctypes
from pathlib import Path
from typing import Final

_IPC_RMID: Final = 0
_SHARED_MEMORY_LINE: Final = 6
"""Line of postmaster.pid (from 0) with the segment's key and id, see PostgreSQL's pidfile.h."""


def segment_of(data_directory: Path) -> int | None:
    """Id of the segment that the data directory's lock file names, if any."""
    try:
        lines = (data_directory / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return int(lines[_SHARED_MEMORY_LINE].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def release_segment(segment: int) -> bool:
    """Remove the segment once its last process is gone; False when it is not there."""
    status: int = ctypes.CDLL(None).shmctl(segment, _IPC_RMID, None)
    return status == 0
