"""`chain.jsonl` beside the runs of drills: each line names a run, its files, and the line before.

A line has the SHA-256 of the run's report.json and of the files that its verdicts rest on.
"""

import fcntl
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from payment_dr.checks.evidence import SourceName
from payment_dr.core.errors import PaymentDrError
from payment_dr.recovery.canonical import canonical, sha256_of
from payment_dr.recovery.evidence_chain import Problem, ProblemKind

CHAIN: Final = "chain.jsonl"
REPORT: Final = "report.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainLine:
    """A run at its place in the chain; `files` are SHA-256 by name."""

    number: int
    run: str
    files: dict[str, str]
    previous_sha256: str | None


_LINE: Final = TypeAdapter(ChainLine)


def append_run(run: Path) -> ChainLine:
    """Add a run to the chain in the directory that holds it; its lock lets one in at a time.

    Raises:
        PaymentDrError: the chain or the run cannot be read or written.
    """
    path = run.parent / CHAIN
    try:
        with path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            lines = file.read().splitlines()
            line = ChainLine(
                number=len(lines) + 1,
                run=run.name,
                files=dict(_digests(run)),
                previous_sha256=_sha256_of_line(lines[-1]) if lines else None,
            )
            file.write(canonical(_LINE.dump_python(line, mode="json")) + "\n")
    except OSError as error:
        raise PaymentDrError(f"{path} cannot be kept: {error.strerror}") from error
    except ValueError as error:
        raise PaymentDrError(
            f"{path} is no chain: its last line is no JSON", remedy="payment-dr evidence verify"
        ) from error
    return line


def verify_runs(reports: Path) -> tuple[tuple[ChainLine, ...], tuple[Problem, ...]]:
    """The chain of a directory of runs, and everything that contradicts it.

    Raises:
        PaymentDrError: it cannot be read.
    """
    path = reports / CHAIN
    try:
        texts = path.read_bytes().decode("utf-8", "replace").splitlines()
    except OSError as error:
        raise PaymentDrError(f"{path} cannot be read: {error.strerror}") from error
    lines: list[ChainLine] = []
    problems: list[Problem] = []
    previous: str | None = None
    for number, text in enumerate(texts, start=1):
        name = f"{CHAIN} line {number}"
        try:
            line = _LINE.validate_json(text)
        except ValidationError:
            problems.append(Problem(kind=ProblemKind.UNREADABLE, name=name, says="is no line"))
            previous = None
            continue
        problems += _against(line, number, previous, first=number == 1, name=name)
        problems += _files(reports, line)
        lines.append(line)
        previous = _sha256_of_line(text)
    problems += _strangers(reports, lines)
    return tuple(lines), tuple(problems)


def _against(
    line: ChainLine, number: int, previous: str | None, *, first: bool, name: str
) -> Iterator[Problem]:
    if line.number != number:
        says = f"says that it is number {line.number}"
        yield Problem(kind=ProblemKind.REORDERED, name=name, says=says)
    if line.previous_sha256 != previous or (first and line.previous_sha256 is not None):
        says = f"was written after {line.previous_sha256}, and stands after {previous}"
        yield Problem(kind=ProblemKind.CHANGED, name=name, says=says)


def _files(reports: Path, line: ChainLine) -> Iterator[Problem]:
    for name, stated in sorted(line.files.items()):
        path = f"{line.run}/{name}"
        found = _digest(reports / line.run / name)
        if found is None:
            says = f"is not there, and line {line.number} of {CHAIN} names it"
            yield Problem(kind=ProblemKind.MISSING, name=path, says=says)
        elif found != stated:
            says = f"has SHA-256 {found}, and line {line.number} of {CHAIN} says {stated}"
            yield Problem(kind=ProblemKind.CHANGED, name=path, says=says)


def _strangers(reports: Path, lines: list[ChainLine]) -> Iterator[Problem]:
    """Runs that no line names; those from before the chain began have earlier names."""
    named = {line.run for line in lines}
    first = min(named, default="")
    for report in sorted(reports.glob(f"*/{REPORT}")):
        run = report.parent
        if not run.is_symlink() and run.name not in named and run.name > first:
            says = f"is named by no line of {CHAIN}"
            yield Problem(kind=ProblemKind.INSERTED, name=f"{run.name}/{REPORT}", says=says)


def _digests(run: Path) -> Iterator[tuple[str, str]]:
    for name in (REPORT, *SourceName):
        found = _digest(run / name)
        if found is not None:
            yield str(name), found


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _sha256_of_line(text: str) -> str:
    document: Any = json.loads(text)
    return sha256_of(document)
