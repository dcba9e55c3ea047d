"""A whole lab: starts every process, injects faults, restores, and ends everything it started.

Use it as a context manager. However the body ends, also by SIGTERM, SIGHUP or SIGINT, every
process, port and file of the lab is gone afterwards; after SIGKILL the guardian sees to it.
"""

import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from random import SystemRandom
from typing import Any, Final, Self
from urllib.parse import quote

from psycopg import Connection

from payment_dr.checks.evidence import PostingRow
from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import Addresses, claim_addresses
from payment_dr.lab.aws_client import regional_client
from payment_dr.lab.bring_up import BringUp, Parts
from payment_dr.lab.control import ControlServer
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.errors import LabError
from payment_dr.lab.http_call import call_json
from payment_dr.lab.ledger_rows import posting_rows
from payment_dr.lab.ledgers import Ledgers
from payment_dr.lab.postgres import LedgerPasswords, PostgresHost
from payment_dr.lab.postgres_binaries import find_postgres
from payment_dr.lab.processes import Launcher
from payment_dr.lab.signals import deaf, ended_by_signals
from payment_dr.lab.site_functions import Composition, SiteFunctions

API_HANDLER: Final = "payment_dr.functions.api:handler"
WATCH_INTERVAL_S: Final = 1.0
_CALL_TIMEOUT_S: Final = 5.0
_PASSWORD_BYTES: Final = 24


def default_schedules(settings: Settings) -> dict[str, float]:
    """payment-dr's own scheduled functions and the pause after each call, in seconds."""
    jobs = ("poster", "confirmer", "sweeper")
    pause_s = settings.payments.job_interval_s
    return {
        **{f"payment_dr.functions.{job}:handler": pause_s for job in jobs},
        "payment_dr.functions.watcher:handler": WATCH_INTERVAL_S,
    }


class Lab:
    """The supervisor. `start` makes `addresses`, `directory` and everything else usable.

    Args:
        settings: of the lab; every process gets them.
        directory: an empty or new one, removed at the end; a temporary one by default.
        api_handler: `module:name` behind each site's HTTP API.
        schedules: pause in seconds by `module:name`, at each site; payment-dr's jobs by default.
        extra_environment: added to what the functions get.
        progress: is told a short sentence whenever a part is ready.
    """

    def __init__(  # noqa: PLR0913 - all have defaults but the settings
        self,
        settings: Settings,
        *,
        directory: Path | None = None,
        api_handler: str = API_HANDLER,
        schedules: Mapping[str, float] | None = None,
        extra_environment: Mapping[str, str] | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings
        self.ended = threading.Event()
        self._wanted_directory = directory
        self._composition = Composition(
            api_handler=api_handler,
            schedules=default_schedules(settings) if schedules is None else schedules,
            extra_environment=extra_environment or {},
        )
        self._progress = progress or _keep_quiet
        self._undo = ExitStack()
        self._parts: Parts | None = None
        self._brought_up: BringUp | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and wait until both sites take payments.

        Raises:
            PaymentDrError: a part did not start; nothing is left of the others.
        """
        if self._parts is not None:
            raise LabError("the lab has been started already")
        self._undo.enter_context(ended_by_signals())
        try:
            self._parts = self._assemble()
            self._brought_up = BringUp(self._parts, self._progress)
            self._brought_up.run()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process and remove the directory; nothing when that is done already."""
        with deaf():
            self._undo.close()
        self._parts = None

    @property
    def addresses(self) -> Addresses:
        """Where everything listens."""
        return self._running.addresses

    @property
    def directory(self) -> Path:
        """The lab's directory."""
        return self._running.directory.root

    @property
    def merchant_keys(self) -> Mapping[str, str]:
        """The API key of each merchant of the lab."""
        return {} if self._brought_up is None else self._brought_up.merchant_keys

    def environment(self, site: str) -> dict[str, str]:
        """The variables of functions at that site; also for moves from the command line."""
        return self._at(site).functions.environment(site)

    def kill_site(self, site: str) -> None:
        """Lose the site's region: its links fall silent, then everything in it is killed."""
        parts = self._at(site)
        self._set_region(site, state="down", mode="blackhole")
        self._set_site_links(site, "blackhole")
        parts.functions.kill(site)
        parts.ledgers.kill(site)

    def start_site(self, site: str) -> None:
        """Bring the region back; its PostgreSQL is rebuilt if another was promoted meanwhile."""
        parts = self._at(site)
        self._set_site_links(site, "pass")
        self._set_region(site, state="up")
        parts.functions.kill(site)
        parts.functions.start(site)
        parts.ledgers.bring_back(site)
        parts.functions.wait_healthy(site)

    def kill_database(self, site: str) -> None:
        """SIGKILL the site's PostgreSQL."""
        self._at(site).ledgers.kill(site)

    def start_database(self, site: str) -> None:
        """Start the site's PostgreSQL again as what it was; it recovers from its crash."""
        self._at(site).ledgers.restart(site)

    def rebuild_database(self, site: str) -> None:
        """Make the site's PostgreSQL a new standby of the writer, keeping its old data."""
        self._at(site).ledgers.rebuild(site)

    def set_link(
        self, name: str, *, mode: str | None = None, delay_ms: float | None = None
    ) -> None:
        """Change a link: mode `pass`, `refuse` or `blackhole`, one-way delay, or both."""
        wanted = {"mode": mode, "delay_ms": delay_ms}
        body = {key: value for key, value in wanted.items() if value is not None}
        port = self.addresses.network_control_port
        call_json(port, "POST", f"/links/{quote(name)}", body, timeout_s=_CALL_TIMEOUT_S)

    def isolate(self, site: str, *, isolated: bool) -> None:
        """Cut the site off from everything, its clients included, while it lives on; or heal it."""
        self._set_region(site, state="isolated" if isolated else "up")
        self._set_site_links(site, "blackhole" if isolated else "pass")

    def promote(self, site: str) -> None:
        """Make the site's PostgreSQL the writer, losing what it has not received."""
        self._at(site).ledgers.promote(site)

    def switchover(self, site: str) -> None:
        """Make the site's PostgreSQL the writer without loss; the old one follows it."""
        self._at(site).ledgers.switchover(site)

    def old_ledger(self, site: str) -> tuple[PostingRow, ...]:
        """Postings in the data that the site's latest rebuild set aside."""
        with self._at(site).ledgers.old(site) as connection:
            return posting_rows(connection, site)

    def connect(self, site: str) -> Connection[Any]:
        """A connection to the site's ledger as administrator; the caller closes it."""
        return self._at(site).ledgers.connect(site)

    def aws_client(self, service: str, site: str) -> Any:
        """A boto3 client of the site's region, `service` by boto3's name."""
        self._at(site)
        return regional_client(self.addresses, service, self.settings.site(site).region)

    def status(self) -> dict[str, Any]:
        """The lab's state as a JSON document."""
        parts = self._running
        return {
            "directory": str(parts.directory.root),
            "addresses": asdict(parts.addresses),
            "pids": parts.launcher.pids,
            "ledger": {
                "writer": parts.ledgers.writer,
                "alive": [s.name for s in self.settings.sites if parts.ledgers.alive(s.name)],
                "stale": sorted(parts.ledgers.stale),
            },
            "healthy": [s.name for s in self.settings.sites if parts.functions.healthy(s.name)],
            "merchant_keys": dict(self.merchant_keys),
            "start_seconds": {} if self._brought_up is None else self._brought_up.seconds,
        }

    def ask_to_end(self) -> None:
        """Set `ended`, for whoever runs the lab to stop it."""
        self.ended.set()

    @property
    def _running(self) -> Parts:
        if self._parts is None:
            raise LabError("the lab does not run", remedy="call start, or use it in a with block")
        return self._parts

    def _at(self, site: str) -> Parts:
        names = [s.name for s in self.settings.sites]
        if site not in names:
            raise LabError(f"there is no site {site!r}; there are {', '.join(names)}")
        return self._running

    def _assemble(self) -> Parts:
        """Make directory, control port and guardian; each is undone by `stop`."""
        claim = claim_addresses(self.settings, SystemRandom())
        control = ControlServer(claim.control, self)
        self._undo.callback(control.close)
        directory = LabDirectory.create(self._wanted_directory)
        self._undo.callback(directory.remove)
        launcher = Launcher(directory)
        self._undo.callback(launcher.close)
        directory.write(self.settings, claim.addresses)
        passwords = LedgerPasswords(
            owner=secrets.token_urlsafe(_PASSWORD_BYTES),
            admin=secrets.token_urlsafe(_PASSWORD_BYTES),
            app=secrets.token_urlsafe(_PASSWORD_BYTES),
        )
        host = PostgresHost(
            binaries=find_postgres(directory.postgres), launcher=launcher, passwords=passwords
        )
        host.binaries.give(directory.postgres)
        return Parts(
            settings=self.settings,
            addresses=claim.addresses,
            directory=directory,
            launcher=launcher,
            passwords=passwords,
            ledgers=Ledgers(self.settings, claim.addresses, place=directory.postgres, host=host),
            functions=SiteFunctions(
                self.settings,
                claim.addresses,
                directory=directory,
                launcher=launcher,
                composition=self._composition,
            ),
        )

    def _set_region(self, site: str, **state: str) -> None:
        self._at(site)
        region = self.settings.site(site).region
        port = self.addresses.aws_control_port
        call_json(port, "POST", f"/regions/{region}", state, timeout_s=_CALL_TIMEOUT_S)

    def _set_site_links(self, site: str, mode: str) -> None:
        """Change every link that begins or ends at the site."""
        for link in self.addresses.links:
            if site in link.name.removeprefix("pg:").split("->"):
                self.set_link(link.name, mode=mode)


def _keep_quiet(sentence: str) -> None:
    """Report no progress."""
    del sentence
