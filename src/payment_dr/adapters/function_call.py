"""Calling a function of the deployment and waiting for its answer."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from payment_dr.adapters.aws_calls import aws_errors
from payment_dr.core.errors import PaymentDrError, UnavailableError

ALIAS: Final = "live"
"""The published version that everything calls."""
_LAST_WORDS: Final = 600


def call(client: Any, name: str, event: Mapping[str, Any]) -> object:
    """The function's answer.

    Args:
        client: boto3's for Lambda; its read time-out must exceed the function's.
        name: of the function, e.g. `payments-initialise-east-prod`.
        event: what it gets.

    Raises:
        UnavailableError: Lambda did not take the call, or no answer came: it may have run.
        PaymentDrError: the function failed; with its error and the end of its log.
    """
    with aws_errors(f"calling function {name}", writes=True):
        answer = client.invoke(
            FunctionName=name,
            Qualifier=ALIAS,
            InvocationType="RequestResponse",
            LogType="Tail",
            Payload=json.dumps(event).encode(),
        )
        body: bytes = answer["Payload"].read()
    if "FunctionError" in answer:
        log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
        raise PaymentDrError(
            f"function {name} failed: {body.decode(errors='replace')}\n{log[-_LAST_WORDS:]}",
            remedy=f"read its log group, /aws/lambda/{name}",
            definite=False,
        )
    try:
        return json.loads(body)
    except ValueError as error:
        raise UnavailableError(f"function {name} answered no JSON", definite=False) from error
