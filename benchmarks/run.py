"""Every benchmark, one after another, and the page that shows what came out: `make bench`.

Takes about two hours on two cores, on which nothing else should run. Some alone:
`python benchmarks/run.py floor listing`; `--list` names all. Results are lines of JSON in
benchmarks/results.jsonl, where those of a benchmark replace its earlier ones;
docs/reference/benchmarks.md is written from them, also by `python benchmarks/run.py --page-only`.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from common import ROOT, say
from results_page import figures, page

RESULTS: Final = ROOT / "benchmarks" / "results.jsonl"
PAGE: Final = ROOT / "docs" / "reference" / "benchmarks.md"
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "region-loss": ("drills.py", "region-loss", "--runs", "20"),
    "patroni": ("patroni_peer.py",),
    "switchover": ("drills.py", "switchover", "--runs", "5"),
    "database-loss": ("drills.py", "database-loss", "--runs", "5"),
    "isolated-site": ("drills.py", "isolated-site", "--runs", "5"),
    "failback": ("drills.py", "failback", "--runs", "5"),
    "usual-design": ("drills.py", "region-loss", "--runs", "5", "--design", "ledger-first"),
    "acknowledge-before-commit": ("drills.py", "acknowledge-before-commit", "--runs", "5"),
    "key-in-async-table": ("drills.py", "key-in-async-table", "--runs", "5"),
    "unfenced-promotion": ("drills.py", "unfenced-promotion", "--runs", "5"),
    "floor": ("floor.py",),
    "listing": ("listing.py",),
    "posting": ("posting.py",),
    "reconciliation": ("reconciliation.py",),
    "restore": ("restore.py",),
    "state-machine": ("state_machine.py",),
    "ledger-peer": ("ledger_peer.py",),
    "webhooks": ("webhooks.py",),
    "check-million": ("check_million.py",),
    "lint-plan": ("lint_plan.py",),
    "synth": ("synth.py",),
    "infrastructure": ("infrastructure.py",),
}
"""Of each name its program in this directory, with arguments."""

Line = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all by default")
    parser.add_argument("--list", action="store_true", help="name the benchmarks")
    parser.add_argument("--page-only", action="store_true", help="measure nothing")
    options = parser.parse_args()
    if options.list:
        print("\n".join(COMMANDS))
        return 0
    unknown = set(options.names) - COMMANDS.keys()
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; see --list")
    failed = [] if options.page_only else measure(options.names or tuple(COMMANDS))
    PAGE.write_text(page(_results(), COMMANDS), encoding="utf-8")
    return 1 if failed else 0


def measure(names: Sequence[str]) -> list[str]:
    """Run them, keep what each prints as soon as it ends, and show all; names of the failed."""
    began = time.monotonic()
    failed: list[str] = []
    new: list[Line] = []
    for number, name in enumerate(names, start=1):
        passed_min = (time.monotonic() - began) / 60
        say(f"[{number}/{len(names)}, {passed_min:.0f} min] {name}: {' '.join(COMMANDS[name])}")
        lines = _run(name)
        if lines is None:
            failed.append(name)
            continue
        new += lines
        kept = [line for line in _results() if line["benchmark"] != name]
        _keep(kept + lines)
    say("")
    for row in figures(new):
        say(row)
    for name in failed:
        say(f"{name} failed; its words are above, its figures are the earlier ones")
    return failed


def _run(name: str) -> list[Line] | None:
    """The results of a benchmark; None when it failed."""
    program, *arguments = COMMANDS[name]
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / program), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        return None
    return [{"benchmark": name, **json.loads(line)} for line in done.stdout.splitlines()]


def _results() -> list[Line]:
    """Those that are kept."""
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]


def _keep(lines: Sequence[Line]) -> None:
    """In the order of the benchmarks; those of a benchmark in the order in which it told them."""
    order = [*COMMANDS]
    known = [line for line in lines if line["benchmark"] in COMMANDS]
    known.sort(key=lambda line: order.index(line["benchmark"]))
    RESULTS.write_text("".join(json.dumps(line) + "\n" for line in known), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
