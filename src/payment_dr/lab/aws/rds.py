"""RDS of every region: a move of the global database's writer promotes a real PostgreSQL."""

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from enum import StrEnum, unique
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import Settings
from payment_dr.lab.aws.answers import query_error
from payment_dr.lab.aws.emulator import Emulator, WriterSwitch
from payment_dr.lab.aws.regions import Regions
from payment_dr.lab.http_call import call_json
from payment_dr.lab.http_server import Request, Response

Form = Mapping[str, list[str]]

_DESCRIBE: Final = "DescribeGlobalClusters"
_MOVES: Final = frozenset({"FailoverGlobalCluster", "SwitchoverGlobalCluster"})
_OFFERED: Final = frozenset(
    {
        _DESCRIBE,
        *_MOVES,
        "CreateGlobalCluster",
        "CreateDBCluster",
        "DeleteDBCluster",
        "DeleteGlobalCluster",
        "DescribeDBClusters",
        "RemoveFromGlobalCluster",
    }
)
_ELSEWHERE: Final = ("DBClusterParameterGroupName", "DBSubnetGroupName")
"""Parameters that name what the lab does not keep, and ministack would look for."""
_MODES: Final = {"AllowDataLoss", "Switchover"}
_INVALID: Final = "InvalidGlobalClusterStateFault"


@unique
class WriterMove(StrEnum):
    """FAILOVER promotes the target, losing its lag; SWITCHOVER exchanges roles without loss."""

    FAILOVER = "failover"
    SWITCHOVER = "switchover"


class Databases(Protocol):
    """The real databases behind the clusters."""

    def move_writer(self, move: WriterMove, site: str) -> None:
        """Make the site's database the writer.

        Raises:
            PaymentDrError: refused, or not answered; with `definite=False` it may have happened.
        """
        ...


class SupervisorDatabases:
    """The databases that a lab's supervisor keeps, by its control API."""

    def __init__(self, control_port: int, timeout_s: float) -> None:
        self._port = control_port
        self._timeout_s = timeout_s

    def move_writer(self, move: WriterMove, site: str) -> None:
        """See `Databases.move_writer`."""
        call_json(
            self._port, "POST", f"/databases/{move}", {"site": site}, timeout_s=self._timeout_s
        )


class Rds:
    """All regions' RDS; global clusters are one thing seen from each."""

    def __init__(
        self, emulator: Emulator, regions: Regions, settings: Settings, databases: Databases
    ) -> None:
        self._emulator = emulator
        self._regions = regions
        self._sites = {site.region: site.name for site in settings.sites}
        self._databases = databases
        self._known: dict[str, dict[Any, Any]] = {}
        self._moving: set[str] = set()

    async def call(self, region: str, action: str, request: Request) -> Response:
        """Answer one request."""
        if action not in _OFFERED:
            return query_error("InvalidAction", f"{action} is not offered by the lab")
        form = parse_qs(request.body.decode())
        for name in _ELSEWHERE:
            form.pop(name, None)
        if action in _MOVES:
            return await self._move(region, form)
        if action == _DESCRIBE and region in self._known:
            with self._emulator.knowing(self._known[region]):
                return self._emulator.rds(region, form)
        return self._emulator.rds(region, form)

    def cut_off(self, region: str) -> None:
        """From now on the region learns nothing of the others' moves."""
        self._known[region] = self._emulator.global_clusters()

    def reconnect(self, region: str) -> None:
        """The region learns what happened."""
        self._known.pop(region, None)

    async def _move(self, region: str, form: Form) -> Response:
        if form.keys() >= _MODES:
            return self._emulator.rds(region, form)  # which refuses the combination
        switch = self._emulator.writer_switch(region, form)
        if isinstance(switch, Response):
            return switch
        move = _move_of(form)
        problem = self._problem(region, move, switch)
        if problem is not None:
            return query_error(_INVALID, problem)
        with self._in_progress(move, switch):
            try:
                await asyncio.to_thread(
                    self._databases.move_writer, move, self._sites[_region_of(switch.target)]
                )
            except PaymentDrError as error:
                if error.definite:
                    return query_error(_INVALID, str(error))
                return query_error("InternalFailure", str(error), HTTPStatus.INTERNAL_SERVER_ERROR)
        return self._emulator.rds(region, form)

    def _problem(self, region: str, move: WriterMove, switch: WriterSwitch) -> str | None:
        needed = {region, _region_of(switch.target)}
        if move is WriterMove.SWITCHOVER:
            needed |= {_region_of(member) for member in switch.members}
        if not self._regions.connected(*needed):
            return f"a {move} needs {', '.join(sorted(needed))} to be up and to reach each other"
        if switch.identifier in self._moving:
            return f"global cluster {switch.identifier} is being moved already"
        return None

    @contextmanager
    def _in_progress(self, move: WriterMove, switch: WriterSwitch) -> Generator[None]:
        self._moving.add(switch.identifier)
        status = f"{'failing' if move is WriterMove.FAILOVER else 'switching'}-over"
        switch.cluster["Status"] = status
        switch.cluster["FailoverState"] = {
            "Status": status,
            "FromDbClusterArn": switch.writer,
            "ToDbClusterArn": switch.target,
            "IsDataLossAllowed": move is WriterMove.FAILOVER,
        }
        try:
            yield
        finally:
            switch.cluster["Status"] = "available"
            del switch.cluster["FailoverState"]
            self._moving.discard(switch.identifier)


def _move_of(form: Form) -> WriterMove:
    """A FailoverGlobalCluster that does not allow data loss is a switchover, as on AWS."""
    allowed = form.get("AllowDataLoss", ["false"])[0].lower() == "true"
    failover = form["Action"][0] == "FailoverGlobalCluster"
    return WriterMove.FAILOVER if failover and allowed else WriterMove.SWITCHOVER


def _region_of(arn: str) -> str:
    return arn.split(":")[3]
