"""One PostgreSQL server with the ledger's schema, open at east: for benchmarks of the ledger alone.

The server is the lab's, with its settings: `fsync` on, 64 MB of shared buffers, no standby.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

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
def ledger_server() -> Iterator[Cluster]:
    """A server that runs; it and its data are gone afterwards."""
    passwords = LedgerPasswords(owner=PASSWORD, admin=PASSWORD, app=PASSWORD)
    with ExitStack() as undo:
        undo.enter_context(ended_by_signals())
        directory = LabDirectory.create()
        undo.callback(directory.remove)
        launcher = Launcher(directory)
        undo.callback(launcher.close)
        binaries = find_postgres(directory.postgres)
        binaries.give(directory.postgres)
        host = PostgresHost(binaries=binaries, launcher=launcher, passwords=passwords)
        server = Cluster("ledger", data=directory.postgres / "ledger", port=free_port(), host=host)
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


__all__ = ["OWNER", "STAMP", "ledger_server", "login"]
