"""Files of a run: what is written is read back, what is malformed or cut off is known."""

import csv
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from fakes.evidence import FakeRun
from fakes.synthetic import clean_run
from payment_dr.adapters import evidence_files as files
from payment_dr.adapters import evidence_lines
from payment_dr.adapters.evidence_check import check_directory
from payment_dr.adapters.evidence_lines import EvidenceError
from payment_dr.checks.checker import check
from payment_dr.checks.evidence import SourceName, SourceState
from payment_dr.checks.measure import measure
from payment_dr.checks.verdict import Verdict
from payment_dr.report.builder import build_report
from payment_dr.report.files import report_text
from payment_dr.report.model import Comparison

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(name="run")
def fixture_run() -> FakeRun:
    return clean_run(seed=5, operations=300, rate=50)


@pytest.fixture(name="directory")
def fixture_directory(run: FakeRun, tmp_path: Path) -> Path:
    return run.write(tmp_path / "run")


def state_after_reading(directory: Path, name: SourceName) -> SourceState:
    evidence = files.read_evidence(directory)
    source = {
        SourceName.HISTORY: evidence.history,
        SourceName.PROVIDER: evidence.provider,
        SourceName.PAYMENTS: evidence.payments,
        SourceName.LEDGER: evidence.ledger,
        SourceName.MOVES: evidence.moves,
    }[name]
    for _ in source:
        pass
    return source.state


def forget_row_counts(directory: Path) -> None:
    document = json.loads((directory / files.RUN).read_text())
    document["rows"] = {}
    files.write_run(directory, document)


def test_what_is_written_is_read_back(run: FakeRun, directory: Path) -> None:
    evidence = files.read_evidence(directory)
    assert list(evidence.provider) == run.provider
    assert list(evidence.payments) == run.payments
    assert list(evidence.ledger) == run.ledger
    assert list(evidence.moves) == run.moves
    assert (
        b"".join([files.history_line(row) for row in run.history])
        == (directory / SourceName.HISTORY).read_bytes()
    )
    assert evidence.run.seed == 5
    assert list(files.read_events(directory)) == run.events


def test_a_line_of_the_history_has_the_shape_that_others_read(directory: Path) -> None:
    line = json.loads((directory / SourceName.HISTORY).read_text().splitlines()[0])
    assert {"index", "process", "type", "f", "key", "value", "time_ns"} <= line.keys()
    assert line["value"].keys() == {"payment_id", "amount", "currency", "status"}


def test_files_and_memory_have_the_same_verdicts(run: FakeRun, directory: Path) -> None:
    assert check_directory(directory) == check(run.evidence())


def test_two_processes_find_what_one_finds(run: FakeRun, directory: Path) -> None:
    run.ledger.pop()
    run.write(directory)
    found = check_directory(directory, large=0)
    assert found == check_directory(directory)
    assert found.verdict is Verdict.FAIL


def test_an_error_in_the_other_process_is_the_same_error(directory: Path) -> None:
    (directory / SourceName.LEDGER).write_text("nonsense\n")
    with pytest.raises(EvidenceError, match="expected the header"):
        check_directory(directory, large=0)


@pytest.mark.parametrize("name", [n for n in SourceName if n is not SourceName.LEDGER])
def test_a_malformed_line_is_named_with_what_was_expected(
    directory: Path, name: SourceName
) -> None:
    path = directory / name
    lines = path.read_bytes().splitlines(keepends=True)
    place = len(lines) // 2
    path.write_bytes(b"".join([*lines[:place], b'{"index": "three"}\n', *lines[place:]]))
    with pytest.raises(EvidenceError, match=rf"{name} line {place + 1}: .*[Ee]xpected|missing"):
        state_after_reading(directory, name)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda fields: fields[:-1], "at least length 9, got 8"),
        (lambda fields: [*fields, "more"], "at most length 9"),
        (lambda fields: [*fields[:5], "12.5", *fields[6:]], "[Ee]xpected `int`"),
        (lambda fields: ['"', *fields[1:]], "."),
    ],
)
def test_a_malformed_row_of_the_ledger_is_named(
    directory: Path, spoil: Callable[[list[str]], list[str]], message: str
) -> None:
    path = directory / SourceName.LEDGER
    lines = path.read_text().splitlines()
    lines[7] = ",".join(spoil(lines[7].split(",")))
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(EvidenceError, match=rf"ledger.csv line 8: .*{message}"):
        state_after_reading(directory, SourceName.LEDGER)


def test_a_ledger_by_another_csv_writer_is_read_alike(run: FakeRun, directory: Path) -> None:
    with (directory / SourceName.LEDGER).open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        file.write(",".join(evidence_lines.LEDGER_FIELDS) + "\r\n")
        for row in run.ledger:
            writer.writerow([getattr(row, name) for name in evidence_lines.LEDGER_FIELDS])
    assert list(files.read_evidence(directory).ledger) == run.ledger


def test_a_ledger_of_its_header_alone_has_no_rows(directory: Path) -> None:
    forget_row_counts(directory)
    files.write_ledger(directory, [])
    assert state_after_reading(directory, SourceName.LEDGER) is SourceState.COMPLETE
    with (directory / SourceName.LEDGER).open("a") as file:
        file.write("\n")
    assert not list(files.read_evidence(directory).ledger)


@pytest.mark.parametrize("name", SourceName)
def test_a_last_line_that_was_cut_off_is_left_out_and_known(
    directory: Path, name: SourceName
) -> None:
    forget_row_counts(directory)
    path = directory / name
    path.write_bytes(path.read_bytes()[:-5])
    assert state_after_reading(directory, name) is SourceState.TRUNCATED
    assert check_directory(directory).verdict is Verdict.UNKNOWN


def test_a_whole_object_without_its_newline_is_taken(run: FakeRun, directory: Path) -> None:
    path = directory / SourceName.PROVIDER
    path.write_bytes(path.read_bytes().rstrip())
    assert list(files.read_evidence(directory).provider) == run.provider


def test_a_header_that_was_cut_off_is_a_truncated_ledger(directory: Path) -> None:
    (directory / SourceName.LEDGER).write_text("site,entry")
    assert state_after_reading(directory, SourceName.LEDGER) is SourceState.TRUNCATED


@pytest.mark.parametrize("name", SourceName)
def test_a_file_with_fewer_rows_than_were_written_is_truncated(
    directory: Path, name: SourceName
) -> None:
    path = directory / name
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    assert state_after_reading(directory, name) is SourceState.TRUNCATED


@pytest.mark.parametrize("name", SourceName)
def test_a_missing_file_is_known_and_nothing_passes_for_it(
    directory: Path, name: SourceName
) -> None:
    (directory / name).unlink()
    assert state_after_reading(directory, name) is SourceState.MISSING
    assert check_directory(directory).verdict is Verdict.UNKNOWN


def test_pieces_join_lines_that_they_cut(
    run: FakeRun, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_lines, "_PIECE", 700)
    evidence = files.read_evidence(directory)
    assert list(evidence.provider) == run.provider
    assert list(evidence.moves) == run.moves


def test_a_line_without_an_end_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_lines, "_PIECE", 100)
    monkeypatch.setattr(evidence_lines, "LINE_MAX", 1_000)
    (directory / SourceName.PROVIDER).write_bytes(b"x" * 5_000)
    with pytest.raises(EvidenceError, match="longer than 1000 bytes"):
        state_after_reading(directory, SourceName.PROVIDER)


def test_bytes_that_are_no_text_are_refused(directory: Path) -> None:
    with (directory / SourceName.LEDGER).open("ab") as file:
        file.write(b'"\xff",a,b,c,d,1,e,1,1\n')
    with pytest.raises(EvidenceError, match=r"ledger.csv line \d+"):
        state_after_reading(directory, SourceName.LEDGER)


def test_a_row_that_only_the_whole_piece_betrays_is_refused_all_the_same(tmp_path: Path) -> None:
    def only_alone(piece: bytes) -> list[bytes]:
        if b"\n" in piece:
            raise UnicodeDecodeError("utf-8", piece, 0, 1, "together")
        return [piece]

    path = tmp_path / "lines"
    path.write_bytes(b"a\nb\n")
    source = evidence_lines.LinesFile(path=path, name=SourceName.MOVES, decode=only_alone)
    with pytest.raises(EvidenceError, match="together"):
        list(source)


def test_events_come_in_order_of_time_and_a_cut_last_one_is_left_out(
    run: FakeRun, directory: Path
) -> None:
    files.write_events(directory, reversed(run.events))
    path = directory / files.EVENTS
    assert list(files.read_events(directory)) == run.events
    path.write_bytes(path.read_bytes()[:-5])
    assert list(files.read_events(directory)) == run.events[1:]
    path.unlink()
    assert not files.read_events(directory)


def test_a_malformed_event_is_named(directory: Path) -> None:
    path = directory / files.EVENTS
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(EvidenceError, match=r"events.jsonl line 14: .*missing"):
        files.read_events(directory)


def test_a_directory_that_is_none_of_a_run_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="is not a run directory") as caught:
        files.read_evidence(tmp_path)
    assert "payment-dr drill" in caught.value.remedy


def test_run_facts_are_checked_when_read_and_when_written(directory: Path) -> None:
    with pytest.raises(EvidenceError, match="missing required field"):
        files.write_run(directory, {"scenario": "x"})
    (directory / files.RUN).write_text('{"scenario": 3}')
    with pytest.raises(EvidenceError, match=r"run.json: Expected `str`, got `int`"):
        files.read_evidence(directory)


def test_a_directory_that_takes_no_files_is_a_clear_error(run: FakeRun) -> None:
    for write in (
        lambda: files.write_provider(Path("/proc"), run.provider),
        lambda: files.write_ledger(Path("/proc"), run.ledger),
        lambda: files.write_run(Path("/proc"), run.document()),
    ):
        with pytest.raises(EvidenceError, match="cannot be written"):
            write()


def schemas() -> ModuleType:
    spec = importlib.util.spec_from_file_location("schemas", DOCS / "schemas.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_documented_schemas_are_those_of_the_code() -> None:
    module = schemas()
    documented = {path.name: path.read_text() for path in module.FOLDER.glob("*.json")}
    made = {name: module.text(schema) for name, schema in module.schemas().items()}
    assert documented == made, "run: python docs/schemas.py"


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((DOCS / "reference" / "schemas" / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", ["history", "provider", "payments", "moves", "events"])
def test_lines_fit_their_schema(directory: Path, name: str) -> None:
    checked = validator(name)
    lines = (directory / f"{name}.jsonl").read_text().splitlines()
    for line in lines:
        checked.validate(json.loads(line))
    assert lines
    assert not checked.is_valid({})


def test_rows_of_the_ledger_and_the_run_fit_their_schemas(directory: Path) -> None:
    with (directory / SourceName.LEDGER).open(newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    checked = validator("ledger")
    for row in rows:
        numbers = {name: int(row[name]) for name in ("amount", "epoch", "posted_at_ns")}
        checked.validate(row | numbers)
    assert rows
    validator("run").validate(json.loads((directory / files.RUN).read_text()))


def test_reports_fit_their_schemas(run: FakeRun) -> None:
    evidence = run.evidence()
    measures = measure(evidence, run.events)
    report = build_report(evidence, run.document(), check(evidence), measures, run.events)
    validator("report").validate(json.loads(report_text(report)))
    both = Comparison(runs=(report, report))
    validator("comparison").validate(json.loads(report_text(both)))


def test_every_field_of_every_file_is_documented() -> None:
    page = (DOCS / "reference" / "files.md").read_text()
    for name in ("history", "run"):
        schema = json.loads((DOCS / "reference" / "schemas" / f"{name}.schema.json").read_text())
        for definition in schema["$defs"].values():
            for field in definition.get("properties", {}).keys() - {"value"}:
                assert f"`{field}`" in page or f".{field}`" in page, field


def test_every_claim_is_documented(run: FakeRun) -> None:
    page = (DOCS / "reference" / "files.md").read_text()
    for claim in check(run.evidence()).claims:
        assert f"| `{claim.name}` |" in page
