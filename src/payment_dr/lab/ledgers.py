"""The ledger's two PostgreSQL servers: one writer, and a standby that streams from it.

Stands in for an Aurora global cluster. Replication is asynchronous and passes the replication
link, so what the writer acknowledged during the link's delay dies with it. `promote` loses that;
`switchover` does not. A writer that another site was promoted over is *stale*: it may come back
and take writes, as it would in reality, until it is rebuilt from the new writer.
"""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import LOOPBACK, Addresses
from payment_dr.lab.backups import LabBackups
from payment_dr.lab.errors import LabError
from payment_dr.lab.postgres import Cluster, PostgresHost, Upstream

CATCH_UP_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.01


class Ledgers:
    """The pair. Moves exclude one another; `kill` never waits for a move."""

    def __init__(
        self, settings: Settings, addresses: Addresses, *, place: Path, host: PostgresHost
    ) -> None:
        self.writer: str = settings.home
        self._settings = settings
        self._addresses = addresses
        self._place = place
        self._host = host
        self._moves = threading.RLock()
        self._stale: set[str] = set()
        self._backups: dict[str, LabBackups] = {}
        self._clusters: dict[str, Cluster] = {
            site.name: Cluster(
                site.name,
                data=place / site.name,
                port=addresses.postgres_port[site.name],
                host=host,
            )
            for site in settings.sites
        }

    @property
    def stale(self) -> frozenset[str]:
        """Sites whose server was left behind by a promotion and not rebuilt since."""
        return frozenset(self._stale)

    def alive(self, site: str) -> bool:
        """Whether the site's server runs."""
        return self._clusters[site].alive

    def create_writer(self, *, bare: bool = False) -> None:
        """Make and start the home site's server, with roles and an empty database unless bare."""
        cluster = self._clusters[self.writer]
        cluster.initialise()
        cluster.start()
        if not bare:
            cluster.create_database()

    def take_first_user(self, name: str, password: str) -> None:
        """Give the writer the first user of a deployment, and the database that is its own."""
        with self._moves:
            self._clusters[self.writer].take_first_user(name, password)

    def create_standby(self) -> None:
        """Copy the writer to the other site, directly, and let it stream through its link."""
        site = self._settings.peer(self.writer).name
        writer_port = self._addresses.postgres_port[self.writer]
        self._copy(site, Upstream(host=LOOPBACK, port=writer_port))

    def wait_streaming(self) -> None:
        """Wait until the standby streams.

        Raises:
            LabError: when it does not within the bound.
        """
        standby = self._settings.peer(self.writer).name
        self._wait(
            self._streams,
            f"{standby} does not stream from {self.writer}",
            remedy=f"heal the link pg:{standby}->{self.writer}, or rebuild {standby}",
        )

    def promote(self, site: str) -> None:
        """Make the site the writer at once, and lose what its standby has not received.

        Raises:
            LabError: when its server does not run, is no standby, or does not get promoted.
        """
        with self._moves:
            if site == self.writer:
                return
            self._require_standby(site)
            self._promote(site)
            self._stale.add(self.writer)
            self.writer = site

    def switchover(self, site: str) -> None:
        """Exchange the roles without loss: stop the writer, let the standby receive all, promote.

        When that fails, the old writer is the writer again, and the site is its standby or stale.

        Raises:
            LabError: when the standby does not stream, or one of the two fails underway.
        """
        with self._moves:
            if site == self.writer:
                return
            self._require_standby(site)
            self.wait_streaming()
            old, target = self._clusters[self.writer], self._clusters[site]
            old.shut_down()
            try:
                self._wait_received(target, old.checkpoint_location())
            except LabError:
                old.start()
                raise
            try:
                self._promote(site)
            except LabError:
                # Half promoted perhaps, but nobody was told: its copy is worth nothing.
                self._stale.add(site)
                target.kill()
                old.start()
                raise
            self.writer = site
            self._follow_again(old)

    def kill(self, site: str) -> None:
        """SIGKILL the site's server."""
        self._clusters[site].kill()

    def restart(self, site: str) -> None:
        """Start the site's server as what it was; nothing when it runs."""
        with self._moves:
            if not self._clusters[site].alive:
                self._clusters[site].start()

    def bring_back(self, site: str) -> None:
        """Restart the site's server, or rebuild it if it is stale."""
        if site in self._stale:
            self.rebuild(site)
        else:
            self.restart(site)

    def rebuild(self, site: str) -> None:
        """Make the site a new standby of the writer, through its link; keeps its old data.

        Raises:
            LabError: when the site is the writer, or the writer cannot be copied.
        """
        with self._moves:
            if site == self.writer:
                raise LabError(
                    f"{site} is the writer; only a standby is rebuilt", remedy="promote the other"
                )
            self._clusters[site].set_aside(self._next_old(site))
            self._copy(site, self._link(site))
            self._stale.discard(site)
            self.wait_streaming()

    def connect(self, site: str) -> Connection[Any]:
        """A new connection of the lab's own; the caller closes it."""
        return self._clusters[site].connect(user=self._host.user)

    def backups(self, site: str) -> LabBackups:
        """Backups of the site's server; all are restored at one port, one after another."""
        return self._backups.setdefault(
            site,
            LabBackups(
                self._place / f"{site}-backups",
                host=self._host,
                source=self._clusters[site],
                port=self._addresses.evidence_port,
                writer=lambda: self._clusters[self.writer],
            ),
        )

    @contextmanager
    def old(self, site: str) -> Generator[Connection[Any]]:
        """The data that the latest rebuild set aside, started alone and read-only.

        Raises:
            LabError: when nothing was set aside.
        """
        kept = self._kept(site)
        if not kept:
            raise LabError(
                f"no old ledger of {site} was kept", remedy=f"rebuild {site} after a failover"
            )
        cluster = Cluster(
            kept[-1].name, data=kept[-1], port=self._addresses.evidence_port, host=self._host
        )
        with self._moves:
            cluster.configure(read_only=True)
            try:
                cluster.start()
                with cluster.connect(user=self._host.user) as connection:
                    yield connection
            finally:
                cluster.shut_down()

    def _copy(self, site: str, source: Upstream) -> None:
        cluster = self._clusters[site]
        cluster.copy_from(source)
        cluster.configure(follow=self._link(site))
        cluster.start()

    def _follow_again(self, old: Cluster) -> None:
        """Start the writer of before as standby; the switchover stands even if it fails."""
        try:
            old.configure(follow=self._link(old.name))
            old.start()
        except LabError:
            self._stale.add(old.name)

    def _promote(self, site: str) -> None:
        if self._clusters[site].ask("SELECT pg_promote(true, 10)") is not True:
            raise LabError(f"PostgreSQL at {site} was not promoted in 10 s", definite=False)

    def _require_standby(self, site: str) -> None:
        cluster = self._clusters[site]
        if not cluster.alive:
            raise LabError(f"PostgreSQL at {site} does not run", remedy=f"start the site {site}")
        if site in self._stale or cluster.ask("SELECT pg_is_in_recovery()") is not True:
            raise LabError(
                f"PostgreSQL at {site} is an old writer, not a standby of {self.writer}",
                remedy=f"rebuild {site} first",
            )

    def _streams(self) -> bool:
        return bool(
            self._clusters[self.writer].ask(
                "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
            )
        )

    def _wait_received(self, target: Cluster, end: str) -> None:
        def received() -> bool:
            return bool(target.ask("SELECT pg_last_wal_replay_lsn() > %s::pg_lsn", end))

        self._wait(
            received,
            f"{target.name} did not receive the end of the log, {end}",
            remedy="try again when the replication link is healthy",
        )

    def _wait(self, done: Callable[[], bool], otherwise: str, *, remedy: str) -> None:
        deadline = time.monotonic() + CATCH_UP_TIMEOUT_S
        while not done():
            if time.monotonic() > deadline:
                raise LabError(f"{otherwise} within {CATCH_UP_TIMEOUT_S:g} s", remedy=remedy)
            time.sleep(_POLL_S)

    def _link(self, site: str) -> Upstream:
        """The replication link by which the site reaches its peer."""
        link = self._addresses.link(f"pg:{site}->{self._settings.peer(site).name}")
        return Upstream(host=link.listen_host, port=link.listen_port)

    def _kept(self, site: str) -> list[Path]:
        numbered = self._place.glob(f"{site}-old-*")
        return sorted(numbered, key=lambda path: int(path.name.rpartition("-")[2]))

    def _next_old(self, site: str) -> Path:
        return self._place / f"{site}-old-{len(self._kept(site)) + 1}"
