"""The chain of drills' runs: what somebody may do to it is planted, and found."""

import shutil
from pathlib import Path

import pytest

from payment_dr.adapters.report_chain import CHAIN, append_run, verify_runs
from payment_dr.core.errors import PaymentDrError
from payment_dr.recovery.evidence_chain import ProblemKind


@pytest.fixture(name="reports")
def reports_fixture(tmp_path: Path) -> Path:
    """Three runs in a chain, one from before it, and the link to the latest."""
    for name in ("0-old", "1-run", "2-run", "3-run"):
        run = tmp_path / name
        run.mkdir()
        (run / "report.json").write_text(f'{{"run": "{name}"}}')
        (run / "moves.jsonl").write_text("")
        if name != "0-old":
            append_run(run)
    (tmp_path / "latest").symlink_to("3-run")
    return tmp_path


def found(reports: Path) -> set[tuple[str, str]]:
    return {(problem.kind.value, problem.name) for problem in verify_runs(reports)[1]}


def lines(reports: Path) -> list[str]:
    return (reports / CHAIN).read_text().splitlines(keepends=True)


def test_an_untouched_chain_is_whole(reports: Path) -> None:
    runs, problems = verify_runs(reports)
    assert not problems
    assert [run.run for run in runs] == ["1-run", "2-run", "3-run"]
    assert set(runs[0].files) == {"report.json", "moves.jsonl"}


def test_a_changed_file_of_a_run_is_found_also_in_the_last(reports: Path) -> None:
    (reports / "3-run" / "moves.jsonl").write_text("x")
    assert found(reports) == {(ProblemKind.CHANGED, "3-run/moves.jsonl")}


def test_a_missing_run_is_found(reports: Path) -> None:
    shutil.rmtree(reports / "2-run")
    assert found(reports) == {
        (ProblemKind.MISSING, "2-run/report.json"),
        (ProblemKind.MISSING, "2-run/moves.jsonl"),
    }


def test_an_inserted_run_is_found(reports: Path) -> None:
    shutil.copytree(reports / "2-run", reports / "2-run-better")
    assert found(reports) == {(ProblemKind.INSERTED, "2-run-better/report.json")}


def test_reordered_and_missing_lines_are_found(reports: Path) -> None:
    first, second, third = lines(reports)
    (reports / CHAIN).write_text(second + first + third)
    kinds = {kind for kind, _ in found(reports)}
    assert kinds == {ProblemKind.REORDERED, ProblemKind.CHANGED}
    (reports / CHAIN).write_text(first + third)
    assert (ProblemKind.INSERTED, "2-run/report.json") in found(reports)
    (reports / CHAIN).write_text(second + third)
    assert (ProblemKind.CHANGED, f"{CHAIN} line 1") in found(reports)


def test_a_changed_line_is_found(reports: Path) -> None:
    first, second, third = lines(reports)
    (reports / CHAIN).write_text(first + second.replace("2-run", "1-run") + third)
    assert (ProblemKind.CHANGED, f"{CHAIN} line 3") in found(reports)


def test_what_is_no_line_is_found(reports: Path) -> None:
    with (reports / CHAIN).open("a") as file:
        file.write("scribble\n")
    assert found(reports) == {(ProblemKind.UNREADABLE, f"{CHAIN} line 4")}


def test_a_chain_that_cannot_be_read_or_kept_is_told(tmp_path: Path) -> None:
    with pytest.raises(PaymentDrError, match="cannot be read"):
        verify_runs(tmp_path)
    with pytest.raises(PaymentDrError, match="cannot be kept"):
        append_run(tmp_path / "absent" / "run")


def test_a_chain_whose_last_line_is_no_line_is_not_continued(reports: Path) -> None:
    (reports / CHAIN).write_text("scribble\n")
    with pytest.raises(PaymentDrError, match="is no chain"):
        append_run(reports / "3-run")
