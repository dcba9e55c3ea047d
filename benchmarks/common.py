"""What every benchmark shares: a result with its spread, and the machine it was measured on.

A result is one line of JSON on standard output; talk goes to standard error.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def median(runs: Sequence[float]) -> float:
    return float(statistics.median(runs))


def _first_value(path: str, label: str) -> str:
    """The value of the first `label: value` line of a file of the kernel; empty when absent."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((ln.split(":", 1)[1].strip() for ln in lines if ln.startswith(label)), "")


def commit() -> str:
    """Commit of the checkout, with `+` when files differ from it; `none` before the first."""
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if head.returncode:
        return "none"
    changed = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def machine() -> dict[str, str | int | float]:
    """Facts without which a figure means nothing."""
    return {
        "cpus": os.cpu_count() or 0,
        "cpu": _first_value("/proc/cpuinfo", "model name"),
        "memory": _first_value("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average_1m": round(os.getloadavg()[0], 2),
        "commit": commit(),
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One figure over several runs, in the order measured; `detail` says how it was measured."""

    name: str
    unit: str
    runs: tuple[float, ...]
    detail: Mapping[str, object] = field(default_factory=dict[str, object])

    def line(self) -> str:
        """The result as one line of JSON, with its spread and the machine."""
        body: dict[str, object] = {
            **asdict(self),
            "min": min(self.runs),
            "median": median(self.runs),
            "max": max(self.runs),
            "machine": machine(),
        }
        return json.dumps(body, default=str)

    def __str__(self) -> str:
        low, mid, high = min(self.runs), median(self.runs), max(self.runs)
        return f"{self.name}: {low:.3f} / {mid:.3f} / {high:.3f} {self.unit} (n={len(self.runs)})"


def emit(result: Result) -> None:
    """Data to standard output, a sentence to standard error."""
    print(result.line(), flush=True)
    say(str(result))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
