"""The evidence store's reading of S3's refusals; the rest is tested against the lab's S3."""

from typing import Any

import pytest

from fakes.planned_client import PlannedClient, refusal
from payment_dr.adapters.evidence_store import S3EvidenceStore
from payment_dr.core.errors import UnavailableError


def store(*planned: Any) -> S3EvidenceStore:
    fake: Any = PlannedClient(*planned)
    return S3EvidenceStore(fake, "bucket")


def test_a_document_that_is_not_there_is_not_an_error() -> None:
    assert not store(refusal("404", 404)).has("m1", "move.json")
    assert store({}).has("m1", "move.json")


def test_a_bucket_that_may_not_be_read_is_not_taken_for_an_empty_one() -> None:
    with pytest.raises(UnavailableError, match="looking for move"):
        store(refusal("403", 403)).has("m1", "move.json")


def test_a_report_is_written_once_and_a_taken_number_is_told() -> None:
    assert store({}).file_report(1, "{}")
    assert not store(refusal("PreconditionFailed", 412)).file_report(1, "{}")
    assert not store(refusal("ConditionalRequestConflict", 409)).file_report(1, "{}")


def test_a_report_that_may_not_be_written_is_no_taken_number() -> None:
    with pytest.raises(UnavailableError, match=r"reports/00000007\.json"):
        store(refusal("AccessDenied", 403)).file_report(7, "{}")
