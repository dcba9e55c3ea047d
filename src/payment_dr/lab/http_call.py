"""One JSON call to a control port of the lab."""

import http.client
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.errors import LabError

_ANSWER_BYTES_MAX: Final = 1024 * 1024


def call_json(
    port: int,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    timeout_s: float,
) -> Any:
    """Make the call and return the answer's JSON, None for an empty one.

    Raises:
        LabError: no answer, `definite=False` when it may have acted; or one that is no success.
    """
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_s)
    what = f"{method} {path} at port {port}"
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        text = response.read(_ANSWER_BYTES_MAX).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        refused = isinstance(error, ConnectionRefusedError)
        raise LabError(f"{what} got no answer: {error}", definite=refused) from error
    finally:
        connection.close()
    if response.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise LabError(f"{what} was refused with {response.status}: {text.strip()}")
    return json.loads(text) if text else None
