"""Scheduled at both sites: promotes this site's cluster when the writer's site is lost.

The same two signals, counted by the same code, and the same RDS calls as the other design's
watcher. Without a control record the platform alone says who the writer is, and there is nothing to
reconcile from. Once a site is the writer its `/takeover` says so, and clients do not follow a home
that comes back as a replica; before that, DNS moves by the health check.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from threading import Lock
from typing import Any, Final

from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.functions.composition import JOBS
from payment_dr.functions.peer_probe import PeerProbe
from payment_dr.functions.recovery_composition import compose_recovery
from payment_dr.functions.watcher import Tick
from payment_dr.lab.ledger_first.composition import FIRST_EPOCH, composition
from payment_dr.recovery.control import ControlRecord, Phase
from payment_dr.recovery.detection import Calm, Memory, Observation, OpenMove, decide, remember
from payment_dr.recovery.ports import ClusterPlane, LedgerPlane, Routing

_LOG: Final = logging.getLogger(__name__)
_POLL_S: Final = 0.05


def steady_at(writer: SiteName) -> ControlRecord:
    """What a control record would say if there were one: the platform's writer is active."""
    return ControlRecord(
        active=writer, epoch=FIRST_EPOCH, phase=Phase.STEADY, move=None, version=1, changed_at=0
    )


@dataclass(kw_only=True, slots=True)
class UsualWatcher:
    """One site's watcher; what it has counted lives as long as its process.

    `probe` gives the outcome of requests to the peer's `/health`, None while one is under way.
    """

    site: SiteName
    settings: Settings
    clusters: ClusterPlane
    ledgers: LedgerPlane
    routing: Routing
    clock: Clock
    probe: Callable[[], bool | None]
    _memory: Memory = field(default_factory=lambda: Memory(beat_since=0, progress_since=0))

    def tick(self) -> Tick:
        """Look once, and promote if it must be."""
        try:
            writer = self.clusters.describe().writer
        except UnavailableError as error:
            return Tick(verdict="Blind", detail=error.what)
        if writer is None or writer == self.site:
            return Tick(verdict=Calm.__name__)
        seen = self._observe(writer)
        self._memory = remember(self._memory, seen, self.site)
        verdict = decide(self.site, self._memory, seen, self.settings)
        if isinstance(verdict, OpenMove):
            return Tick(verdict=OpenMove.__name__, detail=self._promote(verdict.reason))
        return Tick(verdict=type(verdict).__name__)

    def _observe(self, writer: SiteName) -> Observation:
        """Only what the rule "site lost" goes by; its own replica tells this design nothing."""
        return Observation(
            control=steady_at(writer),
            answer=self.routing.answer(),
            peer_healthy=self.probe(),
            peer_heartbeat=None,
            own_ledger=None,
            platform=None,
            run_log=(),
            at=self.clock.monotonic(),
        )

    def _promote(self, reason: str) -> str:
        """Fail over and wait until this site's cluster takes writes, within the step's budget."""
        _LOG.info("promote", extra={"fields": {"site": self.site, "reason": reason}})
        deadline = self.clock.monotonic() + self.settings.failover.budgets.promote_s
        problem = ""
        with suppress(UnavailableError):
            # It may have been taken although it was not answered: what follows asks the world.
            self.clusters.failover(self.site)
        while self.clock.monotonic() < deadline:
            try:
                if self._is_writer():
                    return f"{self.site} is the writer; {reason}"
            except UnavailableError as error:
                problem = f": {error.what}"
            self.clock.sleep(_POLL_S)
        return f"{self.site} did not become the writer{problem}"

    def _is_writer(self) -> bool:
        return (
            self.clusters.describe().writer == self.site and self.ledgers.view(self.site).writable
        )


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One tick; only what is not calm is logged."""
    tick = watcher().tick()
    document = asdict(tick)
    if tick.verdict != Calm.__name__:
        _LOG.info("watcher", extra={"fields": document})
    return document


_BUILDING: Final = Lock()


def watcher() -> UsualWatcher:
    """This process's watcher."""
    with _BUILDING:
        return _built()


@cache
def _built() -> UsualWatcher:
    recovery = compose_recovery(composition(JOBS).environment)
    world, environment = recovery.world, recovery.environment
    peer = environment.peer.name
    return UsualWatcher(
        site=environment.site,
        settings=environment.settings,
        clusters=world.clusters,
        ledgers=world.ledgers,
        routing=world.routing,
        clock=world.clock,
        probe=PeerProbe(lambda: world.routing.healthy(peer)).outcome,
    )
