"""Evidence of verified backups in the site's bucket: `verifications/<run>/<kind>.json`.

A run is named by its date, or by its time if somebody asked for it, so the newest one is the last
by name.
"""

from typing import TYPE_CHECKING, Final

from payment_dr.adapters.aws_calls import aws_errors
from payment_dr.checks.backup_documents import VERIFICATION_EVIDENCE, VerificationEvidence
from payment_dr.checks.backup_source import BackupKind

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PREFIX: Final = "verifications/"


class VerificationStore:
    """Keeps and finds them."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, evidence: VerificationEvidence) -> None:
        """Store what came of one backup; the same run and kind overwrites."""
        with aws_errors("storing the evidence of a backup", writes=True):
            self._client.put_object(
                Bucket=self._bucket,
                Key=_key(evidence.run, evidence.point.kind),
                Body=VERIFICATION_EVIDENCE.dump_json(evidence),
                ContentType="application/json",
            )

    def has(self, run: str, kind: BackupKind) -> bool:
        """Whether that backup of that run was verified."""
        return _key(run, kind) in self._keys(f"{_PREFIX}{run}/")

    def latest(self) -> tuple[VerificationEvidence, ...]:
        """All of the newest run; empty before the first."""
        keys = self._keys(_PREFIX)
        newest = max((_run_of(key) for key in keys), default="")
        return tuple(self._read(key) for key in sorted(keys) if _run_of(key) == newest)

    def of(self, run: str) -> tuple[VerificationEvidence, ...]:
        """All of a run."""
        return tuple(self._read(key) for key in sorted(self._keys(f"{_PREFIX}{run}/")))

    def _keys(self, prefix: str) -> set[str]:
        with aws_errors("listing the evidence of backups", writes=False):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            return {found.get("Key", "") for page in pages for found in page.get("Contents", [])}

    def _read(self, key: str) -> VerificationEvidence:
        with aws_errors("reading the evidence of a backup", writes=False):
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return VERIFICATION_EVIDENCE.validate_json(body)


def _key(run: str, kind: BackupKind) -> str:
    return f"{_PREFIX}{run}/{kind}.json"


def _run_of(key: str) -> str:
    return key.split("/")[1]
