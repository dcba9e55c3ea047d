"""The audit log as items `control#audit#<number>` of the payments table, each written once.

The table has no transactions and no order of its own. `control#audit#last` is a hint at how far the
log has come; it may be behind, so the log is followed from there to its end.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from payment_dr.adapters.aws_calls import aws_errors, error_code
from payment_dr.adapters.control_table import CONTROL_KEY
from payment_dr.core.errors import UnavailableError
from payment_dr.recovery.audit import AUDIT_ENTRY, AuditEntry, entry_text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AUDIT_KEY: Final = f"{CONTROL_KEY}#audit#"
"""What the keys of all items of the log begin with."""

_HINT: Final = f"{AUDIT_KEY}last"
_BATCH: Final = 100
_ENTRIES_MAX: Final = 1_000_000
_BATCH_TRIES: Final = 10
_REFUSED: Final = frozenset({"ConditionalCheckFailedException", "ReplicatedWriteConflictException"})
"""A conflict with the other region's write took no effect: whoever appends looks again."""


class DynamoAuditLog:
    """`recovery.audit.AuditLog` over DynamoDB's low-level client."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def last(self) -> tuple[int, AuditEntry | None]:
        """The latest number, 0 before the first, and its entry, strongly read."""
        hint = self._hint()
        found = self._get(hint)
        for number in range(hint + 1, _ENTRIES_MAX):
            after = self._get(number)
            if after is None:
                return number - 1, found
            found = after
        raise UnavailableError(f"the audit log has more than {_ENTRIES_MAX} entries")

    def append(self, entry: AuditEntry) -> bool:
        """Write it under its number; False if there is one already."""
        with aws_errors("writing to the audit log", writes=True):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item={**_key(_name(entry.number)), "entry": {"S": entry_text(entry)}},
                    ConditionExpression="attribute_not_exists(payment_id)",
                )
            except ClientError as error:
                if error_code(error) not in _REFUSED:
                    raise
                return False
        self._set_hint(entry.number)
        return True

    def entries(self) -> Mapping[int, AuditEntry]:
        """All of them by number; numbers that are missing between others are missing there."""
        number, _ = self.last()
        numbers = range(1, number + 1)
        return {
            number: entry
            for start in range(0, len(numbers), _BATCH)
            for number, entry in self._batch(numbers[start : start + _BATCH])
        }

    def _batch(self, numbers: Sequence[int]) -> Iterator[tuple[int, AuditEntry]]:
        keys = [_key(_name(number)) for number in numbers]
        for _ in range(_BATCH_TRIES):
            request: Any = {self._table: {"Keys": keys, "ConsistentRead": True}}
            with aws_errors("reading the audit log", writes=False):
                answer: Any = self._client.batch_get_item(RequestItems=request)
            for item in answer["Responses"].get(self._table, []):
                number = int(item["payment_id"]["S"].rpartition("#")[2])
                yield number, AUDIT_ENTRY.validate_json(item["entry"]["S"])
            keys = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if not keys:
                return
        raise UnavailableError("reading the audit log: the table kept leaving entries out")

    def _get(self, number: int) -> AuditEntry | None:
        item = self._item(_name(number))
        return None if item is None else AUDIT_ENTRY.validate_json(item["entry"]["S"])

    def _hint(self) -> int:
        item = self._item(_HINT)
        return 0 if item is None else int(item["number"]["N"])

    def _set_hint(self, number: int) -> None:
        """Unless it fails: then the next one walks a little further."""
        with suppress(BotoCoreError, ClientError):
            self._client.put_item(
                TableName=self._table, Item={**_key(_HINT), "number": {"N": str(number)}}
            )

    def _item(self, key: str) -> Mapping[str, Any] | None:
        with aws_errors("reading the audit log", writes=False):
            answer = self._client.get_item(
                TableName=self._table, Key=_key(key), ConsistentRead=True
            )
        return answer.get("Item")


def _name(number: int) -> str:
    return f"{AUDIT_KEY}{number:08}"


def _key(name: str) -> dict[str, Any]:
    return {"payment_id": {"S": name}}
