from pathlib import Path

import pytest

from fakes.evidence import FakeRun
from fakes.synthetic import clean_run
from payment_dr.adapters.evidence_files import read_run, write_run
from payment_dr.adapters.settings_file import example
from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.drill.verdict import judge, point_latest


def written(directory: Path, run: FakeRun) -> Path:
    run.write(directory)
    document = read_run(directory).document
    settings = example("development").model_dump(mode="json")
    write_run(directory, {**document, "settings": settings})
    return directory


def test_a_run_is_judged_from_its_files_alone_and_reported_twice(tmp_path: Path) -> None:
    report = judge(written(tmp_path / "run", clean_run(seed=1)))
    assert report.verdict == "pass"
    assert (tmp_path / "run" / "report.json").is_file()
    assert "<html" in (tmp_path / "run" / "report.html").read_text()


def test_a_planted_loss_turns_the_verdict(tmp_path: Path) -> None:
    run = clean_run(seed=1)
    del run.payments[:5]
    assert judge(written(tmp_path / "run", run)).verdict == "fail"


def test_a_file_that_was_cut_leaves_the_verdict_open(tmp_path: Path) -> None:
    directory = written(tmp_path / "run", clean_run(seed=1))
    payments = directory / "payments.jsonl"
    payments.write_bytes(b"".join(payments.read_bytes().splitlines(keepends=True)[5:]))
    assert judge(directory).verdict == "unknown"


def test_a_directory_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PaymentDrError, match="not a run directory"):
        judge(tmp_path)


def test_latest_leads_to_the_newest_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        point_latest(tmp_path / name)
    assert (tmp_path / "latest").readlink() == Path("b")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "latest"]
