"""The files of a run directory: written as docs/reference/files.md says, read without trust.

The names of the files are `SourceName`, `EVENTS` and `RUN`.
"""

import csv
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from payment_dr.adapters.evidence_lines import (
    LEDGER_FIELDS,
    LEDGER_HEADER,
    EvidenceError,
    LinesFile,
    json_rows,
    malformed,
    posting_rows,
)
from payment_dr.checks.evidence import (
    Event,
    Evidence,
    HistoryEvent,
    HistoryLine,
    HistoryValue,
    PaymentRow,
    PostingRow,
    ProviderRow,
    Reconciliation,
    RunFacts,
    SourceName,
)

EVENTS: Final = "events.jsonl"
RUN: Final = "run.json"

Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What run.json says: the facts that the checker needs, and all of it for the report."""

    facts: RunFacts
    document: Mapping[str, Any]


def history_line(event: HistoryEvent) -> bytes:
    """One line of history.jsonl with its newline, for a load that writes as it goes."""
    line = HistoryLine(
        event.index,
        event.process,
        event.type,
        event.f,
        event.key,
        HistoryValue(event.payment_id, event.amount, event.currency, event.status),
        event.time_ns,
        event.request,
        event.http_status,
        event.replayed,
        event.site,
        event.merchant,
    )
    return msgspec.json.encode(line) + b"\n"


def write_history(directory: Path, rows: Iterable[HistoryEvent]) -> int:
    """Write history.jsonl; returns the number of rows, as all writers do.

    Raises:
        EvidenceError: the file cannot be written, as on a full disk.
    """
    return _write_lines(directory / SourceName.HISTORY, rows, history_line)


def write_provider(directory: Path, rows: Iterable[ProviderRow]) -> int:
    """Write provider.jsonl."""
    return _write_lines(directory / SourceName.PROVIDER, rows, _json_line)


def write_payments(directory: Path, rows: Iterable[PaymentRow]) -> int:
    """Write payments.jsonl."""
    return _write_lines(directory / SourceName.PAYMENTS, rows, _json_line)


def write_moves(directory: Path, rows: Iterable[Reconciliation]) -> int:
    """Write moves.jsonl."""
    return _write_lines(directory / SourceName.MOVES, rows, _json_line)


def write_events(directory: Path, rows: Iterable[Event]) -> int:
    """Write events.jsonl."""
    return _write_lines(directory / EVENTS, rows, _json_line)


def write_ledger(directory: Path, rows: Iterable[PostingRow]) -> int:
    """Write ledger.csv with its header."""
    path = directory / SourceName.LEDGER
    count = 0
    with _writing(path), path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(LEDGER_FIELDS)
        for row in rows:
            writer.writerow(msgspec.structs.astuple(row))
            count += 1
    return count


def write_run(directory: Path, document: Mapping[str, Any]) -> None:
    """Write run.json; it must hold at least the fields of `RunFacts`.

    Raises:
        EvidenceError: a fact is missing, or the file cannot be written.
    """
    path = directory / RUN
    body = msgspec.json.format(msgspec.json.encode(document), indent=2)
    _facts(path, body)
    with _writing(path):
        path.write_bytes(body + b"\n")


def read_run(directory: Path) -> Run:
    """Read run.json.

    Raises:
        EvidenceError: there is none, or it lacks a fact.
    """
    path = directory / RUN
    try:
        body = path.read_bytes()
    except OSError as error:
        raise EvidenceError(
            f"{directory} is not a run directory: {path.name} cannot be read ({error.strerror})",
            remedy="give a directory that `payment-dr drill` wrote, e.g. reports/latest",
        ) from error
    facts = _facts(path, body)
    return Run(facts=facts, document=msgspec.json.decode(body, type=dict[str, Any]))


def read_events(directory: Path) -> tuple[Event, ...]:
    """Read events.jsonl in order of time; empty without the file, a cut last line is left out."""
    path = directory / EVENTS
    body = path.read_bytes() if path.is_file() else b""
    decode = json_rows(Event)
    events: list[Event] = []
    lines = body.splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            events += decode(line)
        except msgspec.DecodeError as error:
            if number == len(lines) and not body.endswith(b"\n"):
                break
            raise malformed(path, number, error) from error
    return tuple(sorted(events, key=lambda event: event.time_ns))


def read_evidence(directory: Path) -> Evidence:
    """The sources of a run directory, read when they are iterated.

    Raises:
        EvidenceError: run.json cannot be used; while iterating, a line is malformed.
    """
    run = read_run(directory).facts

    def lines(name: SourceName, row_type: type[Row]) -> LinesFile[Row]:
        return LinesFile(
            path=directory / name,
            name=name,
            decode=json_rows(row_type),
            expected=run.rows.get(name),
        )

    return Evidence(
        run=run,
        history=lines(SourceName.HISTORY, HistoryLine),
        provider=lines(SourceName.PROVIDER, ProviderRow),
        payments=lines(SourceName.PAYMENTS, PaymentRow),
        moves=lines(SourceName.MOVES, Reconciliation),
        ledger=LinesFile(
            path=directory / SourceName.LEDGER,
            name=SourceName.LEDGER,
            decode=posting_rows,
            header=LEDGER_HEADER,
            expected=run.rows.get(SourceName.LEDGER),
            ends_itself=False,
        ),
    )


def _facts(path: Path, body: bytes) -> RunFacts:
    try:
        return msgspec.json.decode(body, type=RunFacts)
    except msgspec.DecodeError as error:
        raise malformed(path, None, error) from error


def _json_line(row: Struct) -> bytes:
    return msgspec.json.encode(row) + b"\n"


def _write_lines(path: Path, rows: Iterable[Row], line: Callable[[Row], bytes]) -> int:
    count = 0
    with _writing(path), path.open("wb") as file:
        for row in rows:
            file.write(line(row))
            count += 1
    return count


@contextmanager
def _writing(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise EvidenceError(
            f"{path} cannot be written: {error.strerror}",
            remedy="make room or choose another directory for reports",
        ) from error
