"""A world in memory for moves: two ledgers that replicate, a platform, a zone, and a clock.

Every port call passes `FakeWorld.call`, where a test may kill the runner, lose an answer, or let
somebody else act first.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pytest

from fakes.clock import FakeClock
from fakes.faults import Fault, suffer
from payment_dr.core.errors import UnavailableError
from payment_dr.core.settings import FailoverSettings, Objectives, Promotion
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.recovery.about import About
from payment_dr.recovery.control import ControlRecord, MoveKind, Phase
from payment_dr.recovery.moves import MoveRequest
from payment_dr.recovery.ports import (
    Amount,
    GlobalClusterView,
    LedgerView,
    Rebuilding,
    RebuildState,
    Reconciled,
    Transition,
    World,
)
from payment_dr.recovery.traffic import takeover_raised

T = TypeVar("T")

EAST = SiteName("east")
WEST = SiteName("west")
START = 1_700_000_000.0

SETTINGS = FailoverSettings(min_stay_s=0)
WITH_APPROVAL = SETTINGS.model_copy(update={"promotion": Promotion.APPROVAL})

ABOUT = About(
    platform="lab",
    environment="dev",
    site=WEST,
    regions={EAST: "us-east-1", WEST: "us-west-2"},
    settings_sha256="5" * 64,
    code_sha256="c" * 64,
    objectives=Objectives(),
    detection_s=30,
)

STEADY_AT_EAST = ControlRecord(
    active=EAST, epoch=Epoch(1), phase=Phase.STEADY, move=None, version=1, changed_at=START
)


class PassingClock(FakeClock):
    """Sleeping lets a little more time pass than asked, and the world go on."""

    def __init__(self, on_sleep: Callable[[], None]) -> None:
        super().__init__(now=START)
        self.on_sleep = on_sleep

    def sleep(self, seconds: float) -> None:
        self.advance(seconds + 0.001)
        self.on_sleep()


@dataclass
class FakeLedger:
    """One cluster. `alive` is whether it answers SQL."""

    stamp: Stamp
    writable: bool
    entries: set[str] = field(default_factory=set)
    scanned: dict[Stamp, tuple[RebuildState, int]] = field(default_factory=dict)
    alive: bool = True


@dataclass(frozen=True)
class EndState:
    """What must be the same however often the runner died."""

    active: SiteName
    phase: Phase
    epoch: int
    writer: SiteName
    stamp: Stamp
    entries: frozenset[str]
    answer: SiteName | None
    canaries: int
    evidence: bool


class FakeWorld:
    """Two sites; `east` is home. `records` are the captured payments, by id with their amount."""

    def __init__(self) -> None:
        self.control = STEADY_AT_EAST
        self.logs: dict[str, list[Transition]] = {}
        self.clock = PassingClock(self.replicate)
        stamp = STEADY_AT_EAST.stamp
        self.records = {f"p{n}": 100 + n for n in range(6)}
        self.ledgers = {
            EAST: FakeLedger(stamp=stamp, writable=True, entries=set(self.records)),
            WEST: FakeLedger(stamp=stamp, writable=False, entries={"p0", "p1"}),
        }
        self.writer = EAST
        self.east_healthy = True
        self.west_healthy = True
        self.linked = True
        self.documents: dict[tuple[str, str], str] = {}
        self.reports: dict[int, str] = {}
        self.canaries: set[str] = set()
        self.left_out: set[str] = set()
        self.promote_calls: list[tuple[str, SiteName]] = []
        self.promoting: Callable[[SiteName], None] = self.promote_now
        self.calls = 0
        self.names: list[str] = []
        self.late: list[Callable[[], object]] = []
        self._planned: tuple[dict[int, Fault], dict[int, Callable[[], object]]] = ({}, {})

    # What the test does to the world.

    def lose_east(self) -> None:
        """Region loss: nothing at east answers, and the zone has moved its answer."""
        self.east_healthy = False
        self.linked = False
        self.ledgers[EAST].alive = False

    def replicate(self) -> None:
        writer, other = self.ledgers[self.writer], self.ledgers[self.peer(self.writer)]
        if self.linked and writer.alive and other.alive and not other.writable:
            other.stamp = writer.stamp
            other.entries = set(writer.entries)

    def promote_now(self, target: SiteName) -> None:
        self.writer = target
        self.ledgers[target].writable = True

    @staticmethod
    def peer(site: SiteName) -> SiteName:
        return WEST if site == EAST else EAST

    @contextmanager
    def disturbed(
        self,
        *,
        faults: Mapping[int, Fault] | None = None,
        before: Mapping[int, Callable[[], object]] | None = None,
    ) -> Iterator[None]:
        """The n-th call from now suffers `faults[n]`; `before[n]` happens just before it.

        What happens in `before` is somebody else's: it is neither counted nor disturbed.
        """
        kept = self._planned, self.calls
        self._planned, self.calls = (dict(faults or {}), dict(before or {})), 0
        try:
            yield
        finally:
            self._planned, self.calls = kept

    def end_state(self) -> EndState:
        move = self.control.move
        assert move is not None
        ledger = self.ledgers[self.control.active]
        return EndState(
            active=self.control.active,
            phase=self.control.phase,
            epoch=self.control.epoch,
            writer=self.writer,
            stamp=ledger.stamp,
            entries=frozenset(ledger.entries),
            answer=self.answer(),
            canaries=len(self.canaries),
            evidence=(move.move_id, "move.json") in self.documents,
        )

    def answer(self) -> SiteName | None:
        return WEST if takeover_raised(self.control, EAST) or not self.east_healthy else EAST

    def ports(self) -> World:
        return World(
            control=_Control(self),
            clusters=_Clusters(self),
            ledgers=_Ledgers(self),
            routing=_Routing(self),
            reconciler=_Reconciler(self),
            rebuilder=_Rebuilder(self),
            canary=_Canary(self),
            evidence=_Evidence(self),
            clock=self.clock,
            about=lambda: ABOUT,
        )

    def call(self, name: str, act: Callable[[], T]) -> T:
        self.calls += 1
        number = self.calls
        self.names.append(name)
        interlude = self._planned[1].pop(number, None)
        if interlude is not None:
            with self.disturbed():
                interlude()
        return suffer(self._planned[0].pop(number, Fault.NONE), name, act, self.late)


@dataclass
class _Port:
    fake: FakeWorld


class _Control(_Port):
    def read(self) -> ControlRecord:
        return self.fake.call("control.read", lambda: self.fake.control)

    def compare_and_set(self, record: ControlRecord, *, based_on: int) -> bool:
        def act() -> bool:
            if self.fake.control.version != based_on:
                return False
            assert record.version == based_on + 1
            self.fake.control = record
            return True

        return self.fake.call("control.write", act)

    def log(self, transitions: Sequence[Transition]) -> None:
        (move_id,) = {line.move_id for line in transitions}
        log = self.fake.logs.setdefault(move_id, [])
        self.fake.call("control.log", lambda: log.extend(transitions))

    def run_log(self, move_id: str) -> tuple[Transition, ...]:
        return self.fake.call("control.run_log", lambda: tuple(self.fake.logs.get(move_id, ())))


class _Clusters(_Port):
    def describe(self) -> GlobalClusterView:
        available = frozenset(s for s, ledger in self.fake.ledgers.items() if ledger.alive)
        return self.fake.call(
            "clusters.describe",
            lambda: GlobalClusterView(writer=self.fake.writer, available=available),
        )

    def failover(self, target: SiteName) -> None:
        self._promote("failover", target)

    def switchover(self, target: SiteName) -> None:
        def exchange() -> None:
            source = self.fake.ledgers[self.fake.peer(target)]
            if not source.alive:
                raise UnavailableError("a switchover needs both members")
            self.fake.replicate()
            source.writable = False

        self._promote("switchover", target, exchange)

    def _promote(
        self, name: str, target: SiteName, before: Callable[[], None] = lambda: None
    ) -> None:
        def act() -> None:
            self.fake.promote_calls.append((name, target))
            before()
            self.fake.promoting(target)

        self.fake.call("clusters.promote", act)


class _Ledgers(_Port):
    def view(self, site: SiteName) -> LedgerView:
        def act() -> LedgerView:
            ledger = self._alive(site)
            receives = not ledger.writable and self.fake.linked
            return LedgerView(
                stamp=ledger.stamp,
                writable=ledger.writable,
                receiving=receives,
                lag_bytes=0 if receives else None,
            )

        return self.fake.call("ledgers.view", act)

    def stamp(self, site: SiteName, stamp: Stamp) -> None:
        def act() -> None:
            ledger = self._alive(site)
            if not ledger.writable:
                raise UnavailableError("a replica takes no writes")
            old = ledger.stamp
            if stamp.epoch > old.epoch or (stamp.epoch == old.epoch and old.site is None):
                ledger.stamp = stamp

        self.fake.call("ledgers.stamp", act)

    def _alive(self, site: SiteName) -> FakeLedger:
        ledger = self.fake.ledgers[site]
        if not ledger.alive:
            raise UnavailableError(f"the ledger of {site} does not answer")
        return ledger


class _Routing(_Port):
    def answer(self) -> SiteName | None:
        return self.fake.call("routing.answer", self.fake.answer)

    def healthy(self, site: SiteName) -> bool:
        return self.fake.call(
            "routing.healthy",
            lambda: self.fake.west_healthy if site == WEST else self.fake.east_healthy,
        )


class _Reconciler(_Port):
    def reconcile(self, stamp: Stamp) -> Reconciled:
        def act() -> Reconciled:
            assert stamp.site is not None
            ledger = self.fake.ledgers[stamp.site]
            if ledger.stamp != stamp:
                raise UnavailableError("fenced")
            missing = sorted(set(self.fake.records) - ledger.entries)
            ledger.entries |= set(missing)
            money = sum(self.fake.records[name] for name in missing)
            return Reconciled(
                seen=tuple(self.fake.records), posted=tuple(missing), money={"EUR": money}
            )

        return self.fake.call("reconciler.reconcile", act)


class _Rebuilder(_Port):
    """Scans one record a call; how far it is lies with the ledger."""

    def progress(self, stamp: Stamp) -> Rebuilding | None:
        return self.fake.call("rebuilder.progress", lambda: self._told(stamp))

    def advance(self, stamp: Stamp) -> Rebuilding:
        def act() -> Rebuilding:
            ledger = self.ledger(stamp)
            if ledger.stamp != stamp:
                raise UnavailableError("fenced")
            at, scanned = ledger.scanned.get(stamp, (RebuildState.DIFFERS, 0))
            names = sorted(self.fake.records)
            if at is RebuildState.DIFFERS:
                at, scanned = RebuildState.POSTING, 0
            elif at is not RebuildState.DONE:
                self._look(ledger, at, names[scanned])
                scanned += 1
                if scanned == len(names):
                    at, scanned = self._after(ledger, at), 0
            ledger.scanned[stamp] = at, scanned
            return self._told(stamp) or pytest.fail("no progress")

        return self.fake.call("rebuilder.advance", act)

    def ledger(self, stamp: Stamp) -> FakeLedger:
        assert stamp.site is not None
        return self.fake.ledgers[stamp.site]

    def _look(self, ledger: FakeLedger, at: RebuildState, name: str) -> None:
        if at is RebuildState.POSTING and name not in self.fake.left_out:
            ledger.entries.add(name)

    def _after(self, ledger: FakeLedger, at: RebuildState) -> RebuildState:
        if at is RebuildState.POSTING:
            return RebuildState.COMPARING
        lacking = set(self.fake.records) - ledger.entries
        return RebuildState.DIFFERS if lacking else RebuildState.DONE

    def _told(self, stamp: Stamp) -> Rebuilding | None:
        ledger = self.ledger(stamp)
        if stamp not in ledger.scanned:
            return None
        state, scanned = ledger.scanned[stamp]
        lacking = sorted(set(self.fake.records) - ledger.entries)
        held = {"EUR": Amount(bookings=len(ledger.entries), money=1)}
        return Rebuilding(
            state=state,
            records=scanned,
            expected=len(self.fake.records),
            worked_s=1.0,
            payments=len(self.fake.records),
            posted=held,
            implied={"EUR": Amount(bookings=len(self.fake.records), money=1)},
            held=held,
            young=0,
            differing=len(lacking),
            differences=tuple(lacking),
        )


class _Canary(_Port):
    def send(self, move_id: str) -> None:
        self.fake.call("canary.send", lambda: self.fake.canaries.add(move_id))

    def passed(self, move_id: str) -> bool:
        return self.fake.call("canary.passed", lambda: move_id in self.fake.canaries)


class _Evidence(_Port):
    def put(self, move_id: str, name: str, body: str) -> None:
        json.loads(body)

        def act() -> None:
            self.fake.documents[move_id, name] = body

        self.fake.call("evidence.put", act)

    def has(self, move_id: str, name: str) -> bool:
        return self.fake.call("evidence.has", lambda: (move_id, name) in self.fake.documents)

    def documents_of(self, move_id: str) -> Mapping[str, str]:
        def act() -> Mapping[str, str]:
            kept = self.fake.documents.items()
            return {name: body for (of, name), body in kept if of == move_id}

        return self.fake.call("evidence.documents_of", act)

    def last_report(self) -> tuple[int, str] | None:
        return self.fake.call(
            "evidence.last_report", lambda: max(self.fake.reports.items(), default=None)
        )

    def file_report(self, number: int, body: str) -> bool:
        def act() -> bool:
            return self.fake.reports.setdefault(number, body) is body

        return self.fake.call("evidence.file_report", act)


def to_west(kind: MoveKind, move_id: str = "m1", **changes: object) -> MoveRequest:
    """A request to move from east to west."""
    request = MoveRequest(
        move_id=move_id, kind=kind, source=EAST, target=WEST, by="ada", reason="a test"
    )
    return replace(request, **changes)  # type: ignore[arg-type]  # the fields of the request


def to_east(kind: MoveKind, move_id: str = "m2", **changes: object) -> MoveRequest:
    """A request to move from west to east."""
    return to_west(kind, move_id, source=WEST, target=EAST, **changes)


def world_for(kind: MoveKind) -> FakeWorld:
    """A world in which that kind of move to west is due."""
    fake = FakeWorld()
    if kind is MoveKind.FAILOVER:
        fake.lose_east()
    if kind is MoveKind.REBUILD:
        fake.linked = False
        fake.ledgers[EAST].writable = False
        fake.promote_now(WEST)
    return fake
