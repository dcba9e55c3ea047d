"""The versions of one secret and their stages in Secrets Manager, as a rotation moves them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError
from pydantic import TypeAdapter, ValidationError

from payment_dr.adapters.aws_calls import aws_errors, error_code
from payment_dr.core.errors import PaymentDrError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"

_CONTENT: Final = TypeAdapter(dict[str, str])


@dataclass(frozen=True, kw_only=True, slots=True)
class Stages:
    """Which version stands where; None where none does."""

    name: str
    current: str | None
    pending: str | None


class SecretVersions:
    """One secret, by its name or ARN. Nothing here logs or repeats what is in it."""

    def __init__(self, client: "SecretsManagerClient", secret_id: str) -> None:
        self._client = client
        self._secret_id = secret_id

    def stages(self) -> Stages:
        """The secret's name, and the versions that have a stage."""
        with aws_errors("describing the secret", writes=False):
            answer = self._client.describe_secret(SecretId=self._secret_id)
        by_stage = {
            stage: version
            for version, stages in answer.get("VersionIdsToStages", {}).items()
            for stage in stages
        }
        return Stages(
            name=answer.get("Name", ""),
            current=by_stage.get(CURRENT),
            pending=by_stage.get(PENDING),
        )

    def content(self, version: str) -> dict[str, str] | None:
        """What a version holds; None while it is only a name, as at a rotation's begin.

        Raises:
            PaymentDrError: it is not a JSON object of strings.
        """
        with aws_errors("reading a version of the secret", writes=False):
            try:
                answer = self._client.get_secret_value(SecretId=self._secret_id, VersionId=version)
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise
                return None
        text = answer.get("SecretString")
        if not text:
            return None
        try:
            return _CONTENT.validate_json(text)
        except ValidationError:
            # From None: the original error repeats the text.
            raise PaymentDrError(
                "a version of the secret is not a JSON object of strings",
                remedy='store it as {"username": "...", "password": "..."}',
            ) from None

    def put_pending(self, version: str, content: Mapping[str, str]) -> None:
        """Give the pending version its content; one that it has already stays."""
        with aws_errors("storing a version of the secret", writes=True):
            try:
                self._client.put_secret_value(
                    SecretId=self._secret_id,
                    ClientRequestToken=version,
                    SecretString=json.dumps(dict(content)),
                    VersionStages=[PENDING],
                )
            except ClientError as error:
                # Another call of this step was quicker; what it stored is used.
                if error_code(error) != "ResourceExistsException":
                    raise

    def make_current(self, version: str, *, instead_of: str) -> None:
        """Let everybody read this version from now on; refused if another one is current."""
        with aws_errors("making a version of the secret current", writes=True):
            self._client.update_secret_version_stage(
                SecretId=self._secret_id,
                VersionStage=CURRENT,
                MoveToVersionId=version,
                RemoveFromVersionId=instead_of,
            )
