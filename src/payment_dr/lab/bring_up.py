"""Starting a lab: what takes longest first, and nothing waits for what it does not need.

Two processors bound the start, chiefly by Python's imports. PostgreSQL's chain (initialise,
migrate, copy, stream over a slow link) is the longest, so it runs beside the stand-ins alone; the
functions, whose imports cost most, begin when only the link's delay is left to wait for.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass

from payment_dr.adapters.ledger_setup import stamp_first
from payment_dr.adapters.migrations import migrate
from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import Addresses, accepts
from payment_dr.lab.aws_resources import create
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.ledgers import Ledgers
from payment_dr.lab.postgres import LedgerPasswords
from payment_dr.lab.processes import Launcher, ManagedProcess
from payment_dr.lab.site_functions import SiteFunctions
from payment_dr.recovery.moves import first_record

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What a lab is made of; an empty one is yet to be deployed into."""

    settings: Settings
    empty: bool
    addresses: Addresses
    directory: LabDirectory
    launcher: Launcher
    passwords: LedgerPasswords
    ledgers: Ledgers
    functions: SiteFunctions


class BringUp:
    """One start of the parts; `seconds` says when each was ready, from the beginning."""

    def __init__(self, parts: Parts, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self.merchant_keys: Mapping[str, str] = {}
        self._parts = parts
        self._progress = progress
        self._begin = time.monotonic()

    def run(self) -> None:
        """Start everything and wait until both sites answer; in an empty lab nobody will.

        Raises:
            PaymentDrError: a part did not start; nothing new starts after that.
        """
        parts = self._parts
        aws = self._stand_in("aws")
        network = self._stand_in("network")
        provider = self._stand_in("provider")
        with ThreadPoolExecutor(4, thread_name_prefix="bring-up") as pool:
            tasks = [
                pool.submit(self._ledgers_then_functions),
                pool.submit(self._cloud, aws),
                pool.submit(self._listening, network, parts.addresses.network_control_port),
                pool.submit(self._listening, provider, parts.addresses.provider_port),
            ]
            try:
                for task in wait(tasks, return_when=FIRST_EXCEPTION).done:
                    task.result()
            except BaseException:
                # Nothing more starts, and what is waited for has ended: the other tasks end too.
                parts.launcher.end_all()
                raise
        if parts.empty:
            return
        parts.directory.resources_ready.touch()
        for site in parts.settings.sites:
            parts.functions.wait_healthy(site.name)
            self._ready(f"site {site.name}")

    def _ledgers_then_functions(self) -> None:
        parts = self._parts
        self._ledgers()
        for site in () if parts.empty else parts.settings.sites:
            parts.functions.start(site.name)
        parts.ledgers.wait_streaming()
        self._ready("replication")

    def _ledgers(self) -> None:
        ledgers, home = self._parts.ledgers, self._parts.settings.home
        ledgers.create_writer(bare=self._parts.empty)
        if not self._parts.empty:
            with ledgers.connect(home) as connection:
                migrate(connection)
                stamp_first(connection, first_record(home).stamp)
        self._ready("ledger")
        ledgers.create_standby()
        self._ready("standby ledger")

    def _cloud(self, aws: ManagedProcess) -> None:
        parts = self._parts
        self._listening(aws, *parts.addresses.aws_port.values(), parts.addresses.aws_control_port)
        if not parts.empty:
            self.merchant_keys = create(parts.settings, parts.addresses, parts.passwords)
            self._ready("AWS resources")

    def _stand_in(self, name: str) -> ManagedProcess:
        return self._parts.launcher.start_module(name, f"payment_dr.lab.{name}")

    def _listening(self, process: ManagedProcess, *ports: int) -> None:
        timeout_s = self._parts.settings.lab.start_timeout_s
        process.wait_until(lambda: all(accepts(port) for port in ports), timeout_s)
        self._ready(process.name)

    def _ready(self, what: str) -> None:
        self.seconds[what] = time.monotonic() - self._begin
        self._progress(f"{what} ready after {self.seconds[what]:.1f} s")
