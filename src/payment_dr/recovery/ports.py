"""What a move needs from the world. Every port belongs to the site where the plan runs.

Methods may raise `UnavailableError`; after `definite=False` the caller looks what took effect.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Protocol

from payment_dr.core.clock import Clock
from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.recovery.about import About
from payment_dr.recovery.control import ControlRecord


@unique
class TransitionEvent(StrEnum):
    """What became of a step.

    FOUND_DONE: the world had it already, nothing was run. WAITS: a runner lives and waits.
    AWAITS_APPROVAL: the runner has ended until somebody approves.
    """

    BEGAN = "began"
    DONE = "done"
    FOUND_DONE = "found-done"
    WAITS = "waits"
    AWAITS_APPROVAL = "awaits-approval"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A line of the run log: what became of a step of a move, when (Unix seconds), by whom."""

    move_id: str
    step: str
    event: TransitionEvent
    detail: str
    by: str
    at: float


class ControlTable(Protocol):
    """The control record and the run logs, in the payments table (majority, linearizable)."""

    def read(self) -> ControlRecord:
        """Strongly consistent read."""
        ...

    def compare_and_set(self, record: ControlRecord, *, based_on: int) -> bool:
        """Write if the stored version is `based_on`; False when it is not."""
        ...

    def log(self, transitions: Sequence[Transition]) -> None:
        """Append to the run log of the move that all of them name; at least one."""
        ...

    def run_log(self, move_id: str) -> tuple[Transition, ...]:
        """The move's transitions in the order written."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Heartbeat:
    """What a site's watcher says of itself. `beat` rises while it lives; compare it, no clocks.

    `ledger_failures` counts how often in a row its own ledger did not answer.
    """

    site: SiteName
    beat: int
    ledger_failures: int
    at: float


class Heartbeats(Protocol):
    """The watchers' words to each other, in the payments table."""

    def beat(self, heartbeat: Heartbeat) -> None:
        """Replace the site's heartbeat."""
        ...

    def heartbeat(self, site: SiteName) -> Heartbeat | None:
        """The site's latest heartbeat, perhaps a little old; None before the first."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class GlobalClusterView:
    """What the platform says: the writer's site, and the members that are available."""

    writer: SiteName | None
    available: frozenset[SiteName]


class ClusterPlane(Protocol):
    """The RDS API of the site where the plan runs."""

    def describe(self) -> GlobalClusterView:
        """Read back the global cluster."""
        ...

    def failover(self, target: SiteName) -> None:
        """FailoverGlobalCluster with AllowDataLoss: promotes the target, losing its lag."""
        ...

    def switchover(self, target: SiteName) -> None:
        """SwitchoverGlobalCluster: exchanges the roles without loss."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerView:
    """A site's ledger by SQL: its stamp, whether it takes writes, and how it receives.

    `receiving` and `lag_bytes` (behind the writer) are those of a replica: False and None on a
    writer; `lag_bytes` is None too while nothing is received.
    """

    stamp: Stamp | None
    writable: bool
    receiving: bool
    lag_bytes: int | None


class LedgerPlane(Protocol):
    """SQL on the cluster of a named site."""

    def view(self, site: SiteName) -> LedgerView:
        """Stamp, writability and lag in one snapshot."""
        ...

    def stamp(self, site: SiteName, stamp: Stamp) -> None:
        """Write the stamp if it is newer: a higher epoch, or a site where the epoch had none.

        Otherwise nothing changes, silently: whoever cares reads back. Waits for the postings in
        flight, which hold the stamp's lock.
        """
        ...


class Routing(Protocol):
    """The authoritative DNS answer, which follows the control record, and real requests."""

    def answer(self) -> SiteName | None:
        """Ask the zone's own name servers; None without an answer that names a site."""
        ...

    def healthy(self, site: SiteName) -> bool:
        """One real request to the site's `/health`; False also when there is no answer."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciled:
    """What reconciliation saw and posted; `money` is posted minor units by currency.

    `seen` are the payment ids of the unconfirmed, `posted` the entry ids that the ledger lacked.
    """

    seen: tuple[str, ...]
    posted: tuple[str, ...]
    money: Mapping[str, int]


class Reconciler(Protocol):
    """Posts what the ledger lacks of every unconfirmed record, under the move's own stamp."""

    def reconcile(self, stamp: Stamp) -> Reconciled:
        """Repeat until a pass finds nothing missing that is older than its start, or raises.

        Its passes are bounded: what is accepted meanwhile is the poster's.
        """
        ...


@unique
class RebuildState(StrEnum):
    """How far a ledger is completed; DIFFERS: the comparison found what the scan left out."""

    POSTING = "posting"
    COMPARING = "comparing"
    DIFFERS = "differs"
    DONE = "done"


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """Bookings, and the money that they moved in either direction, in minor units."""

    bookings: int
    money: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rebuilding:
    """What a rebuild has done so far. Amounts are by currency.

    `records` are those that the scan under way has seen, of about `expected` (0: unknown) in
    `worked_s` seconds of work; `payments` those of the scan that posted. `implied` by the payments
    table and `held` by the ledger are compared; `young` bookings were decided meanwhile and are
    left to reconciliation. `differences` names some of the `differing` ones.
    """

    state: RebuildState
    records: int
    expected: int
    worked_s: float
    payments: int
    posted: Mapping[str, Amount]
    implied: Mapping[str, Amount]
    held: Mapping[str, Amount]
    young: int
    differing: int
    differences: tuple[str, ...]


class Rebuilder(Protocol):
    """Completes the site's own ledger from the payments table, under the move's own stamp.

    How far it is lies in that ledger, so that another one in its place begins anew.
    """

    def progress(self, stamp: Stamp) -> Rebuilding | None:
        """How far it is; None before the first step, and without an answer UnavailableError."""
        ...

    def advance(self, stamp: Stamp) -> Rebuilding:
        """Work for a few seconds; after DIFFERS from the beginning."""
        ...


class Canary(Protocol):
    """A payment that leaves no money moved, through the site's own address."""

    def send(self, move_id: str) -> None:
        """Put the move's one canary through; sent again it changes nothing."""
        ...

    def passed(self, move_id: str) -> bool:
        """Whether the move's canary stands in the payments table with its final outcome."""
        ...


class EvidenceStore(Protocol):
    """Keeps what a move did, outside the database that it moved."""

    def put(self, move_id: str, name: str, body: str) -> None:
        """Store a JSON document under the move; the same name overwrites."""
        ...

    def has(self, move_id: str, name: str) -> bool:
        """Whether the move has that document."""
        ...

    def documents_of(self, move_id: str) -> Mapping[str, str]:
        """Every document of the move, by name."""
        ...

    def last_report(self) -> tuple[int, str] | None:
        """Number and body of the latest report of the site's chain; None before the first."""
        ...

    def file_report(self, number: int, body: str) -> bool:
        """Store a report under its number, once and for all; False if there is one already."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """Every port of one site, and its clock; `about` says where that is, for the reports."""

    control: ControlTable
    clusters: ClusterPlane
    ledgers: LedgerPlane
    routing: Routing
    reconciler: Reconciler
    rebuilder: Rebuilder
    canary: Canary
    evidence: EvidenceStore
    clock: Clock
    about: Callable[[], About]
