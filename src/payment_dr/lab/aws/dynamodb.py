"""DynamoDB of every region: majority and latency of strong tables, then ministack decides."""

import asyncio
import itertools
import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from payment_dr.lab.aws import strong
from payment_dr.lab.aws.answers import json_error
from payment_dr.lab.aws.emulator import DYNAMODB_FUNCTIONS, Emulator
from payment_dr.lab.aws.regions import Regions
from payment_dr.lab.aws.strong import Write
from payment_dr.lab.aws.tables import StrongTables
from payment_dr.lab.http_server import Request, Response

_CONFLICT: Final = (
    "One or more items in this request are being modified by a request in another Region."
)
GIVE_UP_S: Final = 0.2
"""How long a region without a majority waits before it answers an error."""


class DynamoDb:
    """All regions' DynamoDB.

    A write to a strong table is answered `majority_delay_s` after it came. By turns it takes effect
    when it comes or when it is answered: a region that is lost in between may have written without
    saying so, or not. (Both in the middle would take a second timer: 0.1 ms of CPU a write.)
    """

    def __init__(
        self,
        emulator: Emulator,
        tables: StrongTables,
        regions: Regions,
        majority_delay_s: float,
    ) -> None:
        self._emulator = emulator
        self._tables = tables
        self._regions = regions
        self._delay_s = majority_delay_s
        self._at_once = itertools.cycle((True, False))
        self._in_flight: dict[str, list[str]] = {}

    async def call(self, region: str, action: str, request: Request) -> Response:
        """Answer one request."""
        if action not in DYNAMODB_FUNCTIONS:
            return json_error("UnknownOperationException", f"{action} is not offered by the lab")
        try:
            data = json.loads(request.body)
        except ValueError:
            return json_error("SerializationException", "the body is not JSON")
        if action == "UpdateTable" and strong.only_ends(data):
            return self._tables.update(region, data)
        if self._tables.any_of(strong.table_names(action, data)):
            return await self._strong(region, action, data)
        if action == "UpdateTable":
            return self._tables.update(region, data)
        return self._emulator.dynamodb(region, action, data)

    async def _strong(self, region: str, action: str, data: dict[str, Any]) -> Response:
        refusal = strong.refusal(action, data)
        if refusal is not None:
            return json_error("ValidationException", refusal)
        writes = strong.writes(action, data)
        if writes:
            return await self._write(region, action, data, writes)
        if strong.reads_strongly(action, data):
            return await self._strong_read(region, action, data)
        return self._described(region, action, self._emulator.dynamodb(region, action, data))

    async def _strong_read(self, region: str, action: str, data: dict[str, Any]) -> Response:
        await asyncio.sleep(self._delay_s)
        if not self._regions.has_majority(region):
            return await self._no_majority()
        return self._emulator.dynamodb(region, action, data)

    async def _write(
        self, region: str, action: str, data: dict[str, Any], writes: tuple[Write, ...]
    ) -> Response:
        if not self._regions.has_majority(region):
            return await self._no_majority()
        fingerprints = self._fingerprints(region, writes)
        if any(set(self._in_flight.get(f, ())) - {region} for f in fingerprints):
            await asyncio.sleep(self._delay_s)
            return json_error("ReplicatedWriteConflictException", _CONFLICT)
        with self._flying(region, fingerprints):
            early = self._emulator.dynamodb(region, action, data) if next(self._at_once) else None
            await asyncio.sleep(self._delay_s)
            if not self._regions.has_majority(region):
                return await self._no_majority()
            return early or self._emulator.dynamodb(region, action, data)

    async def _no_majority(self) -> Response:
        await asyncio.sleep(GIVE_UP_S)
        return json_error("InternalServerError", "Internal server error", 500)

    def _fingerprints(self, region: str, writes: tuple[Write, ...]) -> tuple[str, ...]:
        return tuple(
            Write(
                table=write.table,
                attributes=self._emulator.key(
                    self._tables.stored(region, write.table), write.attributes
                ),
            ).fingerprint
            for write in writes
        )

    @contextmanager
    def _flying(self, region: str, fingerprints: tuple[str, ...]) -> Generator[None]:
        for fingerprint in fingerprints:
            self._in_flight.setdefault(fingerprint, []).append(region)
        try:
            yield
        finally:
            for fingerprint in fingerprints:
                self._in_flight[fingerprint].remove(region)
                if not self._in_flight[fingerprint]:
                    del self._in_flight[fingerprint]

    def _described(self, region: str, action: str, answer: Response) -> Response:
        if action != "DescribeTable":
            return answer
        return self._tables.described(region, answer, "Table")
