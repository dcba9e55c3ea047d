"""The function package: one zip for all functions of both sites, the same bytes each time.

Entries are sorted and carry one date and one mode; the locked packages are wheels only, for the
platform of Lambda whatever machine builds it. Modules that the handlers import are compiled as
well (`package_bytecode`). The bytes also depend on the zlib that compresses them, and a little on
the Python that builds: two machines with different ones make packages of different hashes that do
the same, so one package is built and both sites get it.
"""

import base64
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.infra.package_bytecode import compiled, imported_modules
from payment_dr.infra.package_contents import imported, is_needed, own_files

SIZE_MAX_BYTES: Final = 50 * 1024 * 1024
"""Most that Lambda takes as a direct upload.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

PYTHON: Final = "3.13"
"""Version of Lambda's runtime, `python3.13`."""

_DATE: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o644 << 16
_LEVEL: Final = 9
_INSTALL_S: Final = 600


@unique
class Platform(StrEnum):
    """What the compiled parts are for."""

    LAMBDA = "aarch64-manylinux_2_28"
    """Lambda on arm64: Amazon Linux 2023 has glibc 2.34."""
    HERE = "here"
    """This machine and its Python, to import from the package what cannot run here otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionPackage:
    """A built package.

    Attributes:
        path: the zip, absolute.
        sha256: of the zip, in hex.
        size_bytes: of the zip.
        files: paths in it, sorted.
        why_not_compiled: what kept its builder from compiling the modules; empty if nothing did.
    """

    path: Path
    sha256: str
    size_bytes: int
    files: tuple[str, ...]
    why_not_compiled: str = ""

    @property
    def compiled(self) -> bool:
        """Whether what the handlers import is in it in compiled form too."""
        return any(path.endswith(".pyc") for path in self.files)

    @property
    def source_code_hash(self) -> str:
        """The hash as Lambda and Terraform write it: base64 of SHA-256."""
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()


def build(target: Path, platform: Platform = Platform.LAMBDA) -> FunctionPackage:
    """Build the package and put it at `target` in one step, so that no half of one is ever there.

    Modules that cannot be compiled are no reason not to deploy: the package starts slower then,
    and says why.

    Raises:
        PaymentDrError: the locked packages cannot be had, or the result is over Lambda's limit.
    """
    with tempfile.TemporaryDirectory(prefix="payment-dr-package-") as scratch:
        installed = Path(scratch) / "installed"
        _install(installed, platform)
        contents = {**installed_files(installed), **own_files(imported()[0])}
        added, why_not = _compiled(contents, platform)
        made = Path(scratch) / "package.zip"
        write(made, {**contents, **added})
        size = made.stat().st_size
        if size > SIZE_MAX_BYTES:
            raise PaymentDrError(
                f"the package has {size} bytes, Lambda takes {SIZE_MAX_BYTES}",
                remedy="look at payment-dr package --json for what is large",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        shutil.copyfile(made, partial)
        partial.replace(target)
    return replace(read(target), why_not_compiled=why_not)


def read(path: Path) -> FunctionPackage:
    """Describe a package that was built before.

    Raises:
        PaymentDrError: there is none, or it is no zip.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = tuple(sorted(archive.namelist()))
    except (OSError, zipfile.BadZipFile) as error:
        raise PaymentDrError(
            f"{path} is no package: {error}", remedy="payment-dr package"
        ) from error
    content = path.read_bytes()
    return FunctionPackage(
        path=path.absolute(),
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        files=names,
    )


def in_form_only(target: Path, why: str) -> FunctionPackage:
    """A package without code, for stacks whose functions will not be run from it."""
    write(target, {"README": why.encode()})
    return read(target)


def write(target: Path, contents: Mapping[str, bytes]) -> None:
    """Zip the contents so that equal contents make equal bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for path in sorted(contents):
            entry = zipfile.ZipInfo(path, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _MODE
            entry.create_system = 3  # Unix, also when built elsewhere
            archive.writestr(entry, contents[path])


def installed_files(directory: Path) -> dict[str, bytes]:
    """The needed files of packages that were installed there, by path."""
    found = (path for path in directory.rglob("*") if path.is_file())
    return {
        name: path.read_bytes()
        for path in found
        if is_needed(name := path.relative_to(directory).as_posix())
    }


def _install(directory: Path, platform: Platform) -> None:
    """Install the locked packages, wheels only, each checked against its hash."""
    where = (
        ["--python", sys.executable]
        if platform is Platform.HERE
        else ["--python-platform", platform, "--python-version", PYTHON]
    )
    with as_file(files("payment_dr.infra") / "functions.txt") as lock:
        command = [
            _uv(),
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "--target",
            str(directory),
            *where,
            "--requirement",
            str(lock),
        ]
        result = subprocess.run(  # noqa: S603 - our own interpreter's uv with fixed arguments
            command, capture_output=True, text=True, timeout=_INSTALL_S, check=False
        )
    if result.returncode != 0:
        raise PaymentDrError(
            f"the packages of the functions cannot be installed: {result.stderr.strip()}",
            remedy="look whether pip can reach its index from here, then run it again",
        )


def _compiled(contents: Mapping[str, bytes], platform: Platform) -> tuple[dict[str, bytes], str]:
    """The compiled modules, and why there are none."""
    if platform is Platform.HERE:
        return {}, "this machine's Python compiles for itself"
    try:
        return compiled(contents, imported_modules()), ""
    except PaymentDrError as error:
        return {}, error.what


def _uv() -> str:
    """The uv beside this Python, else the one on the path.

    Raises:
        PaymentDrError: there is none.
    """
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise PaymentDrError("uv is not installed", remedy="make setup-infra")
    return found
