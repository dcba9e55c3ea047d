"""A writer and its standby that streams through a link without delay, and no more of a lab."""

import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from random import SystemRandom

from psycopg.errors import UndefinedTable

from fakes.loop_thread import LoopThread
from payment_dr.adapters.migrations import migrate
from payment_dr.adapters.settings_file import example
from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import Addresses, claim_addresses
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.events import EventLog
from payment_dr.lab.guardian import clear
from payment_dr.lab.ledgers import Ledgers
from payment_dr.lab.network.links import Link, Mode
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
    loop: LoopThread
    links: dict[str, Link]

    def change_link(self, name: str, mode: Mode) -> None:
        self.loop.run(self.links[name].change(mode))


@contextmanager
def postgres_pair() -> Generator[PostgresPair]:
    settings = example("development")
    claim = claim_addresses(settings, SystemRandom())
    directory = LabDirectory.create()
    launcher = Launcher(directory)
    with ExitStack() as undo:
        undo.callback(claim.release)
        undo.callback(clear, directory.root)
        undo.callback(launcher.close)
        loop = undo.enter_context(LoopThread())
        events = undo.enter_context(EventLog(directory.events / "links.jsonl"))
        host = PostgresHost(
            binaries=find_postgres(directory.postgres), launcher=launcher, passwords=PASSWORDS
        )
        host.binaries.give(directory.postgres)
        ledgers = Ledgers(settings, claim.addresses, place=directory.postgres, host=host)
        pair = PostgresPair(
            settings=settings,
            addresses=claim.addresses,
            directory=directory,
            host=host,
            ledgers=ledgers,
            loop=loop,
            links={
                spec.name: Link(replace(spec, delay_ms=0), events)
                for spec in claim.addresses.links
                if spec.name.startswith("pg:")
            },
        )
        for link in pair.links.values():
            loop.run(link.start())
            undo.callback(loop.call, link.stop)
        ledgers.create_writer()
        ledgers.create_standby()
        ledgers.wait_streaming()
        yield pair


@contextmanager
def open_ledger_pair() -> Generator[PostgresPair]:
    """A streaming pair with the ledger's schema at both, open at east in epoch 1."""
    with postgres_pair() as pair:
        with pair.ledgers.connect("east") as admin:
            migrate(admin)
            admin.execute("UPDATE ledger.stamp SET epoch = 1, site = 'east'")
        deadline = time.monotonic() + 20
        while not _has_stamp(pair, "west"):
            assert time.monotonic() < deadline, "the schema was not copied"
        yield pair


def _has_stamp(pair: PostgresPair, site: str) -> bool:
    with suppress(UndefinedTable), pair.ledgers.connect(site) as connection:
        return connection.execute("SELECT epoch FROM ledger.stamp").fetchone() == (1,)
    return False
