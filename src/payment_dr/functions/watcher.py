"""Scheduled at both sites: watches the peer, and moves when it must.

One tick reads the control record first. A site that cannot read it, because it is cut off from
the majority, decides nothing. What a tick sees is counted (`recovery.detection`); a decision opens
a failover to this site. It also joins an unfinished move to this site whose runner has gone silent.
Moves run inside the tick, or as executions of the site's state machine: `failover.orchestrator`
says which. Where clients are sent is not the watcher's: Route 53 asks the API (`/takeover`).

An event without `for_s` asks for one tick. EventBridge calls at most once a minute, so there the
event asks for ticks until shortly before the next call: `WATCH_EVENT`.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from threading import Lock
from typing import Any, Final, assert_never

from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.functions.composition import JOBS, composition
from payment_dr.functions.environment import needed
from payment_dr.functions.logs import logged
from payment_dr.functions.metrics import Metric, publish
from payment_dr.functions.orchestration import Orchestration, orchestration_of
from payment_dr.functions.peer_probe import PeerProbe
from payment_dr.functions.recovery_composition import Recovery, compose_recovery
from payment_dr.recovery.control import ControlRecord, MoveKind, Phase
from payment_dr.recovery.detection import (
    AskOperator,
    Calm,
    Memory,
    Observation,
    OpenMove,
    ResumeMove,
    Verdict,
    decide,
    remember,
    suspicious,
)
from payment_dr.recovery.moves import MoveRequest
from payment_dr.recovery.ports import (
    GlobalClusterView,
    Heartbeat,
    Heartbeats,
    LedgerView,
    Transition,
    World,
)
from payment_dr.recovery.traffic import takeover_raised

_LOG: Final = logging.getLogger(__name__)

EVERY_S: Final = 1.0
"""How often the heartbeat is written while it does not change, at most."""

WATCH_EVENT: Final = {"for_s": 58}
"""What a schedule of once a minute sends: watch until shortly before the next call."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """What one tick came to: the verdict's name, and why or what came of it."""

    verdict: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchPorts:
    """What a watcher needs.

    Attributes:
        world: the ports of its site.
        heartbeats: the watchers' words to each other.
        probe: the outcome of requests to the peer's `/health`, None while one is under way.
        moves: who runs the moves that are decided on.
    """

    world: World
    heartbeats: Heartbeats
    probe: Callable[[], bool | None]
    moves: Orchestration


class Watcher:
    """One site's watcher; what it has counted lives as long as its process."""

    def __init__(self, site: SiteName, settings: Settings, ports: WatchPorts) -> None:
        self._site = site
        self._peer = settings.peer(site).name
        self._settings = settings
        self._world = ports.world
        self._heartbeats = ports.heartbeats
        self._probe = ports.probe
        self._moves = ports.moves
        now = ports.world.clock.monotonic()
        self._memory = Memory(beat_since=now, progress_since=now)
        self._beat = 0
        self._beat_due = 0.0
        self._said_lost = False
        self._raised: bool | None = None
        self._latest = Tick(verdict=Calm.__name__)

    def tick(self) -> Tick:
        """Look once, and do what has to be done."""
        try:
            control = self._world.control.read()
        except UnavailableError as error:
            self._raised = None
            return Tick(verdict="Blind", detail=error.what)
        self._raised = takeover_raised(control, self._settings.home)
        seen = self._observe(control)
        self._memory = remember(self._memory, seen, self._site)
        self._publish_heartbeat()
        verdict = decide(self._site, self._memory, seen, self._settings)
        return Tick(verdict=type(verdict).__name__, detail=self._act(verdict, control))

    def watch(self, for_s: float) -> Tick:
        """Tick, and go on until before `for_s` seconds are over; the latest tick.

        A tick each `probes.interval_s`, since what it counts are failures so far apart.
        """
        clock, interval_s = self._world.clock, self._settings.probes.interval_s
        end = clock.monotonic() + for_s
        due = clock.monotonic() + interval_s
        self._tick_and_tell()
        while max(due, clock.monotonic()) < end:
            clock.sleep(max(0, due - clock.monotonic()))
            due = clock.monotonic() + interval_s
            self._tick_and_tell()
        self._publish_watch()
        return self._latest

    def _publish_watch(self) -> None:
        """That this watcher watched, and whether clients are led away from home, if it knows."""
        values = {Metric.WATCHER_TICKS: 1.0}
        if self._raised is not None:
            values[Metric.TAKEOVER_RAISED] = float(self._raised)
        publish(values, site=self._site, at_s=self._world.clock.now())

    def _tick_and_tell(self) -> None:
        """A tick; what is the same as in the tick before is not logged again."""
        before, self._latest = self._latest, self.tick()
        if self._latest.verdict != before.verdict:
            _LOG.info("watcher", extra={"fields": asdict(self._latest)})

    def _observe(self, control: ControlRecord) -> Observation:
        ledger = self._ledger()
        return Observation(
            control=control,
            answer=self._world.routing.answer(),
            peer_healthy=self._probe(),
            peer_heartbeat=self._peer_heartbeat(),
            own_ledger=ledger,
            platform=self._platform(control, ledger),
            run_log=self._run_log(control),
            at=self._world.clock.monotonic(),
        )

    def _ledger(self) -> LedgerView | None:
        with suppress(UnavailableError):
            return self._world.ledgers.view(self._site)
        return None

    def _peer_heartbeat(self) -> Heartbeat | None:
        with suppress(UnavailableError):
            return self._heartbeats.heartbeat(self._peer)
        return None

    def _platform(
        self, control: ControlRecord, ledger: LedgerView | None
    ) -> GlobalClusterView | None:
        if suspicious(self._site, control, ledger):
            with suppress(UnavailableError):
                return self._world.clusters.describe()
        return None

    def _run_log(self, control: ControlRecord) -> tuple[Transition, ...]:
        if control.phase is Phase.MOVING and control.move is not None:
            with suppress(UnavailableError):
                return self._world.control.run_log(control.move.move_id)
        return ()

    def _publish_heartbeat(self) -> None:
        """Say that we live, and at once when our ledger is lost or back."""
        failures = self._memory.ledger_failures
        lost = failures >= self._settings.probes.threshold
        now = self._world.clock.monotonic()
        if lost == self._said_lost and now < self._beat_due:
            return
        self._beat += 1
        heartbeat = Heartbeat(
            site=self._site,
            beat=self._beat,
            ledger_failures=failures,
            at=self._world.clock.now(),
        )
        with suppress(UnavailableError):
            self._heartbeats.beat(heartbeat)
            self._said_lost = lost
            self._beat_due = now + EVERY_S

    def _act(self, verdict: Verdict, control: ControlRecord) -> str:
        match verdict:
            case Calm():
                return ""
            case AskOperator():
                return verdict.reason
            case OpenMove() if not self._world.routing.healthy(self._site):
                # What ails both sites, as a provider that is down, is mended by no move.
                return (
                    f"this site is not healthy itself, so it does not take over: {verdict.reason}"
                )
            case OpenMove():
                return self._open(verdict, control)
            case ResumeMove():
                return self._moves.join(control)
            case unreachable:
                assert_never(unreachable)

    def _open(self, verdict: OpenMove, control: ControlRecord) -> str:
        return self._moves.open(
            MoveRequest(
                move_id=f"{MoveKind.FAILOVER}-{self._moves.new_id(control)}",
                kind=MoveKind.FAILOVER,
                source=self._peer,
                target=self._site,
                by=_name(self._site),
                reason=verdict.reason,
                overrides=verdict.overrides,
                supersedes=verdict.supersedes,
            )
        )


@logged
def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One tick, or ticks for as long as the event says; the latest one."""
    return asdict(watcher().watch(float(event.get("for_s", 0))))


_BUILDING: Final = Lock()


def watcher() -> Watcher:
    """This process's watcher."""
    with _BUILDING:
        return _built()


@cache
def _built() -> Watcher:
    parts = composition(JOBS)
    return watcher_of(compose_recovery(parts.environment, lambda: parts.ports.ledger))


def watcher_of(recovery: Recovery) -> Watcher:
    """A watcher over the parts of its site.

    Raises:
        SettingsError: the environment does not say where to ask the peer.
    """
    environment, routing = recovery.environment, recovery.world.routing
    needed(environment.peer_health_url, "PEER_HEALTH_URL", "a watcher asks the other site by it")
    peer = environment.peer.name
    ports = WatchPorts(
        world=recovery.world,
        heartbeats=recovery.heartbeats,
        probe=PeerProbe(lambda: routing.healthy(peer)).outcome,
        moves=orchestration_of(recovery, by=_name(environment.site)),
    )
    return Watcher(environment.site, environment.settings, ports)


def _name(site: SiteName) -> str:
    return f"watcher/{site}"
