"""Where an engine finds the stand-in, also when it looks for a package of a provider."""

import io
import os
import re
import tarfile
from pathlib import Path

import pytest

from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.aws_provider import install
from payment_dr.lab.aws_provider.schema import cache


def test_a_mirror_has_the_program_for_either_engine_as_often_as_it_is_installed(
    tmp_path: Path,
) -> None:
    install(tmp_path)
    first = {path: path.stat().st_ino for path in tmp_path.rglob("*") if path.is_file()}
    install(tmp_path)
    # Exchanged and not written anew: whatever runs or reads the first ones goes on.
    assert first.keys() == {path for path in tmp_path.rglob("*") if path.is_file()}
    assert all(path.stat().st_ino != inode for path, inode in first.items())
    programs = sorted(path for path in (tmp_path / "mirror").rglob("*") if path.is_file())
    assert [path.relative_to(tmp_path / "mirror").parts[:3] for path in programs] == [
        ("registry.opentofu.org", "hashicorp", "aws"),
        ("registry.terraform.io", "hashicorp", "aws"),
    ]
    for program in programs:
        version = program.parents[1].name
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert program.name == f"terraform-provider-aws_v{version}"
        assert os.access(program, os.X_OK)


def test_bindings_that_do_not_say_their_version_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bindings = tmp_path / "bindings.tgz"
    with tarfile.open(bindings, "w:gz") as files:
        for name in ("package/lib/acm/index.js", "package/README.md"):
            files.addfile(tarfile.TarInfo(name), io.BytesIO())
    monkeypatch.setattr(cache, "answer", bytes)
    monkeypatch.setattr(cache, "archive", lambda: bindings)
    with pytest.raises(PaymentDrError, match="does not say which version"):
        install(tmp_path / "there")
