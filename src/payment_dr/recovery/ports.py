"""What a move needs from the world. Every port belongs to the site where the plan runs.

Methods may raise `UnavailableError`; after `definite=False` the caller looks what took effect.
"""

from dataclasses import dataclass
from typing import Protocol

from payment_dr.core.stamp import SiteName, Stamp
from payment_dr.recovery.control import ControlRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """A line of the run log: a step of a move began, ended, failed or was found done."""

    move_id: str
    step: str
    event: str
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

    def log(self, transition: Transition) -> None:
        """Append to the move's run log."""
        ...

    def run_log(self, move_id: str) -> tuple[Transition, ...]:
        """The move's transitions in the order written."""
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
    """A site's ledger by SQL: its stamp, whether it takes writes, its replication lag."""

    stamp: Stamp | None
    writable: bool
    lag_bytes: int | None


class LedgerPlane(Protocol):
    """SQL on the cluster of a named site."""

    def view(self, site: SiteName) -> LedgerView:
        """Stamp, writability and lag in one snapshot."""
        ...

    def stamp(self, site: SiteName, stamp: Stamp) -> None:
        """Write the stamp if its epoch is not lower than the stored one."""
        ...


class Routing(Protocol):
    """The takeover switch (data plane only) and the authoritative DNS answer."""

    def point_to(self, site: SiteName) -> None:
        """Raise or lower the switch so that the answer becomes `site`."""
        ...

    def answer(self) -> SiteName | None:
        """Ask the zone's own name servers; None without an answer that names a site."""
        ...

    def healthy(self, site: SiteName) -> bool:
        """One real request to the site's `/health`."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciled:
    """What one pass of reconciliation saw and posted; `money` is minor units by currency."""

    seen: tuple[str, ...]
    posted: tuple[str, ...]
    money: dict[str, int]


class Reconciler(Protocol):
    """Posts what the ledger lacks of every unconfirmed record, under the move's own stamp."""

    def reconcile(self, stamp: Stamp) -> Reconciled:
        """Repeat until a pass finds nothing new; leaves nothing missing, or raises."""
        ...

    def canary(self, site: SiteName) -> bool:
        """Put one payment end to end through the site; True when acknowledged."""
        ...


class EvidenceStore(Protocol):
    """Keeps what a move did, outside the database that it moved."""

    def put(self, move_id: str, name: str, body: str) -> None:
        """Store a JSON document under the move; the same name overwrites."""
        ...
