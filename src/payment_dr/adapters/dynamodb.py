"""The payments table over DynamoDB: strong reads, conditional writes of one item, sparse indexes.

A table with multi-Region strong consistency has no transactions, time to live or local indexes;
nothing here uses them.
"""

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import ClientError

from payment_dr.adapters.aws_calls import aws_errors, error_code, tight
from payment_dr.adapters.conditional_write import conditional
from payment_dr.adapters.record_items import (
    KEY,
    OPEN_INDEX,
    OPEN_KEY,
    UNCONFIRMED_INDEX,
    UNCONFIRMED_KEY,
    Item,
    is_payment_key,
    item_of,
    record_of,
)
from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import PaymentSettings
from payment_dr.payments.jobs.rebuild import ScanPage
from payment_dr.payments.ports import Page
from payment_dr.payments.record import Record

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH: Final = 100
"""Keys per BatchGetItem; the service's own limit."""

_BATCH_TRIES: Final = 10
_CONFLICT_TRIES: Final = 20
_PAUSE_S: Final = 0.03
_SCAN_PAGES_MAX: Final = 1_000_000


def table_config(limits: PaymentSettings, *, connections: int) -> Config:
    """Client configuration: one attempt within `table_timeout_s`.

    Whoever calls knows whether an attempt may be repeated. Parameters are not validated, since
    `record_items` alone builds them: that and idle botocore features cost a tenth of a call's CPU.
    """
    read_s = limits.table_timeout_s
    return tight(read_s, connect_s=min(1.0, read_s), connections=connections).merge(
        Config(parameter_validation=False, tcp_keepalive=True)
    )


class DynamoPaymentsTable:
    """`payments.ports.PaymentsTable`; safe to share between threads.

    Args:
        client: made with `table_config`.
        table: the table's name.
        clock: for the waits between conflicting writes.
        deadline_s: a write that conflicts with the other region's is given up after this.
    """

    def __init__(
        self, client: "DynamoDBClient", table: str, *, clock: Clock, deadline_s: float
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._deadline_s = deadline_s

    def get(self, payment_id: str) -> Record | None:
        """Strongly consistent read."""
        with aws_errors("reading a payment", writes=False):
            answer = self._client.get_item(
                TableName=self._table, Key={KEY: {"S": payment_id}}, ConsistentRead=True
            )
        item = answer.get("Item")
        return None if item is None else record_of(item)

    def get_many(self, payment_ids: Sequence[str]) -> Sequence[Record]:
        """Strongly consistent reads, in any order, missing ones left out."""
        records: list[Record] = []
        for start in range(0, len(payment_ids), _BATCH):
            batch = self._batch(payment_ids[start : start + _BATCH])
            records += [record_of(item) for item in batch]
        return records

    def _batch(self, payment_ids: Sequence[str]) -> list[Item]:
        """Read one batch, asking again for what the service left out for its size or load."""
        found: list[Item] = []
        wanted: Any = {
            self._table: {"Keys": [{KEY: {"S": i}} for i in payment_ids], "ConsistentRead": True}
        }
        for _ in range(_BATCH_TRIES):
            with aws_errors("reading payments", writes=False):
                answer = self._client.batch_get_item(RequestItems=wanted)
            found += answer["Responses"].get(self._table, [])
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
            self._pause()
        raise UnavailableError(f"reading payments: table {self._table} left keys unread")

    def put_if_absent(self, record: Record) -> Record | None:
        """Write a new record; None when written, the existing record when there was one."""
        refused = self._write(
            "claiming a payment",
            {
                "TableName": self._table,
                "Item": item_of(record),
                "ConditionExpression": f"attribute_not_exists({KEY})",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
        )
        return None if refused is None else record_of(refused["Item"])

    def replace(self, record: Record, *, based_on: int) -> bool:
        """Write if the stored version is `based_on`; False when it is not."""
        refused = self._write(
            "writing a payment",
            {
                "TableName": self._table,
                "Item": item_of(record),
                "ConditionExpression": "#version = :based_on",
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": {":based_on": {"N": str(based_on)}},
            },
        )
        return refused is None

    def _write(self, what: str, request: dict[str, Any]) -> Any:
        """Put one item; None when written, the service's refusal when the condition is false.

        A conflict with a write in the other region took no effect and is tried again.
        """
        deadline = self._clock.monotonic() + self._deadline_s
        for _ in range(_CONFLICT_TRIES):
            with aws_errors(what, writes=True):
                try:
                    self._client.put_item(**request)
                except ClientError as error:
                    if error_code(error) == "ConditionalCheckFailedException":
                        return error.response
                    if error_code(error) != "ReplicatedWriteConflictException":
                        raise
                else:
                    return None
            if self._clock.monotonic() >= deadline:
                break
            self._pause()
        raise UnavailableError(f"{what}: writes in the other region kept getting in the way")

    def _pause(self) -> None:
        self._clock.sleep(random.uniform(0, _PAUSE_S))  # noqa: S311 - jitter, no secret

    def unconfirmed(self, shard: int, *, cursor: str | None, limit: int) -> Page:
        """Ids of records whose `unconfirmed` is `shard`."""
        return self._page(UNCONFIRMED_INDEX, UNCONFIRMED_KEY, shard, cursor, limit)

    def open_operations(self, shard: int, *, cursor: str | None, limit: int) -> Page:
        """Ids of records of this `shard_of` that have a pending operation."""
        return self._page(OPEN_INDEX, OPEN_KEY, shard, cursor, limit)

    def _page(self, index: str, key: str, shard: int, cursor: str | None, limit: int) -> Page:
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": index,
            "KeyConditionExpression": f"{key} = :shard",
            "ExpressionAttributeValues": {":shard": {"N": str(shard)}},
            "Limit": limit,
        }
        if cursor is not None:
            request["ExclusiveStartKey"] = {key: {"N": str(shard)}, KEY: {"S": cursor}}
        with aws_errors(f"reading index {index}", writes=False):
            answer: Any = self._client.query(**request)
        last = answer.get("LastEvaluatedKey")
        return Page(
            payment_ids=tuple(item[KEY]["S"] for item in answer["Items"]),
            cursor=last[KEY]["S"] if last else None,
        )

    def records(self) -> Iterator[Record]:
        """Every payment by a strongly consistent scan, in any order; for evidence."""
        cursor: str | None = None
        for _ in range(_SCAN_PAGES_MAX):
            page = self.scan(cursor=cursor)
            yield from page.records
            cursor = page.cursor
            if cursor is None:
                return
        raise UnavailableError(f"scanning payments: table {self._table} did not end")

    def scan(self, *, cursor: str | None, limit: int | None = None) -> ScanPage:
        """A page of a strongly consistent scan; without a limit as much as the service gives."""
        request: dict[str, Any] = {"TableName": self._table, "ConsistentRead": True}
        if cursor is not None:
            request["ExclusiveStartKey"] = {KEY: {"S": cursor}}
        if limit is not None:
            request["Limit"] = limit
        with aws_errors("scanning payments", writes=False):
            answer: Any = self._client.scan(**request)
        items: list[Item] = answer["Items"]
        last = answer.get("LastEvaluatedKey")
        return ScanPage(
            records=tuple(record_of(item) for item in items if is_payment_key(item[KEY]["S"])),
            cursor=last[KEY]["S"] if last else None,
        )

    def delete_expired(self, payment_id: str, *, based_on: int) -> bool:
        """Delete an expired record if the stored version is `based_on`; False when it is not."""
        with aws_errors("expiring a payment", writes=True):
            return conditional(
                lambda: self._client.delete_item(
                    TableName=self._table,
                    Key={KEY: {"S": payment_id}},
                    ConditionExpression="#version = :based_on",
                    ExpressionAttributeNames={"#version": "version"},
                    ExpressionAttributeValues={":based_on": {"N": str(based_on)}},
                )
            )

    def items_counted(self) -> int:
        """Items of the table as the service counted them, some hours ago perhaps."""
        with aws_errors("asking for the table's size", writes=False):
            answer = self._client.describe_table(TableName=self._table)
        return answer["Table"].get("ItemCount", 0)
