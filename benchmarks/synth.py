"""Writing every stack, against loading the bindings, which no synthesis can do without.

Each run is a fresh process, as on a command line. All is timed inside it, and ratios are of one
and the same process, so that whatever else the machine does then disturbs both sides.

    assemblies  cdktn and the aws provider: the Node process starts and loads both
    bindings    the same, and every Python module of the provider that the stacks import
    all         the same, this project's own modules, and the synthesis of all stacks

The package is an empty archive: building it is another figure.

Run as `python benchmarks/synth.py`.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from typing import Any, Final

from common import ROOT, Result, emit

LIMIT: Final = 1.5
"""Most that all may take of what the bindings alone take."""

MODULES: Final = r"^from (cdktn_provider_aws\.\w+) import"

RUN: Final = """
import json, sys, time
from importlib import import_module
from pathlib import Path

began = time.perf_counter()
import payment_dr.infra  # which Node the bindings start is chosen there
import cdktn
import cdktn_provider_aws._jsii
assemblies = time.perf_counter()
for name in json.loads(sys.argv[1]):
    import_module(name)
bindings = time.perf_counter()

from payment_dr.adapters.settings_file import example
from payment_dr.infra.app import synthesize
from payment_dr.infra.package import FunctionPackage

archive = Path(sys.argv[2]) / "functions.zip"
archive.write_bytes(b"PK\\x05\\x06" + bytes(18))
package = FunctionPackage(path=archive, sha256="00" * 32, size_bytes=22, files=())
out = Path(sys.argv[2]) / "out"
names = synthesize(example("production"), out, package)
ended = time.perf_counter()
resources = sum(
    len(named)
    for name in names
    for named in json.loads((out / "stacks" / name / "cdk.tf.json").read_text())[
        "resource"
    ].values()
)
parts = {"assemblies": assemblies, "bindings": bindings, "all": ended}
print(json.dumps({"resources": resources, **{part: at - began for part, at in parts.items()}}))
"""
"""What a fresh process does; arguments: names of the bindings' modules, an empty directory."""


def modules() -> list[str]:
    """Modules of the bindings that the project imports."""
    sources = (ROOT / "src" / "payment_dr" / "infra").rglob("*.py")
    found = (re.findall(MODULES, source.read_text(), re.MULTILINE) for source in sources)
    return sorted({name for names in found for name in names})


def measure(names: list[str]) -> dict[str, Any]:
    """One fresh process."""
    with tempfile.TemporaryDirectory(prefix="payment-dr-synth-") as directory:
        done = subprocess.run(
            [sys.executable, "-c", RUN, json.dumps(names), directory],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    arguments = parser.parse_args()
    names = modules()
    measure(names)  # fills the caches of the bindings, of the file system and of bytecode
    runs = [measure(names) for _ in range(arguments.runs)]
    detail = {"resources": runs[0]["resources"], "modules": len(names)}
    for part in ("assemblies", "bindings", "all"):
        seconds = tuple(run[part] for run in runs)
        emit(Result(name=f"synth-{part}", unit="s", runs=seconds, detail=detail))
    for part in ("assemblies", "bindings"):
        ratios = tuple(run["all"] / run[part] for run in runs)
        name = f"synth-all-over-{part}"
        emit(Result(name=name, unit="x", runs=ratios, detail={**detail, "limit": LIMIT}))


if __name__ == "__main__":
    main()
