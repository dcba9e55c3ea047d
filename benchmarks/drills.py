"""Whole drills, one after another with different seeds: what was lost, how long recovery took.

`python benchmarks/drills.py region-loss --runs 20` prints one line of JSON for each figure. Nothing
else may run beside it: a drill needs both cores. Reports are not kept.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from common import Result, emit, say

TIMEOUT_S: Final = 300
FIGURES: Final[Mapping[str, tuple[str, str]]] = {
    "recovery_time_s.acceptance": ("time without an acknowledged payment", "s"),
    "recovery_time_s.ledger": ("time without a posting", "s"),
    "recovery_time_s.detection": ("fault to detection", "s"),
    "recovery_time_s.decision": ("detection to the open move", "s"),
    "recovery_time_s.promotion": ("promotion", "s"),
    "recovery_time_s.reconciliation": ("reconciliation", "s"),
    "after_detection_s.accepting": ("detection to the first acknowledged payment", "s"),
    "after_detection_s.ledger": ("detection to the open ledger", "s"),
    "latency_ms.p50": ("latency before the fault, p50", "ms"),
    "latency_ms.p99": ("latency before the fault, p99", "ms"),
    "offered_per_s": ("payments offered", "1/s"),
    "unanswered.outside_fault": ("requests without an answer outside the fault", ""),
    "payments.acknowledged": ("payments acknowledged", ""),
    "data_loss.payments": ("acknowledged payments lost", ""),
    "double_charges": ("double charges", ""),
    "start_s": ("lab from nothing to ready", "s"),
    "duration_s": ("length of the run", "s"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--design", default="record-first")
    given = parser.parse_args()
    reports = [drill(given.scenario, given.design, seed) for seed in range(1, given.runs + 1)]
    verdicts = [report["verdict"] for report in reports]
    controls = [report["negative_control"] for report in reports]
    detail = {
        "scenario": given.scenario,
        "design": given.design,
        "passed": verdicts.count("pass"),
        "caught": sum(bool(control and control["caught"]) for control in controls),
        "runs_in_all": len(reports),
    }
    for path, (name, unit) in FIGURES.items():
        values = [value for report in reports if (value := at(report, path)) is not None]
        if values:
            title = f"{given.scenario} ({given.design}): {name}"
            emit(Result(name=title, unit=unit, runs=tuple(values), detail=detail))


def drill(scenario: str, design: str, seed: int) -> dict[str, Any]:
    """One drill's report, with the figures added that need the timeline or run.json."""
    with tempfile.TemporaryDirectory(prefix="payment-dr-bench-") as directory:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "payment_dr", "drill", scenario, "--design", design),
                *("--seed", str(seed), "--reports", directory, "--json"),
            ],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if not done.stdout:
            raise SystemExit(f"drill {scenario} seed {seed} failed:\n{done.stderr[-2000:]}")
        report: dict[str, Any] = json.loads(done.stdout)
        run = json.loads((Path(directory) / "latest" / "run.json").read_text(encoding="utf-8"))
    report["start_s"] = max(run["start_seconds"].values())
    report["after_detection_s"] = after_detection(report)
    say(f"{scenario} seed {seed}: {report['verdict']}, {report['recovery_time_s']}")
    return report


def after_detection(report: Mapping[str, Any]) -> dict[str, float]:
    """What payment-dr itself adds to the time of detection, which the probes' settings decide."""
    marks = {mark["name"]: mark["at_s"] for mark in report["timeline"]["marks"]}
    times = report["recovery_time_s"]
    found: dict[str, float] = {}
    if "detection" in marks and times["acceptance"] is not None and times["detection"] is not None:
        found["accepting"] = times["acceptance"] - times["detection"]
    if "detection" in marks and "ledger open" in marks:
        found["ledger"] = marks["ledger open"] - marks["detection"]
    return found


def at(report: Mapping[str, Any], path: str) -> float | None:
    """The number at a dotted path, None if it was not measured."""
    value: Any = report
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return None if value is None else float(value)


if __name__ == "__main__":
    main()
