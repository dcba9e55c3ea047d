"""Walking, expiring and counting over DynamoDB, and the bookmark of the walk."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from fakes.clock import FakeClock
from fakes.composed import FakeWorld
from fakes.scene import Scene
from payment_dr.adapters.dynamodb import DynamoPaymentsTable
from payment_dr.adapters.expiry_bookmark import DynamoBookmark
from payment_dr.adapters.record_items import item_of
from payment_dr.core.errors import UnavailableError
from payment_dr.functions import sweeper


class Client:
    """Remembers requests and gives prepared answers, or raises them."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []

    def _answer(self, **request: Any) -> Any:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    scan = get_item = put_item = delete_item = describe_table = _answer


def table(client: Any) -> DynamoPaymentsTable:
    return DynamoPaymentsTable(client, "table", clock=FakeClock(), deadline_s=2)


def test_a_scan_goes_on_where_it_was_and_passes_over_what_is_no_payment() -> None:
    record = Scene().paid()
    last = {"payment_id": {"S": record.payment_id}}
    other = {"payment_id": {"S": "control"}}
    client = Client({"Items": [item_of(record), other], "LastEvaluatedKey": last}, {"Items": []})
    first = table(client).scan(cursor=None, limit=2)
    assert (first.records, first.cursor) == ((record,), record.payment_id)
    second = table(client).scan(cursor=first.cursor, limit=2)
    assert (second.records, second.cursor) == ((), None)
    assert client.requests == [
        {"TableName": "table", "ConsistentRead": True, "Limit": 2},
        {"TableName": "table", "ConsistentRead": True, "Limit": 2, "ExclusiveStartKey": last},
    ]


def test_every_payment_is_given_page_after_page() -> None:
    record = Scene().paid()
    last = {"payment_id": {"S": record.payment_id}}
    client = Client({"Items": [item_of(record)], "LastEvaluatedKey": last}, {"Items": []})
    assert list(table(client).records()) == [record]


def test_a_record_is_deleted_only_in_the_version_that_was_seen() -> None:
    refused = ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "DeleteItem")
    client = Client({}, refused)
    assert table(client).delete_expired("p1", based_on=3)
    assert not table(client).delete_expired("p1", based_on=3)
    request = client.requests[0]
    assert request["ConditionExpression"] == "#version = :based_on"
    assert request["ExpressionAttributeValues"] == {":based_on": {"N": "3"}}


def test_the_size_is_what_the_service_counted_if_it_has() -> None:
    client = Client({"Table": {"ItemCount": 12}}, {"Table": {}})
    assert [table(client).items_counted(), table(client).items_counted()] == [12, 0]


def test_the_bookmark_is_read_as_it_was_written() -> None:
    client = Client({}, {}, {})
    bookmark = DynamoBookmark(client, "table")  # type: ignore[arg-type]  # as much as it needs
    bookmark.write("p1")
    bookmark.write(None)
    assert bookmark.read() is None
    written, reset = client.requests[0], client.requests[1]
    assert written["Item"] == {"payment_id": {"S": "expiry"}, "cursor": {"S": "p1"}}
    assert reset["Item"] == {"payment_id": {"S": "expiry"}}
    assert client.requests[2]["ConsistentRead"]
    again = DynamoBookmark(Client({"Item": written["Item"]}), "table")  # type: ignore[arg-type]  # as much as it needs
    assert again.read() == "p1"


def test_a_silent_table_leaves_a_deletion_in_doubt_and_a_read_not() -> None:
    silent = ConnectTimeoutError(endpoint_url="x")
    with pytest.raises(UnavailableError):
        table(Client(silent)).delete_expired("p1", based_on=1)
    with pytest.raises(UnavailableError):
        DynamoBookmark(Client(silent), "table").read()  # type: ignore[arg-type]  # as much as it needs


def test_the_sweeper_walks_its_own_environments_table(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client({"Items": []}, {})
    monkeypatch.setattr(sweeper, "aws_client", lambda *_: client)
    walked, bookmark = sweeper.expiry_of(FakeWorld().parts("east").environment)
    assert not walked.scan(cursor=None, limit=1).records
    assert bookmark.read() is None
    assert {request["TableName"] for request in client.requests} == {"payments-table-dev"}
