"""A lab's directory: what lies where, and one way to make and remove it.

The directory may be entered but not listed by other users: PostgreSQL, started by root, runs as
another user and works inside it.
"""

import errno
import json
import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import Addresses
from payment_dr.lab.errors import LabError


@dataclass(frozen=True, kw_only=True, slots=True)
class LabDirectory:
    """The paths of one lab below `root`."""

    root: Path

    @property
    def logs(self) -> Path:
        """Output of each process, `<process>.log`."""
        return self.root / "logs"

    @property
    def events(self) -> Path:
        """What each process reports, `<process>.jsonl`."""
        return self.root / "events"

    @property
    def postgres(self) -> Path:
        """Data directories by site, and the old ones that were kept."""
        return self.root / "pg"

    @property
    def resources_ready(self) -> Path:
        """Exists once the AWS resources and the schema do; scheduled functions wait for it."""
        return self.root / "resources-ready"

    @classmethod
    def create(cls, root: Path | None = None) -> Self:
        """Make the directory, a temporary one unless given; an existing one must be empty.

        Raises:
            LabError: when it is not empty or cannot be made.
        """
        with disk_errors(root):
            if root is None:
                root = Path(tempfile.mkdtemp(prefix="payment-dr-"))
            root.mkdir(parents=True, exist_ok=True)
            if any(root.iterdir()):
                raise LabError(f"{root} is not empty; a lab takes an empty or a new directory")
            directory = cls(root=root.resolve())
            try:
                directory._fill()
            except OSError:
                directory.remove()
                raise
        return directory

    def _fill(self) -> None:
        for path in (self.logs, self.events, self.postgres):
            path.mkdir()
        for path in (self.root, self.postgres):
            path.chmod(0o711)

    def write(self, settings: Settings, addresses: Addresses) -> None:
        """Write `settings.json` and `lab.json`."""
        with disk_errors(self.root):
            (self.root / "settings.json").write_text(settings.model_dump_json(), encoding="utf-8")
            addresses.write(self.root)

    def write_environment(self, site: str, environment: Mapping[str, str]) -> None:
        """Keep the environment of a site's functions that were deployed."""
        path = environment_file(self.root, site)
        with disk_errors(path):
            path.write_text(json.dumps(environment), encoding="utf-8")

    def remove(self) -> None:
        """Remove everything; nothing when it is already gone."""
        shutil.rmtree(self.root, ignore_errors=True)


def environment_file(root: Path, site: str) -> Path:
    """Where the environment of a site's deployed functions is, in the lab in `root`."""
    return root / f"environment-{site}.json"


def read_settings(root: Path) -> Settings:
    """Settings of the lab in `root`."""
    return Settings.model_validate_json((root / "settings.json").read_bytes())


@contextmanager
def disk_errors(place: Path | None) -> Generator[None]:
    """Turn what the file system refuses into a `LabError` that says what to do."""
    try:
        yield
    except OSError as error:
        where = error.filename or place or tempfile.gettempdir()
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise LabError(
                f"no space is left for the lab at {where}; it needs about 300 MB",
                remedy="free some, or set TMPDIR to a directory on a larger disk",
            ) from error
        raise LabError(f"the lab cannot use {where}: {error.strerror}") from error
