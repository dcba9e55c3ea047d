"""Evidence in a bucket of the site where the plan ran.

`moves/<move>/<document>` is what a move leaves, `reports/<number>.json` the chain of their reports,
`audit/<number>.json` this site's copies of the audit log. Reports and copies are written once:
a put of a name that is taken is refused by S3 itself.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from payment_dr.adapters.aws_calls import aws_errors
from payment_dr.recovery.evidence_chain import report_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOVES: Final = "moves/"
REPORTS: Final = "reports/"
AUDIT: Final = "audit/"


class S3EvidenceStore:
    """`recovery.ports.EvidenceStore`, copies of the audit log, and reading all of it back."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, move_id: str, name: str, body: str) -> None:
        """Store a JSON document under the move; the same name overwrites."""
        with aws_errors(f"storing {name} of move {move_id}", writes=True):
            self._client.put_object(
                Bucket=self._bucket,
                Key=_key(move_id, name),
                Body=body.encode(),
                ContentType="application/json",
            )

    def has(self, move_id: str, name: str) -> bool:
        """Whether the move has that document."""
        with aws_errors(f"looking for {name} of move {move_id}", writes=False):
            try:
                self._client.head_object(Bucket=self._bucket, Key=_key(move_id, name))
            except ClientError as error:
                if _status(error) != HTTPStatus.NOT_FOUND:
                    raise
                return False
        return True

    def documents_of(self, move_id: str) -> Mapping[str, str]:
        """Every document of the move, by name."""
        prefix = _key(move_id, "")
        return {key.removeprefix(prefix): self._read(key) for key in self._keys(prefix)}

    def last_report(self) -> tuple[int, str] | None:
        """Number and body of the latest report; None before the first."""
        keys = [key for key in self._keys(REPORTS) if key.endswith(".json")]
        if not keys:
            return None
        latest = max(keys)
        return int(latest.removeprefix(REPORTS).removesuffix(".json")), self._read(latest)

    def file_report(self, number: int, body: str) -> bool:
        """Store a report under its number; False if there is one already."""
        return self._create(f"{REPORTS}{report_name(number)}", body)

    def copy_of_audit(self, number: int, body: str) -> bool:
        """Store this site's copy of an entry of the audit log; False if there is one already."""
        return self._create(f"{AUDIT}{report_name(number)}", body)

    def documents(self) -> Iterator[tuple[str, str, str]]:
        """Every document of every move as (move id, name, body), sorted by key."""
        for key in self._keys(MOVES):
            _, move_id, name = key.split("/", 2)
            yield move_id, name, self._read(key)

    def everything(self) -> Iterator[tuple[str, str]]:
        """Moves, reports and copies of the audit log, as (key, body)."""
        for prefix in (MOVES, REPORTS, AUDIT):
            for key in self._keys(prefix):
                yield key, self._read(key)

    def _create(self, key: str, body: str) -> bool:
        """Put an object where none is; False where one is, or is just being put.

        Of two at once S3 refuses one as a conflict, which took no effect.
        """
        with aws_errors(f"storing {key}", writes=True):
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body.encode(),
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if _status(error) not in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}:
                    raise
                return False
        return True

    def _keys(self, prefix: str) -> list[str]:
        with aws_errors(f"listing {prefix} of the evidence", writes=False):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            return [found.get("Key", "") for page in pages for found in page.get("Contents", [])]

    def _read(self, key: str) -> str:
        with aws_errors(f"reading {key} of the evidence", writes=False):
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body.decode()


def _key(move_id: str, name: str) -> str:
    return f"{MOVES}{move_id}/{name}"


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
