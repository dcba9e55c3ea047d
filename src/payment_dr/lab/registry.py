"""The labs that `payment-dr lab up` started: one small file each, in a directory of the user's own.

That is `$XDG_RUNTIME_DIR/payment-dr`, or `payment-dr-<uid>` in the directory for temporary files.
A lab whose supervisor is dead is stale: its guardian has cleaned up, unless it was killed too or
the machine was restarted, so `forget` clears what is left.
"""

import json
import os
import re
import stat
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import psutil

from payment_dr.lab.directory import disk_errors
from payment_dr.lab.errors import LabError
from payment_dr.lab.guardian import clear

DEFAULT_NAME: Final = "lab"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_OWNER_ONLY: Final = 0o700


@dataclass(frozen=True, kw_only=True, slots=True)
class LabRecord:
    """A lab that was started: its supervisor, by pid and start time, and where to reach it."""

    name: str
    pid: int
    started: float
    directory: Path
    control_port: int

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        try:
            process = psutil.Process(self.pid)
            running = process.status() != psutil.STATUS_ZOMBIE
            return running and process.create_time() == self.started
        except psutil.NoSuchProcess:
            return False

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        raw: dict[str, Any] = json.loads(text)
        raw["directory"] = Path(raw["directory"])
        return cls(**raw)

    def to_json(self) -> str:
        """The form of the file."""
        return json.dumps({**asdict(self), "directory": str(self.directory)}) + "\n"


class Registry:
    """The records in one directory."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def log_of(self, name: str) -> Path:
        """Where a supervisor of that name in the background writes what goes wrong."""
        return self.place / f"{_checked(name)}.log"

    def add(self, record: LabRecord) -> None:
        """Write the record.

        Raises:
            LabError: when there is one of that name.
        """
        partial = self.place / f".{record.name}-{record.pid}"
        with disk_errors(self.place):
            partial.write_text(record.to_json(), encoding="utf-8")
            try:
                self._file(record.name).hardlink_to(partial)
            except FileExistsError as error:
                raise LabError(
                    f"a lab named {record.name!r} has been started meanwhile",
                    remedy="give another --name",
                ) from error
            finally:
                partial.unlink()

    def remove(self, name: str) -> None:
        """Remove the record and the log of a lab that has ended."""
        self._file(name).unlink(missing_ok=True)
        self.log_of(name).unlink(missing_ok=True)

    def get(self, name: str) -> LabRecord | None:
        """The record of that name, also a stale one."""
        try:
            return LabRecord.from_json(self._file(name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise LabError(
                f"{self._file(name)} is damaged: {error}", remedy="remove it, and what it names"
            ) from error

    def all(self) -> tuple[LabRecord, ...]:
        """Every record, by name."""
        found = (self.get(path.stem) for path in sorted(self.place.glob("[a-z0-9]*.json")))
        return tuple(record for record in found if record is not None)

    def forget(self, record: LabRecord) -> None:
        """Clear what a dead supervisor left, and remove its record."""
        clear(record.directory)
        self.remove(record.name)

    def forget_stale(self) -> tuple[str, ...]:
        """Forget every lab whose supervisor is dead, and name them."""
        stale = [record for record in self.all() if not record.alive]
        for record in stale:
            self.forget(record)
        return tuple(record.name for record in stale)

    def _file(self, name: str) -> Path:
        return self.place / f"{_checked(name)}.json"


def this_process(name: str, *, directory: Path, control_port: int) -> LabRecord:
    """The record of a lab that the current process supervises."""
    return LabRecord(
        name=name,
        pid=os.getpid(),
        started=psutil.Process().create_time(),
        directory=directory,
        control_port=control_port,
    )


def user_registry() -> Registry:
    """The current user's registry; made if absent.

    Raises:
        LabError: when its directory belongs to somebody else, who could make us kill things.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        place = Path(runtime) / "payment-dr"
    else:
        place = Path(tempfile.gettempdir()) / f"payment-dr-{os.geteuid()}"
    with disk_errors(place):
        with suppress(FileExistsError):
            place.mkdir(mode=_OWNER_ONLY, parents=True)
        found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise LabError(f"{place} is not a directory of yours", remedy="remove it, or set TMPDIR")
    return Registry(place)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise LabError(f"a lab's name is 1 to 31 of a-z, 0-9 and -, not {name!r}")
    return name
