"""A writer and its standby, without the rest of a lab; replication is direct, not by a link."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import SystemRandom

from payment_dr.adapters.settings_file import example
from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import Addresses, claim_addresses
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.ledgers import Ledgers
from payment_dr.lab.postgres import LedgerPasswords, PostgresHost
from payment_dr.lab.postgres_binaries import find_postgres
from payment_dr.lab.processes import Launcher

PASSWORDS = LedgerPasswords(owner="owner-secret", admin="admin-secret", app="app-secret")


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresPair:
    settings: Settings
    addresses: Addresses
    directory: LabDirectory
    host: PostgresHost
    ledgers: Ledgers


@contextmanager
def postgres_pair() -> Generator[PostgresPair]:
    settings = example("development")
    claim = claim_addresses(settings, SystemRandom())
    directory = LabDirectory.create()
    launcher = Launcher(directory)
    try:
        host = PostgresHost(
            binaries=find_postgres(directory.postgres), launcher=launcher, passwords=PASSWORDS
        )
        host.binaries.give(directory.postgres)
        addresses = _direct(claim.addresses)
        ledgers = Ledgers(settings, addresses, place=directory.postgres, host=host)
        ledgers.create_writer()
        ledgers.create_standby()
        ledgers.wait_streaming()
        yield PostgresPair(
            settings=settings,
            addresses=addresses,
            directory=directory,
            host=host,
            ledgers=ledgers,
        )
    finally:
        launcher.close()
        directory.remove()
        claim.release()


def _direct(addresses: Addresses) -> Addresses:
    return replace(
        addresses,
        links=tuple(
            replace(link, listen_host=link.target_host, listen_port=link.target_port)
            if link.name.startswith("pg:")
            else link
            for link in addresses.links
        ),
    )
