"""`payment-dr lint` on plans of 500 and 5,000 resources: wall time of the whole process.

The plans are the example of the usual design, recorded from Terraform, as many times over as
needed, each copy in a module of its own: references, modules and findings are as in real plans.
Ten times the resources shows that the cost is linear.

Run as `python benchmarks/lint_plan.py`.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from common import ROOT, Result, emit

PLAN: Final = ROOT / "examples" / "usual-design" / "plan.json"
LIMIT_S: Final = 1.0
NAMES: Final = frozenset(
    {"name", "alarm_name", "cluster_identifier", "function_name", "global_cluster_identifier"}
)
"""Attributes that must differ between copies, else the plan would be one that nobody can apply."""


def copies(resources: int) -> dict[str, Any]:
    """A plan of at least so many resources."""
    source: dict[str, Any] = json.loads(PLAN.read_text(encoding="utf-8"))
    root = source["planned_values"]["root_module"]
    count = -(-resources // len(source["resource_changes"]))
    declared = source["configuration"]["root_module"]
    source["configuration"]["root_module"] = {
        "module_calls": {"copy": {"source": "./copy", "module": declared}}
    }
    modules = []
    changes = []
    for number in range(count):
        address = f"module.copy[{number}]"
        modules.append({"address": address, **_moved(deepcopy(root), address)})
        for change in deepcopy(source["resource_changes"]):
            change["address"] = f"{address}.{change['address']}"
            changes.append(change)
    source["planned_values"]["root_module"] = {"child_modules": modules}
    source["resource_changes"] = changes
    return source


def _moved(module: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The module with all addresses inside another, and names of its own."""
    for item in module.get("resources", []):
        item["address"] = f"{prefix}.{item['address']}"
        for name in NAMES & item["values"].keys():
            item["values"][name] = f"{item['values'][name]}-{prefix}"
    for child in module.get("child_modules", []):
        child["address"] = f"{prefix}.{child['address']}"
        _moved(child, prefix)
    return module


def measure(plan: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one run of the command, findings and all."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    command = [str(Path(sys.executable).with_name("payment-dr")), "lint", str(plan)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 1, f"payment-dr lint exited {done.returncode}, findings exit 1"
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="payment-dr-lint-") as name:
        for resources in (500, 5_000):
            plan = Path(name) / f"{resources}.json"
            body = copies(resources)
            plan.write_text(json.dumps(body), encoding="utf-8")
            measure(plan)  # fills the caches of the file system and of bytecode
            runs = [measure(plan) for _ in range(arguments.runs)]
            emit(
                Result(
                    name=f"lint-{resources}-resources",
                    unit="s",
                    runs=tuple(seconds for seconds, _ in runs),
                    detail={
                        "resources": len(body["resource_changes"]),
                        "bytes": plan.stat().st_size,
                        "cpu_s_median": sorted(cpu for _, cpu in runs)[len(runs) // 2],
                        "limit_s": LIMIT_S if resources == 500 else None,
                    },
                )
            )


if __name__ == "__main__":
    main()
