"""One PostgreSQL server with the ledger's schema, open at east: for benchmarks of the ledger alone.

The server is the lab's, with its settings: `fsync` on, 64 MB of shared buffers, no standby.
"""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psycopg

from patroni_peer import free_port
from payment_dr.adapters.migrations import migrate
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.core.stamp import Epoch, SiteName, Stamp
from payment_dr.lab.addresses import LOOPBACK
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.postgres import APP, OWNER, Cluster, LedgerPasswords, PostgresHost
from payment_dr.lab.postgres_binaries import find_postgres
from payment_dr.lab.processes import Launcher
from payment_dr.lab.signals import ended_by_signals

STAMP: Final = Stamp(epoch=Epoch(1), site=SiteName("east"))
PASSWORD: Final = "of-no-use-elsewhere"  # noqa: S105 - the server lives as long as the benchmark


@contextmanager
def postgres_host() -> Generator[tuple[Path, PostgresHost]]:
    """A directory for servers and what they are run with; both are gone afterwards."""
    with ExitStack() as undo:
        directory = LabDirectory.create()
        undo.callback(directory.remove)
        launcher = Launcher(directory)
        undo.callback(launcher.close)
        binaries = find_postgres(directory.postgres)
        binaries.give(directory.postgres)
        passwords = LedgerPasswords(owner=PASSWORD, admin=PASSWORD, app=PASSWORD)
        yield (
            directory.postgres,
            PostgresHost(binaries=binaries, launcher=launcher, passwords=passwords),
        )


@contextmanager
def ledger_server() -> Generator[Cluster]:
    """A server that runs; it and its data are gone afterwards."""
    with ExitStack() as undo:
        undo.enter_context(ended_by_signals())
        place, host = undo.enter_context(postgres_host())
        server = Cluster("ledger", data=place / "ledger", port=free_port(), host=host)
        undo.callback(server.kill)
        server.initialise()
        server.start()
        server.create_database()
        with server.connect() as admin:
            migrate(admin)
            admin.execute(
                "UPDATE ledger.stamp SET epoch = %s, site = %s", (STAMP.epoch, STAMP.site)
            )
        yield server


def login(port: int, user: str = APP) -> LedgerLogin:
    """How a handler logs in to the server at that port, or its owner."""
    return LedgerLogin(host=LOOPBACK, port=port, user=user, password=PASSWORD, tls=False)


def owner(server: Cluster) -> psycopg.Connection:
    """A connection of the ledger's owner, whom no trigger is for."""
    return psycopg.connect(**login(server.port, OWNER).parameters(), autocommit=True)


__all__ = ["OWNER", "STAMP", "ledger_server", "login", "owner"]
