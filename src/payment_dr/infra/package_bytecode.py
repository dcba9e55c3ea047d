"""Compiled modules for the function package: Lambda cannot keep what it compiles.

Its `/var/task` is read-only, so each cold start would compile every module anew, half of the time
that importing takes. Bytecode is the same for every machine, but belongs to one minor version of
Python: what compiles here is CPython 3.13 as WebAssembly (the npm package `pyodide`, pinned by
hash), run by the Node that is installed from PyPI with the bindings. A Python that does not know
the bytecode's version reads the sources, which are packed too.

Only what the handlers import is compiled; the rest would double the package.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from importlib.resources import as_file, files
from pathlib import Path, PurePosixPath
from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.infra.node import installed_node

CACHE_TAG: Final = "cpython-313"
"""Of Lambda's runtime `python3.13`, in the names of compiled files."""

_NPM: Final = "lib/node_modules/npm/bin/npm-cli.js"
_NPM_OPTIONS: Final = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
_NEEDED: Final = ("package.json", "package-lock.json", "compile.mjs")
_INSTALL_S: Final = 120
_COMPILE_S: Final = 300
_IMPORT_S: Final = 120

_IMPORTS: Final = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
import stripe
# The SDK loads the rest with the first call, which a client waits for.
services = stripe.StripeClient("none").v1
services.balance, services.payment_intents, services.refunds
for name in ("stripe._object_classes", "stripe._telemetry_id"):
    importlib.import_module(name)
json.dump(sorted(sys.modules), sys.stdout)
"""


def imported_modules() -> tuple[str, ...]:
    """Names of all modules that are loaded once every handler is, found by loading them.

    Raises:
        PaymentDrError: a handler cannot be imported.
    """
    handlers = sorted({function.handler.partition(":")[0] for function in FUNCTIONS})
    told = _run([sys.executable, "-I", "-c", _IMPORTS, *handlers], timeout_s=_IMPORT_S)
    names: list[str] = json.loads(told)
    return tuple(names)


def compiled(contents: Mapping[str, bytes], modules: Iterable[str]) -> dict[str, bytes]:
    """Compiled files, by their path in the package, of those modules that are in it.

    Raises:
        PaymentDrError: the compiler cannot be installed or does not do its work.
    """
    sources = [path for name in modules for path in _paths(name) if path in contents]
    with tempfile.TemporaryDirectory(prefix="payment-dr-bytecode-") as scratch:
        work = Path(scratch)
        for path in sources:
            target = work / "sources" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(contents[path])
        tag = _compile(work)
        if tag != CACHE_TAG:
            raise PaymentDrError(f"the modules were compiled for {tag}, Lambda runs {CACHE_TAG}")
        return {
            cached(path, CACHE_TAG): (work / "compiled" / path).read_bytes() for path in sources
        }


def cached(path: str, tag: str) -> str:
    """Where Python looks for the compiled copy of a source file."""
    source = PurePosixPath(path)
    return str(source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc")


def _paths(module: str) -> tuple[str, str]:
    """Where a module's source may be."""
    place = module.replace(".", "/")
    return f"{place}.py", f"{place}/__init__.py"


def _compile(work: Path) -> str:
    """Install the compiler into the directory and let it compile what is there; its cache tag."""
    node = install_compiler(work)
    return _run([node, str(work / "compile.mjs"), str(work)], work, timeout_s=_COMPILE_S)


def install_compiler(work: Path) -> str:
    """Install CPython 3.13 as WebAssembly into the directory; the Node that runs it.

    Raises:
        PaymentDrError: it cannot be had.
    """
    place = installed_node()
    with as_file(files("payment_dr.infra") / "bytecode") as directory:
        for name in _NEEDED:
            shutil.copyfile(directory / name, work / name)
    node = str(place / "bin" / "node")
    _run([node, str(place / _NPM), "ci", *_NPM_OPTIONS], work, timeout_s=_INSTALL_S)
    return node


def _run(command: list[str], directory: Path | None = None, *, timeout_s: int) -> str:
    """What a program printed.

    Raises:
        PaymentDrError: it failed, did not end in time, or is not there.
    """
    try:
        result = subprocess.run(  # noqa: S603 - our own interpreter and Node with fixed arguments
            command,
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise PaymentDrError(f"{Path(command[0]).name} failed: {error.stderr.strip()}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PaymentDrError(f"{Path(command[0]).name} cannot be run: {error}") from error
    return result.stdout
