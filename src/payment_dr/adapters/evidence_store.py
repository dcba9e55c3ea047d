"""Evidence of moves in a bucket of the site where the plan ran: `moves/<move>/<document>`."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from payment_dr.adapters.aws_calls import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3EvidenceStore:
    """`recovery.ports.EvidenceStore`, and reading it back for reports."""

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
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
                if status != HTTPStatus.NOT_FOUND:
                    raise
                return False
        return True

    def documents(self) -> Iterator[tuple[str, str, str]]:
        """Every document as (move id, name, body), sorted by key."""
        with aws_errors("listing the evidence", writes=False):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix="moves/"
            )
            for page in pages:
                for found in page.get("Contents", []):
                    key = found.get("Key", "")
                    _, move_id, name = key.split("/", 2)
                    body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
                    yield move_id, name, body.decode()


def _key(move_id: str, name: str) -> str:
    return f"moves/{move_id}/{name}"
