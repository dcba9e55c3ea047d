"""The usual design as a drill reads it: the platform says who writes, the writer has the payments.

The same questions as `lab.drill.truth.TableTruth` answers from the payments table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg import Connection

from payment_dr.adapters.rds_cluster import RdsGlobalCluster
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.lab.ledger_first import payments
from payment_dr.lab.ledger_first.watcher import steady_at
from payment_dr.lab.supervisor import Lab
from payment_dr.payments.record import Record
from payment_dr.recovery.control import ControlRecord
from payment_dr.recovery.ports import ClusterPlane, Transition

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class UsualTruth:
    """Reads through any region that answers, and from the writer's ledger.

    `clusters` are the views of the platform from each region, `connect` opens a site's ledger.
    """

    clusters: tuple[ClusterPlane, ...]
    connect: Callable[[SiteName], Connection[Any]]

    @classmethod
    def of(cls, lab: Lab) -> "UsualTruth":
        """Of a running lab."""
        settings = lab.settings
        sites = {site.region: site.name for site in settings.sites}
        return cls(
            clusters=tuple(
                RdsGlobalCluster(
                    lab.aws_client("rds", site.name), settings.resource("global"), sites
                )
                for site in settings.sites
            ),
            connect=lab.connect,
        )

    def control(self) -> ControlRecord:
        """The writer's site as the active one, in a phase that is always steady."""
        for plane in self.clusters:
            try:
                writer = plane.describe().writer
            except UnavailableError:
                continue
            if writer is not None:
                return steady_at(writer)
        raise UnavailableError("no region names the writer of the global cluster")

    def run_log(self, move_id: str) -> tuple[Transition, ...]:
        """Empty: a promotion is one call here, not a plan."""
        del move_id
        return ()

    def unconfirmed(self) -> frozenset[str]:
        """Empty: this design does not know what its standby has."""
        return frozenset()

    def open_operations(self) -> frozenset[str]:
        """Payment ids with an operation in flight."""
        return self._ask(payments.open_payments)

    def records(self) -> tuple[Record, ...]:
        """Every payment of the surviving writer."""
        return self._ask(lambda connection: tuple(payments.records(connection)))

    def _ask(self, question: Callable[[Connection[Any]], T]) -> T:
        writer = self.control().active
        try:
            with self.connect(writer) as connection:
                return question(connection)
        except psycopg.Error as error:
            raise UnavailableError(f"the ledger of {writer} does not answer: {error}") from error
