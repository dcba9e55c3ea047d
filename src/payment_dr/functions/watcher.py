"""Scheduled at both sites: holds the takeover switch, watches the peer, and moves when it must.

One tick reads the control record first. A site that cannot read it, because it is cut off from
the majority, does nothing at all: it lets go of the switch and decides nothing. What a tick sees is
counted (`recovery.detection`); a decision opens a failover to this site and runs it to its end
inside the tick. It also joins an unfinished move to this site whose runner has gone silent.
"""

import logging
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from threading import Lock
from typing import Any, Final, assert_never

from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.functions.composition import JOBS, composition
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
from payment_dr.recovery.plan import traffic_site
from payment_dr.recovery.ports import (
    GlobalClusterView,
    Heartbeat,
    Heartbeats,
    LedgerView,
    Transition,
    World,
)
from payment_dr.recovery.runner import Completed, MoveOutcome, Stopped, resume, start

_LOG: Final = logging.getLogger(__name__)

EVERY_S: Final = 1.0
"""How often switch and heartbeat are published while they do not change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """What one tick came to: the verdict's name, and why or what came of it."""

    verdict: str
    detail: str = ""


class PeerProbe:
    """Requests to the peer, one at a time and beside the ticks, which never wait for one."""

    def __init__(self, healthy: Callable[[], bool]) -> None:
        self._healthy = healthy
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="peer-probe")
        self._under_way: Future[bool] | None = None

    def outcome(self) -> bool | None:
        """The outcome of a request that has ended since the last call; begins the next one."""
        outcome = None
        if self._under_way is not None and self._under_way.done():
            outcome = self._under_way.result()
            self._under_way = None
        if self._under_way is None:
            self._under_way = self._thread.submit(self._healthy)
        return outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchPorts:
    """What a watcher needs.

    Attributes:
        world: the ports of its site.
        heartbeats: the watchers' words to each other.
        probe: the outcome of requests to the peer's `/health`, None while one is under way.
        new_id: a new unique name for a move.
    """

    world: World
    heartbeats: Heartbeats
    probe: Callable[[], bool | None]
    new_id: Callable[[], str]


class Watcher:
    """One site's watcher; what it has counted lives as long as its process."""

    def __init__(self, site: SiteName, settings: Settings, ports: WatchPorts) -> None:
        self._site = site
        self._peer = settings.peer(site).name
        self._settings = settings
        self._world = ports.world
        self._heartbeats = ports.heartbeats
        self._probe = ports.probe
        self._new_id = ports.new_id
        now = ports.world.clock.monotonic()
        self._memory = Memory(beat_since=now, progress_since=now)
        self._beat = 0
        self._beat_due = 0.0
        self._said_lost = False
        self._switch_due = 0.0
        self._raised: bool | None = None
        self._latest = Tick(verdict=Calm.__name__)

    def tick(self) -> Tick:
        """Look once, and do what has to be done."""
        try:
            control = self._world.control.read()
        except UnavailableError as error:
            return Tick(verdict="Blind", detail=error.what)
        self._publish_switch(control)
        seen = self._observe(control)
        self._memory = remember(self._memory, seen, self._site)
        self._publish_heartbeat()
        verdict = decide(self._site, self._memory, seen, self._settings)
        return Tick(verdict=type(verdict).__name__, detail=self._act(verdict, control))

    def tick_and_compare(self) -> tuple[Tick, bool]:
        """A tick, and whether its verdict is another than that of the tick before."""
        before, self._latest = self._latest, self.tick()
        return self._latest, self._latest.verdict != before.verdict

    def _publish_switch(self, control: ControlRecord) -> None:
        """Say again where clients are to be; home has no switch."""
        if self._site == self._settings.home:
            return
        raised = traffic_site(control) == self._site
        now = self._world.clock.monotonic()
        if raised == self._raised and now < self._switch_due:
            return
        with suppress(UnavailableError):
            self._world.routing.point_to(self._site if raised else self._peer)
            self._raised = raised
            self._switch_due = now + EVERY_S

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
                return _told(self._open(verdict))
            case ResumeMove():
                return _told(
                    resume(
                        self._world,
                        control,
                        self._settings.failover,
                        by=self._name,
                        progress=_log,
                    )
                )
            case unreachable:
                assert_never(unreachable)

    def _open(self, verdict: OpenMove) -> MoveOutcome:
        request = MoveRequest(
            move_id=f"{MoveKind.FAILOVER}-{self._new_id()}",
            kind=MoveKind.FAILOVER,
            source=self._peer,
            target=self._site,
            by=self._name,
            reason=verdict.reason,
            overrides=verdict.overrides,
            supersedes=verdict.supersedes,
        )
        return start(self._world, request, self._settings.failover, progress=_log)

    @property
    def _name(self) -> str:
        return f"watcher/{self._site}"


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One tick; what is the same as in the tick before is not logged again."""
    tick, is_news = watcher().tick_and_compare()
    document = asdict(tick)
    if is_news:
        _LOG.info("watcher", extra={"fields": document})
    return document


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
    """A watcher over the parts of its site."""
    environment, routing = recovery.environment, recovery.world.routing
    peer = environment.peer.name
    ports = WatchPorts(
        world=recovery.world,
        heartbeats=recovery.heartbeats,
        probe=PeerProbe(lambda: routing.healthy(peer)).outcome,
        new_id=lambda: uuid.uuid4().hex[:8],
    )
    return Watcher(environment.site, environment.settings, ports)


def _told(outcome: MoveOutcome) -> str:
    match outcome:
        case Completed():
            return f"move {outcome.move_id} is complete in epoch {outcome.epoch}"
        case Stopped():
            return outcome.error.what
        case _:
            return f"move {outcome.move_id} waits for an approval"


def _log(transition: Transition) -> None:
    _LOG.info("move", extra={"fields": asdict(transition)})
