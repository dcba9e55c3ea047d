"""Where the walk of the expirer through the payments table is, as an item of that table."""

from typing import TYPE_CHECKING, Any, Final

from payment_dr.adapters.aws_calls import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BOOKMARK_KEY: Final = "expiry"
"""`payment_id` of its item; no UUID, so that it never meets a payment's."""


class DynamoBookmark:
    """`payments.jobs.expirer.Bookmark`; written by one site, the active one."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def read(self) -> str | None:
        """The cursor; None for the beginning."""
        with aws_errors("reading the expirer's bookmark", writes=False):
            answer: Any = self._client.get_item(
                TableName=self._table, Key={"payment_id": {"S": BOOKMARK_KEY}}, ConsistentRead=True
            )
        cursor: str | None = answer.get("Item", {}).get("cursor", {}).get("S")
        return cursor

    def write(self, cursor: str | None) -> None:
        """Keep the cursor."""
        item: dict[str, Any] = {"payment_id": {"S": BOOKMARK_KEY}}
        if cursor is not None:
            item["cursor"] = {"S": cursor}
        with aws_errors("writing the expirer's bookmark", writes=True):
            self._client.put_item(TableName=self._table, Item=item)
