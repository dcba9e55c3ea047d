"""What multi-Region strong consistency (MRSC) forbids and which calls need its majority; pure.

Source:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Data = Mapping[str, Any]
"""A DynamoDB request as its JSON body says it."""

_BATCHES: Final = frozenset({"BatchGetItem", "BatchWriteItem"})
_TRANSACTIONS: Final = frozenset({"TransactGetItems", "TransactWriteItems"})
_STRONG_READS: Final = frozenset({"GetItem", "Query", "Scan"})
_KEY_MEMBER: Final[Mapping[str, str]] = {
    "PutItem": "Item",
    "UpdateItem": "Key",
    "DeleteItem": "Key",
}
WRITES: Final = frozenset({*_KEY_MEMBER, "BatchWriteItem"})
"""The actions that change items outside of transactions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StrongTable:
    """Three regions: three replicas, or two and a witness that keeps no items."""

    name: str
    replicas: tuple[str, ...]
    witness: str | None

    @property
    def regions(self) -> frozenset[str]:
        """All its regions."""
        return frozenset((*self.replicas, *([self.witness] if self.witness else [])))


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """One item that a request writes: its table, and attributes with at least its key."""

    table: str
    attributes: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Stands for the attributes; of a key, the same for equal keys."""
        return f"{self.table} {json.dumps(self.attributes, sort_keys=True)}"


def table_names(action: str, data: Data) -> tuple[str, ...]:
    """The tables that a request names, ARNs shortened to names; malformed ones are left out."""
    return tuple(_plain(name) for name in _named(action, data) if isinstance(name, str))


def _named(action: str, data: Data) -> Iterable[Any]:
    if action in _BATCHES:
        return data.get("RequestItems") or ()
    if action in _TRANSACTIONS:
        members = data.get("TransactItems") or ()
        return [operation.get("TableName") for member in members for operation in member.values()]
    return (data.get("TableName"),)


def _plain(name: str) -> str:
    return name.rpartition("/")[2]


def only_ends(data: Data) -> bool:
    """Whether an UpdateTable only takes replicas away, or the protection from deletion."""
    return data.keys() == {"TableName", "DeletionProtectionEnabled"} or takes_replicas_away(data)


def takes_replicas_away(data: Data) -> bool:
    """Whether an UpdateTable ends replicas and makes none."""
    updates = data.get("ReplicaUpdates", ())
    return bool(updates) and all("Delete" in update for update in updates)


def refusal(action: str, data: Data) -> str | None:
    """Why a strong table refuses the request; None if it does not."""
    if action in _TRANSACTIONS:
        return "Transactions are not supported on a table with multi-Region strong consistency"
    if action == "UpdateTimeToLive" and data.get("TimeToLiveSpecification", {}).get("Enabled"):
        return "Time to Live is not supported on a table with multi-Region strong consistency"
    if action == "UpdateTable":
        return "A table with multi-Region strong consistency cannot be changed in the lab"
    return None


def writes(action: str, data: Data) -> tuple[Write, ...]:
    """The items that a request writes."""
    if action == "BatchWriteItem":
        return tuple(_batch(data))
    if action not in _KEY_MEMBER:
        return ()
    return (Write(table=_plain(data["TableName"]), attributes=data.get(_KEY_MEMBER[action], {})),)


def _batch(data: Data) -> Iterator[Write]:
    for table, requests in data["RequestItems"].items():
        for request in requests:
            put, delete = request.get("PutRequest"), request.get("DeleteRequest")
            attributes = put["Item"] if put else delete["Key"]
            yield Write(table=_plain(table), attributes=attributes)


def reads_strongly(action: str, data: Data) -> bool:
    """Whether a request asks for a strongly consistent read."""
    if action == "BatchGetItem":
        return any(read.get("ConsistentRead") for read in data["RequestItems"].values())
    return action in _STRONG_READS and bool(data.get("ConsistentRead"))
