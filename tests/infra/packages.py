"""The function package, built once for all tests of a run: for Lambda, and for this machine."""

import zipfile
from pathlib import Path

import pytest

from fakes.once import once
from payment_dr.infra.package import FunctionPackage, Platform, build, read

_ZIP = "functions.zip"
_UNPACKED = "unpacked"


def for_lambda(factory: pytest.TempPathFactory) -> FunctionPackage:
    """As it is deployed."""
    return read(once(factory, "package", lambda at: build(at / _ZIP)) / _ZIP)


def for_this_machine(factory: pytest.TempPathFactory) -> Path:
    """The same sources with compiled parts for this machine.

    Unpacked, as Lambda does: no import takes libpq and the Rust parts out of a zip.
    """

    def make(at: Path) -> None:
        with zipfile.ZipFile(build(at / _ZIP, Platform.HERE).path) as archive:
            archive.extractall(at / _UNPACKED)

    return once(factory, "package-here", make) / _UNPACKED
