"""Answers in AWS's shapes; request ids are counted, so that a log can be read in order."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from itertools import count
from typing import Any, Final
from xml.sax.saxutils import escape

from payment_dr.lab.http_server import Response

JSON: Final = "application/x-amz-json-1.0"
_REQUEST_IDS: Final = count(1)


def request_id() -> str:
    """A new request id in AWS's form."""
    return f"{next(_REQUEST_IDS):032X}"


def json_answer(status: int, body: bytes, headers: Mapping[str, str]) -> Response:
    """An answer of a JSON service."""
    return Response(status=status, body=body, headers={**headers, "x-amzn-requestid": request_id()})


def json_error(code: str, message: str, status: int = 400) -> Response:
    """An error of a JSON service; SDKs name the exception after `code`."""
    body: dict[str, Any] = {"__type": code, "message": message}
    headers = {"content-type": JSON, "x-amzn-errortype": code}
    return json_answer(status, json.dumps(body).encode(), headers)


def query_error(code: str, message: str, status: int = 400) -> Response:
    """An error of a query service (RDS)."""
    kind = "Sender" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "Receiver"
    body = (
        f"<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code>"
        f"<Message>{escape(message)}</Message></Error>"
        f"<RequestId>{request_id()}</RequestId></ErrorResponse>"
    )
    return Response(status=status, body=body.encode(), headers={"content-type": "text/xml"})
