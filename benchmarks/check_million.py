"""`payment-dr check` on 1,000,000 operations: time, CPU and memory, median of five runs.

The evidence is synthetic (tests/fakes/synthetic.py), made once and kept while the runs last.
"""

import argparse
import importlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import ROOT, Result, emit


def make(directory: Path, operations: int) -> dict[str, int]:
    """Write the evidence; returns bytes by file."""
    sys.path.insert(0, str(ROOT / "tests"))
    synthetic = importlib.import_module("fakes.synthetic")
    synthetic.clean_run(seed=1, operations=operations, rate=1_000).write(directory)
    return {path.name: path.stat().st_size for path in sorted(directory.iterdir())}


def measure(directory: Path) -> dict[str, float]:
    """One run of the command in a process of its own."""
    began = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [str(Path(sys.executable).with_name("payment-dr")), "check", str(directory), "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": time.perf_counter() - began,
        "cpu_s": cpu,
        # The larger of the two processes; their sum is at most twice this.
        "largest_process_mb": after.ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="payment-dr-check-") as name:
        directory = Path(name) / "run"
        sizes = make(directory, arguments.operations)
        runs = [measure(directory) for _ in range(arguments.runs)]
    detail = {"operations": arguments.operations, "bytes": sizes}
    for key, unit in (("seconds", "s"), ("cpu_s", "s"), ("largest_process_mb", "MB")):
        name = f"payment-dr check of {arguments.operations:,} operations: {key.removesuffix('_s')}"
        values = tuple(round(run[key], 2) for run in runs)
        emit(Result(name=name, unit=unit, runs=values, detail=detail))


if __name__ == "__main__":
    main()
