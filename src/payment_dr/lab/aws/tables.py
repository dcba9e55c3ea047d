"""Strong tables: how they are made, what is stored where, and what a cut-off region still has."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from payment_dr.core.regions import MRSC_REGION_SETS
from payment_dr.lab.aws.answers import json_error
from payment_dr.lab.aws.emulator import Emulator, Items, Table
from payment_dr.lab.aws.strong import Data, StrongTable, takes_replicas_away
from payment_dr.lab.http_server import Response

_STRONG: Final = "STRONG"
_REGIONS: Final = 3


class StrongTables:
    """The registry of strong tables.

    The replicas of a table are one store: what one region acknowledged is at once in every
    strong read. A region that is cut off keeps what it had then, for its eventual reads.
    """

    def __init__(self, emulator: Emulator, regions: frozenset[str]) -> None:
        self._emulator = emulator
        self._regions = regions
        self._tables: dict[str, StrongTable] = {}
        self._replicas: dict[str, dict[str, Table]] = {}
        self._items: dict[str, Items] = {}

    def any_of(self, names: Iterable[str]) -> bool:
        """Whether one of these tables is strong."""
        return any(name in self._tables for name in names)

    def update(self, region: str, data: Data) -> Response:
        """UpdateTable, which makes a table strong when it names replicas."""
        if "ReplicaUpdates" not in data:
            return self._emulator.dynamodb(region, "UpdateTable", data)
        if takes_replicas_away(data):
            return self._dissolve(region, data["TableName"])
        wanted = _wanted(region, data)
        problem = self._problem(region, wanted, data)
        if problem is not None:
            return json_error("ValidationException", problem)
        answer = self._emulator.dynamodb(region, "UpdateTable", data)
        if answer.status == HTTPStatus.OK:
            self._link(wanted)
        return self.described(region, answer, "TableDescription")

    def described(self, region: str, answer: Response, member: str) -> Response:
        """Add what ministack does not know of a global table to a description."""
        body = json.loads(answer.body)
        table = self._tables.get(body.get(member, {}).get("TableName"))
        if table is None:
            return answer
        body[member] |= _description(region, table)
        return Response(
            status=answer.status,
            body=json.dumps(body).encode(),
            headers={k: v for k, v in answer.headers.items() if k != "x-amz-crc32"},
        )

    def cut_off(self, region: str) -> None:
        """From now on the region's replicas stay as they are."""
        for table in self._tables.values():
            if region in table.replicas:
                self._emulator.freeze(self.stored(region, table.name))

    def reconnect(self, region: str) -> None:
        """The region's replicas catch up."""
        for table in self._tables.values():
            if region in table.replicas:
                self._emulator.attach(self.stored(region, table.name), self._items[table.name])

    def stored(self, region: str, name: str) -> Table:
        """A region's replica of a strong table."""
        return self._replicas[name][region]

    def _problem(self, region: str, wanted: StrongTable, data: Data) -> str | None:
        regions = sorted(wanted.regions)
        table = self._emulator.table(region, wanted.name)
        if data.get("MultiRegionConsistency") != _STRONG:
            return "the lab's global tables have MultiRegionConsistency STRONG"
        if not wanted.regions <= self._regions:
            return f"the lab has the Regions {sorted(self._regions)}, not {regions}"
        if len(regions) != _REGIONS or not any(wanted.regions <= s for s in MRSC_REGION_SETS):
            return (
                "multi-Region strong consistency takes three replicas, or two and a witness, in "
                f"one set of Regions; given: {regions}"
            )
        if table is not None and table["items"]:
            return f"table {wanted.name} must be empty to become strongly consistent"
        if table is not None and table["LocalSecondaryIndexes"]:
            return "local secondary indexes are not supported with multi-Region strong consistency"
        return None

    def _dissolve(self, region: str, name: str) -> Response:
        """Only the table of the region that was asked stays, with the items."""
        table = self._tables.pop(name, None)
        if table is None:
            return json_error("ValidationException", f"{name} has no replicas")
        for replica in table.replicas:
            if replica != region:
                self._emulator.forget(replica, name)
        del self._replicas[name], self._items[name]
        answer = self._emulator.dynamodb(region, "DescribeTable", {"TableName": name})
        body = json.dumps({"TableDescription": json.loads(answer.body)["Table"]}).encode()
        return replace(answer, body=body, headers={})

    def _link(self, wanted: StrongTable) -> None:
        replicas = {
            region: table
            for region in wanted.replicas
            if (table := self._emulator.table(region, wanted.name)) is not None
        }
        items = self._emulator.items_of(replicas[wanted.replicas[0]])
        for table in replicas.values():
            # ministack would copy each write at once, and keep a stream of them that nobody reads.
            table["_global_regions"] = []
            table["StreamSpecification"] = None
            self._emulator.attach(table, items)
        self._items[wanted.name] = items
        self._replicas[wanted.name] = replicas
        self._tables[wanted.name] = wanted


def _wanted(region: str, data: Data) -> StrongTable:
    def created(member: str) -> list[str]:
        return [update["Create"]["RegionName"] for update in data.get(member, ())]

    witnesses = created("GlobalTableWitnessUpdates")
    return StrongTable(
        name=data["TableName"],
        replicas=(region, *created("ReplicaUpdates")),
        witness=witnesses[0] if witnesses else None,
    )


def _description(region: str, table: StrongTable) -> Mapping[str, Any]:
    description: dict[str, Any] = {
        "GlobalTableVersion": "2019.11.21",
        "MultiRegionConsistency": _STRONG,
        "Replicas": [
            {"RegionName": replica, "ReplicaStatus": "ACTIVE"}
            for replica in table.replicas
            if replica != region
        ],
    }
    if table.witness is not None:
        description["GlobalTableWitnesses"] = [
            {"RegionName": table.witness, "WitnessStatus": "ACTIVE"}
        ]
    return description
