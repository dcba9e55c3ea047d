"""The lab's cloud: every region's endpoint, and what becomes of it when a region is lost."""

from enum import StrEnum, unique

from payment_dr.core.settings import Settings
from payment_dr.lab.aws.dynamodb import DynamoDb
from payment_dr.lab.aws.emulator import Emulator
from payment_dr.lab.aws.endpoint import Services
from payment_dr.lab.aws.invocations import Answer, Invocation, Invoke
from payment_dr.lab.aws.rds import Databases, Rds
from payment_dr.lab.aws.regions import Regions, RegionState
from payment_dr.lab.aws.tables import StrongTables
from payment_dr.lab.http_server import HttpServer, Request, Response


@unique
class Outage(StrEnum):
    """How a region that is down fails: at once, or by never answering."""

    REFUSE = "refuse"
    BLACKHOLE = "blackhole"


class Cloud:
    """All regions of a lab; `ports` is by region."""

    def __init__(
        self, settings: Settings, ports: dict[str, int], databases: Databases, invoke: Invoke
    ) -> None:
        self.regions = Regions(ports)
        self._invoke = invoke
        emulator = Emulator(settings.deployment.account_id, self.invoke)
        self._tables = StrongTables(emulator, frozenset(ports))
        dynamodb = DynamoDb(
            emulator, self._tables, self.regions, settings.lab.majority_delay_ms / 1000
        )
        self._rds = Rds(emulator, self.regions, settings, databases)
        self.services = Services(emulator, dynamodb, self._rds)
        self.servers = {region: self._server(region, port) for region, port in ports.items()}

    async def change(self, region: str, state: RegionState, outage: Outage) -> None:
        """Change a region's state; KeyError if there is no such region."""
        before = self.regions.states[region]
        self.regions.change(region, state)
        if state is RegionState.UP:
            self._tables.reconnect(region)
            self._rds.reconnect(region)
        elif before is RegionState.UP:
            self._tables.cut_off(region)
            self._rds.cut_off(region)
        if state is not RegionState.DOWN:
            await self.servers[region].open()
        elif outage is Outage.BLACKHOLE:
            await self.servers[region].mute()
        else:
            self.servers[region].refuse()

    def invoke(self, invocation: Invocation) -> Answer:
        """Call a function, unless its region is down: what is scheduled there does not run."""
        if self.regions.states[invocation.region] is RegionState.DOWN:
            return Answer.failure("Lambda.ServiceException", f"{invocation.region} is down")
        return self._invoke(invocation)

    def _server(self, region: str, port: int) -> HttpServer:
        async def serve(request: Request) -> Response:
            return await self.services.call(region, request)

        return HttpServer(port, serve)
