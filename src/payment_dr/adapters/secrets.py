"""Secrets Manager: secrets that are JSON objects of strings. Nothing here logs or repeats them."""

from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from payment_dr.adapters.aws_calls import aws_errors
from payment_dr.core.errors import PaymentDrError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_CONTENT: Final = TypeAdapter(dict[str, str])


def read_secret(client: "SecretsManagerClient", name: str) -> dict[str, str]:
    """The current version of a secret; callers keep it for a while (`adapters.cached`).

    Raises:
        UnavailableError: Secrets Manager did not answer, or has no such secret.
        PaymentDrError: the secret is not a JSON object of strings.
    """
    remedy = "check that the secret exists in this region and that the function may read it"
    with aws_errors(f"reading secret {name}", writes=False, remedy=remedy):
        text = client.get_secret_value(SecretId=name).get("SecretString", "")
    try:
        return _CONTENT.validate_json(text)
    except ValidationError:
        # From None: the original error repeats the text.
        raise PaymentDrError(
            f"secret {name} is not a JSON object of strings",
            remedy='store it as {"name": "value"}',
        ) from None
