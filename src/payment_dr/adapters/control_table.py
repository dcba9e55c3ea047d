"""The control record, run logs and heartbeats as items of the payments table.

Their keys (`control`, `control#...`) are no UUIDs, so they never meet a payment's; readers of whole
tables skip them by `record_items.is_payment_key`. Each is one item, written under a condition: the
table has no transactions.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from payment_dr.adapters.aws_calls import aws_errors
from payment_dr.adapters.conditional_write import conditional
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.stamp import SiteName
from payment_dr.recovery.control import ControlRecord
from payment_dr.recovery.ports import Heartbeat, Transition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONTROL_KEY: Final = "control"
"""`payment_id` of the control record's item."""

TRANSITIONS_MAX: Final = 500
"""Bound of one move's run log; later transitions are dropped, since nothing depends on them."""

_RECORD: Final = TypeAdapter(ControlRecord)
_TRANSITION: Final = TypeAdapter(Transition)
_HEARTBEAT: Final = TypeAdapter(Heartbeat)


def control_item(record: ControlRecord) -> dict[str, Any]:
    """The item of the control record, typed as DynamoDB's low-level client takes it."""
    return {
        "payment_id": {"S": CONTROL_KEY},
        "version": {"N": str(record.version)},
        "control": {"S": _RECORD.dump_json(record).decode()},
    }


def control_of(item: Mapping[str, Any]) -> ControlRecord:
    """The control record from its item."""
    return _RECORD.validate_json(item["control"]["S"])


class DynamoControlTable:
    """`recovery.ports.ControlTable` and `Heartbeats` over DynamoDB's low-level client."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def read(self) -> ControlRecord:
        """Strongly consistent read.

        Raises:
            PaymentDrError: the table has no control record.
        """
        item = self._item("the control record", CONTROL_KEY, strong=True)
        if item is None:
            raise PaymentDrError(
                f"table {self._table} has no control record",
                remedy="create the environment's control record: start the lab, or deploy",
            )
        return control_of(item)

    def compare_and_set(self, record: ControlRecord, *, based_on: int) -> bool:
        """Write if the stored version is `based_on`; False when it is not."""
        with aws_errors("writing the control record", writes=True):
            return conditional(
                lambda: self._client.put_item(
                    TableName=self._table,
                    Item=control_item(record),
                    ConditionExpression="#version = :based_on",
                    ExpressionAttributeNames={"#version": "version"},
                    ExpressionAttributeValues={":based_on": {"N": str(based_on)}},
                )
            )

    def create(self, record: ControlRecord) -> bool:
        """Write the first control record; False when there is one already."""
        with aws_errors("creating the control record", writes=True):
            return conditional(
                lambda: self._client.put_item(
                    TableName=self._table,
                    Item=control_item(record),
                    ConditionExpression="attribute_not_exists(payment_id)",
                )
            )

    def log(self, transitions: Sequence[Transition]) -> None:
        """Append to the run log of the move that all of them name, up to `TRANSITIONS_MAX`."""
        lines = {"L": [{"S": _TRANSITION.dump_json(line).decode()} for line in transitions]}
        with aws_errors("writing the run log", writes=True):
            conditional(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key=_key(f"{CONTROL_KEY}#run#{transitions[0].move_id}"),
                    UpdateExpression="SET #log = list_append(if_not_exists(#log, :none), :lines)",
                    ConditionExpression="attribute_not_exists(#log) OR size(#log) < :most",
                    ExpressionAttributeNames={"#log": "transitions"},
                    ExpressionAttributeValues={
                        ":none": {"L": []},
                        ":lines": lines,
                        ":most": {"N": str(TRANSITIONS_MAX)},
                    },
                )
            )

    def run_log(self, move_id: str) -> tuple[Transition, ...]:
        """The move's transitions in the order written; empty for a move that never was."""
        item = self._item("the run log", f"{CONTROL_KEY}#run#{move_id}", strong=True)
        if item is None:
            return ()
        return tuple(_TRANSITION.validate_json(line["S"]) for line in item["transitions"]["L"])

    def beat(self, heartbeat: Heartbeat) -> None:
        """Replace the site's heartbeat."""
        with aws_errors("writing the heartbeat", writes=True):
            self._client.put_item(
                TableName=self._table,
                Item={
                    **_key(f"{CONTROL_KEY}#heartbeat#{heartbeat.site}"),
                    "heartbeat": {"S": _HEARTBEAT.dump_json(heartbeat).decode()},
                },
            )

    def heartbeat(self, site: SiteName) -> Heartbeat | None:
        """The site's latest heartbeat, strongly read; None before the first."""
        item = self._item("a heartbeat", f"{CONTROL_KEY}#heartbeat#{site}", strong=True)
        return None if item is None else _HEARTBEAT.validate_json(item["heartbeat"]["S"])

    def _item(self, what: str, key: str, *, strong: bool) -> Mapping[str, Any] | None:
        with aws_errors(f"reading {what}", writes=False):
            answer = self._client.get_item(
                TableName=self._table, Key=_key(key), ConsistentRead=strong
            )
        return answer.get("Item")


def _key(name: str) -> dict[str, Any]:
    return {"payment_id": {"S": name}}
