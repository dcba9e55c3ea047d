import json
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from payment_dr.adapters.dynamodb_answers import read_plainly

TABLE = "payments-dev"
ITEM = {"payment_id": {"S": "a"}, "version": {"N": "2"}, "tags": {"L": [{"M": {"k": {"S": "v"}}}]}}


class Raw:
    """As much of urllib3's answer as botocore reads."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> list[bytes]:
        return [self._body]


def client(body: bytes, status: int = 200, *, plain: bool) -> Any:
    """One that gets this answer to everything, before anything is sent."""
    session: Any = boto3.session.Session()
    made = session.client(
        "dynamodb",
        region_name="eu-west-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )

    def answer(**_: object) -> AWSResponse:
        headers: Any = {"x-amzn-requestid": "r-1"}
        return AWSResponse("http://localhost", status, headers, Raw(body))

    made.meta.events.register("before-send.dynamodb", answer)
    if plain:
        read_plainly(made)
    return made


@pytest.mark.parametrize(
    ("operation", "request_", "answer"),
    [
        ("scan", {"TableName": TABLE}, {"Items": [ITEM], "Count": 1, "ScannedCount": 1}),
        (
            "query",
            {"TableName": TABLE, "KeyConditionExpression": "a = b"},
            {"Items": [ITEM], "Count": 1, "LastEvaluatedKey": {"payment_id": {"S": "a"}}},
        ),
        (
            "batch_get_item",
            {"RequestItems": {TABLE: {"Keys": [{"payment_id": {"S": "a"}}]}}},
            {"Responses": {TABLE: [ITEM]}, "UnprocessedKeys": {}},
        ),
    ],
)
def test_an_answer_is_what_botocore_makes_of_it(
    operation: str, request_: dict[str, Any], answer: dict[str, Any]
) -> None:
    body = json.dumps(answer).encode()
    plain, usual = (
        getattr(client(body, plain=how), operation)(**request_) for how in (True, False)
    )
    assert plain == usual
    assert plain["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert {name: plain[name] for name in answer} == answer


def test_an_error_is_still_botocores() -> None:
    body = json.dumps({"__type": "x#ResourceNotFoundException", "message": "no table"}).encode()
    with pytest.raises(ClientError, match="no table"):
        client(body, 400, plain=True).scan(TableName=TABLE)


@pytest.mark.parametrize("body", [b"no json", b'"text"'])
def test_what_is_no_object_is_left_to_botocore(body: bytes) -> None:
    outcomes: list[object] = []
    for how in (True, False):
        try:
            outcomes.append(client(body, plain=how).scan(TableName=TABLE))
        # pylint: disable-next=broad-exception-caught; whatever botocore raises, both must
        except Exception as error:  # noqa: BLE001 - as above
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]
