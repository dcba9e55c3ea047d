"""Two watchers over one world in memory."""

from collections.abc import Callable

from fakes.composed import SETTINGS
from fakes.recovery_world import EAST, WEST, FakeWorld
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import FailoverSettings, Settings
from payment_dr.core.stamp import SiteName
from payment_dr.functions.orchestration import InTheTick, Orchestration
from payment_dr.functions.watcher import Tick, Watcher, WatchPorts
from payment_dr.recovery.ports import Heartbeat

LENIENT = SETTINGS.model_copy(update={"failover": FailoverSettings(min_stay_s=0)})


class Heartbeats:
    """Both sites' heartbeats; `fails` lets every call of it fail."""

    def __init__(self) -> None:
        self.kept: dict[SiteName, Heartbeat] = {}
        self.fails = False

    def beat(self, heartbeat: Heartbeat) -> None:
        self._check()
        self.kept[heartbeat.site] = heartbeat

    def heartbeat(self, site: SiteName) -> Heartbeat | None:
        self._check()
        return self.kept.get(site)

    def _check(self) -> None:
        if self.fails:
            raise UnavailableError("no heartbeats")


class Scene:
    """Two watchers over one world; `peer_healthy` is what requests to the peer come to.

    Moves run in the tick, unless `moves` makes something else of the world.
    """

    def __init__(
        self,
        settings: Settings = LENIENT,
        moves: Callable[[FakeWorld], Orchestration] | None = None,
    ) -> None:
        self.fake = FakeWorld()
        self.heartbeats = Heartbeats()
        self.peer_healthy: bool | None = True
        self._moves = moves
        self.watchers = {site: self._watcher(site, settings) for site in (EAST, WEST)}

    def _watcher(self, site: SiteName, settings: Settings) -> Watcher:
        in_the_tick = InTheTick(
            world=self.fake.ports(),
            settings=settings.failover,
            by=f"watcher/{site}",
            unique=lambda: "1",
        )
        ports = WatchPorts(
            world=self.fake.ports(),
            heartbeats=self.heartbeats,
            probe=lambda: self.peer_healthy,
            moves=in_the_tick if self._moves is None else self._moves(self.fake),
        )
        return Watcher(site, settings, ports)

    def ticks(self, site: SiteName, count: int, *, every_s: float = 0.25) -> Tick:
        tick = Tick(verdict="none")
        for _ in range(count):
            tick = self.watchers[site].tick()
            self.fake.clock.advance(every_s)
            self.fake.replicate()
        return tick

    def lose_east(self) -> None:
        self.fake.lose_east()
        self.peer_healthy = False
