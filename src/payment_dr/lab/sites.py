"""What can be done to the sites of a lab that runs: lose them, cut them off, move their ledger."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from psycopg import Connection

from payment_dr.checks.evidence import PostingRow
from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import Addresses
from payment_dr.lab.aws_client import regional_client
from payment_dr.lab.bring_up import Parts
from payment_dr.lab.deployed import deployed_routing, deployed_site
from payment_dr.lab.errors import LabError
from payment_dr.lab.http_call import call_json
from payment_dr.lab.ledger_rows import posting_rows

_CALL_TIMEOUT_S: Final = 5.0


class Sites:
    """Faults, repairs and moves. Every method raises `LabError` when it is refused."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._parts: Parts | None = None
        self._deployed_keys: Mapping[str, str] = {}

    @property
    def addresses(self) -> Addresses:
        """Where everything listens."""
        return self._running.addresses

    @property
    def directory(self) -> Path:
        """The lab's directory."""
        return self._running.directory.root

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

    def take_first_user(self, name: str, password: str) -> None:
        """Give the ledger the first user of a deployment, as creating its cluster does on AWS."""
        self._running.ledgers.take_first_user(name, password)

    def adopt(self, merchant_keys: Mapping[str, str]) -> None:
        """Run what is deployed in the lab's cloud: functions, timeouts, probes, time to live.

        Args:
            merchant_keys: API keys that the deployed secret takes, for the lab's status.
        """
        parts = self._running
        routing = deployed_routing(self.settings, self.addresses)
        for site in self.settings.sites:
            deployed = deployed_site(self.settings, self.addresses, site.name)
            parts.functions.adopt(site.name, deployed)
            parts.directory.write_environment(site.name, deployed.environment)
        self._deployed_keys = merchant_keys
        port = self.addresses.network_control_port
        call_json(port, "POST", "/routing", routing.model_dump(), timeout_s=_CALL_TIMEOUT_S)
        for site in self.settings.sites:
            parts.functions.wait_callable(site.name)

    def verify_backup(self, site: str, run: str) -> dict[str, Any]:
        """One pass of verifying the site's backups, see `lab.backup_verification`."""
        parts = self._at(site)
        # Few labs are asked for it, and it takes the imports of functions.
        verification: Any = import_module("payment_dr.lab.backup_verification")
        done: dict[str, Any] = verification.advance(
            parts.ledgers.backups(site), self.environment(site), run, parts.directory.logs
        )
        return done

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
