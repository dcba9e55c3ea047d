"""Evidence in a directory: read as it was copied, and written nowhere else."""

from pathlib import Path

import pytest

from payment_dr.adapters import evidence_directory
from payment_dr.adapters.evidence_directory import read_directory, write_object
from payment_dr.core.errors import PaymentDrError


def test_what_was_written_by_site_is_read_by_site(tmp_path: Path) -> None:
    write_object(tmp_path, "west", "moves/m1/move.json", "{}")
    write_object(tmp_path, "west", "reports/00000001.json", "[]")
    write_object(tmp_path, "west", "reports/00000001.html", "<html>")
    write_object(tmp_path, "west", "audit/00000001.json", "{}")
    write_object(tmp_path, "east", "moves/m2/move.json", "{}")
    (tmp_path / "notes.txt").write_text("not evidence")
    (tmp_path / "empty").mkdir()
    found = read_directory(tmp_path)
    assert set(found) == {"east", "west"}
    assert found["west"].reports == {"00000001.json": "[]"}
    assert found["west"].documents == {("m1", "move.json"): "{}"}


def test_a_copy_of_one_bucket_needs_no_site(tmp_path: Path) -> None:
    write_object(tmp_path, "copy", "reports/00000001.json", "[]")
    assert list(read_directory(tmp_path / "copy")) == ["copy"]


def test_a_document_deeper_than_a_moves_is_none_of_it(tmp_path: Path) -> None:
    write_object(tmp_path, "west", "moves/m1/more/deep.json", "{}")
    assert read_directory(tmp_path)["west"].documents == {}


def test_a_key_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PaymentDrError, match="leads elsewhere"):
        write_object(tmp_path, "west", "../../outside.json", "{}")


def test_what_is_no_evidence_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PaymentDrError, match="holds no evidence") as caught:
        read_directory(tmp_path)
    assert "evidence fetch" in caught.value.remedy
    with pytest.raises(PaymentDrError, match="cannot be read"):
        read_directory(tmp_path / "absent")


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "west").write_text("a file")
    with pytest.raises(PaymentDrError, match="cannot be written"):
        write_object(tmp_path, "west", "reports/1.json", "{}")


def test_a_document_that_is_too_large_or_no_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_object(tmp_path, "west", "reports/00000001.json", "[]")
    monkeypatch.setattr(evidence_directory, "SIZE_MAX", 1)
    with pytest.raises(PaymentDrError, match="more than 1 bytes"):
        read_directory(tmp_path)
    monkeypatch.undo()
    (tmp_path / "west" / "reports" / "00000002.json").mkdir()
    with pytest.raises(PaymentDrError, match="cannot be read"):
        read_directory(tmp_path)
