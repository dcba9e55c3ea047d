import errno
import os
import stat
from pathlib import Path
from random import Random
from typing import Any

import pytest

from payment_dr.adapters.settings_file import example
from payment_dr.lab.addresses import Addresses, choose_addresses
from payment_dr.lab.directory import LabDirectory, disk_errors, read_settings
from payment_dr.lab.errors import LabError


def test_a_new_directory_can_be_entered_but_not_listed_by_others(tmp_path: Path) -> None:
    directory = LabDirectory.create(tmp_path / "deep" / "lab")
    for path in (directory.root, directory.postgres):
        assert stat.S_IMODE(path.stat().st_mode) == 0o711
    assert directory.logs.is_dir()
    assert directory.events.is_dir()
    assert not directory.resources_ready.exists()


def test_a_temporary_directory_is_made_and_removed() -> None:
    directory = LabDirectory.create()
    assert directory.root.is_dir()
    directory.remove()
    assert not directory.root.exists()
    directory.remove()


def test_a_directory_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(LabError, match="is not empty"):
        LabDirectory.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_processes_read_the_settings_and_addresses_that_were_written(tmp_path: Path) -> None:
    settings = example("development")
    addresses = choose_addresses(settings, Random(5))
    directory = LabDirectory.create(tmp_path)
    directory.write(settings, addresses)
    assert read_settings(tmp_path) == settings
    assert Addresses.read(tmp_path) == addresses


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_says_how_much_is_needed_and_where_else_to_go(code: int) -> None:
    full = pytest.raises(LabError, match="no space is left for the lab at /big")
    with full as caught, disk_errors(Path("/big")):
        raise OSError(code, os.strerror(code))
    assert "TMPDIR" in caught.value.remedy


def test_a_directory_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match=r"cannot use .*file/lab: Not a directory"):
        LabDirectory.create(tmp_path / "file" / "lab")


def test_a_disk_that_is_full_at_the_first_directory_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = Path.mkdir

    def full(path: Path, *args: Any, **kwargs: Any) -> None:
        if path.name == "events":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        mkdir(path, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(LabError, match="no space is left"):
        LabDirectory.create(tmp_path / "lab")
    assert not (tmp_path / "lab").exists()
