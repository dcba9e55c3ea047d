"""Merchants and API keys as items of the payments table: what one site writes both sites see.

Their keys are `merchant#<id>` and `key#<key id>`, besides `merchants`, which lists them all: a scan
of the table would read every payment.
"""

from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import TypeAdapter

from payment_dr.adapters.aws_calls import aws_errors
from payment_dr.adapters.conditional_write import conditional
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.payments.merchants import ApiKey, Merchant

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MERCHANTS_MAX: Final = 5_000
"""Bound of the list: names of at most 63 characters keep its item below DynamoDB's 400 KB."""

LIST_KEY: Final = "merchants"
_KEY: Final = TypeAdapter(ApiKey)
_MERCHANT: Final = TypeAdapter(Merchant)
_T = TypeVar("_T", ApiKey, Merchant)


class MerchantDirectory:
    """Strongly consistent reads, conditional writes. Every method may raise `UnavailableError`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def key(self, key_id: str) -> ApiKey | None:
        """The key of that id, revoked and expired ones too; None if there never was one."""
        return self._read(f"key#{key_id}", _KEY)

    def merchant(self, name: str) -> Merchant | None:
        """The merchant of that name; None if there is none."""
        return self._read(f"merchant#{name}", _MERCHANT)

    def merchants(self) -> tuple[str, ...]:
        """The names of all merchants, sorted."""
        item = self._item(LIST_KEY)
        return () if item is None else tuple(sorted(item["names"]["SS"]))

    def add_merchant(self, merchant: Merchant) -> bool:
        """Write a new merchant; False if there is one of that name.

        Raises:
            PaymentDrError: there are as many as there may be.
        """
        # Listed first: a name in the list without a merchant is harmless, the reverse is hidden.
        self._list(merchant.merchant)
        return self._put(f"merchant#{merchant.merchant}", _MERCHANT, merchant, based_on=None)

    def add_key(self, key: ApiKey) -> bool:
        """Write a new key; False if its id is taken."""
        return self._put(f"key#{key.key_id}", _KEY, key, based_on=None)

    def replace_merchant(self, merchant: Merchant) -> bool:
        """Write the next version; False if somebody else wrote it meanwhile."""
        name = f"merchant#{merchant.merchant}"
        return self._put(name, _MERCHANT, merchant, based_on=merchant.version - 1)

    def replace_key(self, key: ApiKey) -> bool:
        """Write the next version; False if somebody else wrote it meanwhile."""
        return self._put(f"key#{key.key_id}", _KEY, key, based_on=key.version - 1)

    def _list(self, name: str) -> None:
        with aws_errors("listing a merchant", writes=True):
            listed = conditional(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key={"payment_id": {"S": LIST_KEY}},
                    UpdateExpression="ADD #names :name",
                    ConditionExpression="attribute_not_exists(#names) OR contains(#names, :plain) "
                    "OR size(#names) < :most",
                    ExpressionAttributeNames={"#names": "names"},
                    ExpressionAttributeValues={
                        ":name": {"SS": [name]},
                        ":plain": {"S": name},
                        ":most": {"N": str(MERCHANTS_MAX)},
                    },
                )
            )
        if not listed:
            raise PaymentDrError(f"there are {MERCHANTS_MAX} merchants already")

    def _read(self, name: str, kind: TypeAdapter[_T]) -> _T | None:
        item = self._item(name)
        return None if item is None else kind.validate_json(item["body"]["S"])

    def _item(self, name: str) -> Any:
        with aws_errors("reading the directory of merchants", writes=False):
            answer = self._client.get_item(
                TableName=self._table, Key={"payment_id": {"S": name}}, ConsistentRead=True
            )
        return answer.get("Item")

    def _put(self, name: str, kind: TypeAdapter[_T], value: _T, *, based_on: int | None) -> bool:
        request: Any = {
            "TableName": self._table,
            "Item": {
                "payment_id": {"S": name},
                "version": {"N": str(value.version)},
                "body": {"S": kind.dump_json(value).decode()},
            },
            "ConditionExpression": "attribute_not_exists(payment_id)",
        }
        if based_on is not None:
            request |= {
                "ConditionExpression": "version = :based_on",
                "ExpressionAttributeValues": {":based_on": {"N": str(based_on)}},
            }
        try:
            with aws_errors("writing to the directory of merchants", writes=True):
                return conditional(lambda: self._client.put_item(**request))
        except UnavailableError as error:
            if error.definite:
                raise
            # The answer was lost: what stands there tells whether the write was.
            if self._read(name, kind) == value:
                return True
            raise
