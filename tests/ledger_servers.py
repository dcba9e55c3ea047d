"""A pair of real PostgreSQL servers with the ledger's schema, for a module of tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from payment_dr.adapters.migrations import migrate
from payment_dr.adapters.postgres import LedgerLogin
from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import LOOPBACK, claim_addresses
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.ledgers import Ledgers
from payment_dr.lab.postgres import APP, LedgerPasswords, PostgresHost
from payment_dr.lab.postgres_binaries import find_postgres
from payment_dr.lab.processes import Launcher

SETTINGS = Settings.model_validate(
    {
        "home": "east",
        "witness_region": "us-east-2",
        "sites": [
            {"name": "east", "region": "us-east-1", "cidr": "10.0.0.0/16"},
            {"name": "west", "region": "us-west-2", "cidr": "10.1.0.0/16"},
        ],
    }
)
PASSWORD = "app's own"


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerServers:
    """East is the writer; west follows it once it was built."""

    ledgers: Ledgers
    ports: dict[str, int]

    def login(self, site: str = "east") -> LedgerLogin:
        return LedgerLogin(
            host=LOOPBACK, port=self.ports[site], user=APP, password=PASSWORD, tls=False
        )


@contextmanager
def ledger_servers() -> Iterator[LedgerServers]:
    directory = LabDirectory.create()
    launcher = Launcher(directory)
    claimed = claim_addresses(SETTINGS, Random())
    try:
        host = PostgresHost(
            binaries=find_postgres(directory.postgres),
            launcher=launcher,
            passwords=LedgerPasswords(owner="o", admin="a", app=PASSWORD),
        )
        host.binaries.give(directory.postgres)
        ledgers = Ledgers(SETTINGS, claimed.addresses, place=directory.postgres, host=host)
        ledgers.create_writer()
        with ledgers.connect("east") as admin:
            migrate(admin)
        yield LedgerServers(ledgers=ledgers, ports=dict(claimed.addresses.postgres_port))
    finally:
        launcher.close()
        claimed.release()
        directory.remove()
