"""Evidence of verified backups, filed and found."""

from typing import Any

import pytest

from fakes.aws import EAST, CloudUnderTest
from payment_dr.adapters.verification_store import VerificationStore
from payment_dr.checks.backup import unreadable
from payment_dr.checks.backup_documents import VerificationEvidence
from payment_dr.checks.backup_source import BackupKind, RestorePoint
from payment_dr.checks.verdict import Verdict
from payment_dr.core.errors import UnavailableError


def evidence(run: str, kind: BackupKind) -> VerificationEvidence:
    verdict = unreadable("invalid page")
    return VerificationEvidence(
        site="east",
        run=run,
        point=RestorePoint(kind=kind, at=1.5, snapshot="s"),
        verdict=verdict.verdict,
        claims=verdict.claims,
        entries=0,
        newest_age_s=None,
        restore_s=2.5,
        verified_at=3.5,
    )


def test_verdicts_are_found_by_run_and_the_newest_run_is_read_back(cloud: CloudUnderTest) -> None:
    client = cloud.client("s3", EAST)
    bucket = f"verified-{cloud.settings.environment_suffix}"
    client.create_bucket(Bucket=bucket)
    store = VerificationStore(client, bucket)
    assert not store.latest()
    for run in ("2026-01-09", "2026-01-10", "2025-12-31"):
        store.put(evidence(run, BackupKind.SNAPSHOT))
    store.put(evidence("2026-01-10", BackupKind.POINT_IN_TIME))
    assert store.has("2026-01-09", BackupKind.SNAPSHOT)
    assert not store.has("2026-01-09", BackupKind.POINT_IN_TIME)
    assert store.of("2026-01-09") == (evidence("2026-01-09", BackupKind.SNAPSHOT),)
    assert not store.of("2026-01-11")
    latest = store.latest()
    assert [(one.run, one.point.kind) for one in latest] == [
        ("2026-01-10", BackupKind.POINT_IN_TIME),
        ("2026-01-10", BackupKind.SNAPSHOT),
    ]
    assert latest[1] == evidence("2026-01-10", BackupKind.SNAPSHOT)
    assert latest[1].verdict is Verdict.FAIL


def test_a_bucket_that_does_not_answer_is_told(cloud: CloudUnderTest) -> None:
    client: Any = cloud.client("s3", EAST)
    store = VerificationStore(client, "no-such-bucket")
    with pytest.raises(UnavailableError, match="listing the evidence of backups"):
        store.latest()
