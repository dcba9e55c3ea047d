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

from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import claim_addresses
from payment_dr.lab.bring_up import BringUp, Parts
from payment_dr.lab.control import ControlServer
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.errors import LabError
from payment_dr.lab.guardian import clear
from payment_dr.lab.ledgers import Ledgers
from payment_dr.lab.postgres import ADMIN, OWNER, LedgerPasswords, PostgresHost
from payment_dr.lab.postgres_binaries import find_postgres
from payment_dr.lab.processes import Launcher, ManagedProcess
from payment_dr.lab.signals import deaf, ended_by_signals
from payment_dr.lab.site_functions import Composition, SiteFunctions
from payment_dr.lab.sites import Sites

API_HANDLER: Final = "payment_dr.functions.api:handler"
WATCH_INTERVAL_S: Final = 0.25
_PASSWORD_BYTES: Final = 24


def default_schedules(settings: Settings) -> dict[str, float]:
    """payment-dr's own scheduled functions and the pause after each call, in seconds."""
    jobs = ("poster", "confirmer", "sweeper")
    pause_s = settings.payments.job_interval_s
    return {
        **{f"payment_dr.functions.{job}:handler": pause_s for job in jobs},
        "payment_dr.lab.webhook_delivery:handler": pause_s,
        "payment_dr.functions.watcher:handler": WATCH_INTERVAL_S,
    }


class Lab(Sites):
    """The supervisor. `start` makes `addresses`, `directory` and everything else usable.

    Args:
        settings: of the lab; every process gets them.
        directory: an empty or new one, removed at the end; a temporary one by default.
        api_handler: `module:name` behind each site's HTTP API.
        schedules: pause in seconds by `module:name`, at each site; payment-dr's jobs by default.
        extra_environment: added to what the functions get.
        empty: start without resources, schema and functions, to be deployed into.
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
        empty: bool = False,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(settings)
        self.ended = threading.Event()
        self._empty = empty
        self._wanted_directory = directory
        self._composition = Composition(
            api_handler=api_handler,
            schedules=default_schedules(settings) if schedules is None else schedules,
            extra_environment=extra_environment or {},
        )
        self._progress = progress or _keep_quiet
        self._undo = ExitStack()
        self._signals = ExitStack()
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
        self._signals.enter_context(ended_by_signals())
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
        self._signals.close()
        self._parts = None

    @property
    def merchant_keys(self) -> Mapping[str, str]:
        """The API key of each merchant of the lab."""
        if self._brought_up is None:
            return {}
        return {**self._brought_up.merchant_keys, **self._deployed_keys}

    @property
    def start_seconds(self) -> Mapping[str, float]:
        """When each part was ready, in seconds after the start began."""
        return {} if self._brought_up is None else self._brought_up.seconds

    def start_module(self, name: str, module: str, *arguments: str | Path) -> ManagedProcess:
        """Start `python -m module --directory <lab> arguments`, ended with the lab."""
        return self._running.launcher.start_module(name, module, *arguments)

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
            "bare": parts.empty,
            "healthy": [s.name for s in self.settings.sites if parts.functions.healthy(s.name)],
            "merchant_keys": dict(self.merchant_keys),
            "start_seconds": dict(self.start_seconds),
        }

    def ask_to_end(self) -> None:
        """Set `ended`, for whoever runs the lab to stop it."""
        self.ended.set()

    def _assemble(self) -> Parts:
        """Make directory, control port and guardian; each is undone by `stop`.

        The guardian goes last: were we killed meanwhile, it would still do the rest.
        """
        claim = claim_addresses(self.settings, SystemRandom())
        control = ControlServer(claim.control, self)
        self._undo.callback(control.close)
        directory = LabDirectory.create(self._wanted_directory)
        self._undo.callback(directory.remove)
        launcher = Launcher(directory)
        self._undo.callback(launcher.dismiss_guardian)
        self._undo.callback(clear, directory.root)
        self._undo.callback(launcher.end_all)
        directory.write(self.settings, claim.addresses)
        passwords = LedgerPasswords(
            owner=secrets.token_urlsafe(_PASSWORD_BYTES),
            admin=secrets.token_urlsafe(_PASSWORD_BYTES),
            app=secrets.token_urlsafe(_PASSWORD_BYTES),
        )
        host = PostgresHost(
            binaries=find_postgres(directory.postgres),
            launcher=launcher,
            passwords=passwords,
            user=OWNER if self._empty else ADMIN,
        )
        host.binaries.give(directory.postgres)
        return Parts(
            settings=self.settings,
            empty=self._empty,
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


def _keep_quiet(sentence: str) -> None:
    """Report no progress."""
    del sentence
