"""When the active role has to move without being asked: two independent signals, always.

A site's watcher acts for its own site only. Three rules, each with two witnesses:

site lost    the zone's own answer names my site although another is active, and my own requests
             to the peer fail;
ledger lost  the peer's watcher reports that its ledger does not answer (or the watcher is silent),
             and my replica receives nothing;
repair       the platform names my cluster as the writer, and my ledger is writable, while the
             control record or the stamp says otherwise: a promotion landed after its move was
             superseded. The move goes to where the writer is.

Everything here is a pure function of what was seen; what is counted is held in `Memory`.
"""

from dataclasses import dataclass, replace
from typing import Final

from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.recovery.control import ControlRecord, Move, MoveKind, Phase
from payment_dr.recovery.ports import (
    GlobalClusterView,
    Heartbeat,
    LedgerView,
    Transition,
    TransitionEvent,
)
from payment_dr.recovery.readiness import Gate
from payment_dr.recovery.run import NOTE_EVERY_S, awaits_approval

RUNNER_SILENT_S: Final = 2 * NOTE_EVERY_S
"""An unfinished move of which nothing was heard for so long is resumed by the target's watcher."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What one tick of a watcher saw.

    `peer_healthy` is None while its request is under way. `own_ledger` is None when it did not
    answer. `platform` is None when it was not asked. `run_log` is that of the unfinished move,
    empty in a steady phase. `at` is monotonic seconds.
    """

    control: ControlRecord
    answer: SiteName | None
    peer_healthy: bool | None
    peer_heartbeat: Heartbeat | None
    own_ledger: LedgerView | None
    platform: GlobalClusterView | None
    run_log: tuple[Transition, ...]
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What a watcher has counted so far; losing it only delays a decision.

    `beat_since` and `progress_since` are when the peer's heartbeat and the unfinished move last
    changed (monotonic seconds, this watcher's own clock: no two clocks are compared); a watcher
    begins with the time of its start.
    """

    beat_since: float
    progress_since: float
    probe_failures: int = 0
    ledger_failures: int = 0
    receiver_failures: int = 0
    repair_sightings: int = 0
    beat: int | None = None
    progress: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Calm:
    """Nothing to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenMove:
    """Open a failover to this watcher's site."""

    reason: str
    supersedes: str | None
    overrides: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ResumeMove:
    """Join the unfinished move: its runner is silent, or its approval has come."""

    move_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AskOperator:
    """A move is needed, and the settings leave it to people."""

    reason: str


Verdict = Calm | OpenMove | ResumeMove | AskOperator

REPAIR_OVERRIDES: Final = (Gate.ALREADY_ACTIVE, Gate.COOL_DOWN, Gate.MOVES_PER_HOUR)
"""A repair follows what the platform did already; holding it back would only keep posting shut."""


def suspicious(site: SiteName, control: ControlRecord, ledger: LedgerView | None) -> bool:
    """Whether the platform should be asked who writes: my ledger is writable and should not be."""
    return (
        ledger is not None
        and ledger.writable
        and control.phase is Phase.STEADY
        and (control.active != site or ledger.stamp != control.stamp)
    )


def remember(memory: Memory, seen: Observation, site: SiteName) -> Memory:
    """Count what was seen; a count starts anew as soon as its signal is well once."""
    probe_failures = memory.probe_failures
    if seen.peer_healthy is not None:
        probe_failures = 0 if seen.peer_healthy else probe_failures + 1
    ledger = seen.own_ledger
    replica_deaf = ledger is not None and not ledger.writable and not ledger.receiving
    needs_repair = (
        suspicious(site, seen.control, ledger)
        and seen.platform is not None
        and seen.platform.writer == site
    )
    # A heartbeat that could not be read is no other heartbeat.
    beat = memory.beat if seen.peer_heartbeat is None else seen.peer_heartbeat.beat
    progress = (seen.control.version, len(seen.run_log))
    return replace(
        memory,
        probe_failures=probe_failures,
        ledger_failures=memory.ledger_failures + 1 if ledger is None else 0,
        receiver_failures=memory.receiver_failures + 1 if replica_deaf else 0,
        repair_sightings=memory.repair_sightings + 1 if needs_repair else 0,
        beat=beat,
        beat_since=memory.beat_since if beat == memory.beat else seen.at,
        progress=progress,
        progress_since=memory.progress_since if progress == memory.progress else seen.at,
    )


def decide(site: SiteName, memory: Memory, seen: Observation, settings: Settings) -> Verdict:
    """The verdict of this site's watcher; `memory` already counts `seen`."""
    control = seen.control
    if control.phase is Phase.STEADY or control.move is None:
        return _steady(site, memory, seen, settings)
    return _moving(site, control.move, memory, seen, settings)


def _steady(site: SiteName, memory: Memory, seen: Observation, settings: Settings) -> Verdict:
    control = seen.control
    if memory.repair_sightings >= settings.probes.threshold:
        reason = (
            f"repair: the platform's writer is {site} and it is writable, the control record says "
            f"{control.active} in epoch {control.epoch}"
        )
        return _move(reason, settings, overrides=REPAIR_OVERRIDES)
    if control.active == site:
        return Calm()
    lost = _site_lost(site, memory, seen, settings) or _ledger_lost(site, memory, seen, settings)
    return Calm() if lost is None else _move(lost, settings)


def _moving(
    site: SiteName, move: Move, memory: Memory, seen: Observation, settings: Settings
) -> Verdict:
    lost = _site_lost(site, memory, seen, settings)
    if lost is None and not move.attempts:
        # Once a promotion was tried the writer is being exchanged, and no ledger answers for a
        # while: that is no loss.
        lost = _ledger_lost(site, memory, seen, settings)
    stays = move.target == site and move.kind in {MoveKind.FAILOVER, MoveKind.REBUILD}
    if lost is not None and not stays:
        return _move(lost, settings, supersedes=move.move_id)
    if move.target != site or move.kind is MoveKind.REBUILD:
        # A rebuild takes hours and waits for people: its runner is quiet, and one of them resumes.
        return Calm()
    if seen.run_log and seen.run_log[-1].event is TransitionEvent.AWAITS_APPROVAL:
        waits = awaits_approval(move, settings.failover)
        return Calm() if waits else ResumeMove(move_id=move.move_id)
    silent_s = seen.at - memory.progress_since
    return ResumeMove(move_id=move.move_id) if silent_s >= RUNNER_SILENT_S else Calm()


def _site_lost(site: SiteName, memory: Memory, seen: Observation, settings: Settings) -> str | None:
    """Why the peer cannot take payments any more, by two independent signals; None if it can."""
    if seen.answer != site or memory.probe_failures < settings.probes.threshold:
        return None
    return (
        f"site lost: the zone answers {site}, and {memory.probe_failures} requests in a row to the "
        "peer failed"
    )


def _ledger_lost(
    site: SiteName, memory: Memory, seen: Observation, settings: Settings
) -> str | None:
    """Why the peer's ledger cannot stay the writer, by two independent signals; None if it can."""
    threshold = settings.probes.threshold
    if memory.receiver_failures < threshold:
        return None
    heartbeat = seen.peer_heartbeat
    if heartbeat is not None and heartbeat.ledger_failures >= threshold:
        return (
            f"ledger lost: {heartbeat.site} reports {heartbeat.ledger_failures} failures in a row "
            f"of its ledger, and the replica in {site} receives nothing"
        )
    silent_s = seen.at - memory.beat_since
    if silent_s < settings.probes.detection_s:
        return None
    return (
        f"ledger lost: the peer's watcher is silent for {silent_s:.1f} s, and the replica in "
        f"{site} receives nothing"
    )


def _move(
    reason: str,
    settings: Settings,
    *,
    supersedes: str | None = None,
    overrides: tuple[str, ...] = (),
) -> Verdict:
    if not settings.failover.automatic:
        return AskOperator(reason=reason)
    return OpenMove(reason=reason, supersedes=supersedes, overrides=overrides)
