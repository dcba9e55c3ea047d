"""The function processes of each site: one serves its HTTP API, one runs its schedules."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from payment_dr.core.settings import Settings
from payment_dr.lab.addresses import Addresses
from payment_dr.lab.directory import LabDirectory
from payment_dr.lab.function_environment import function_environment
from payment_dr.lab.processes import Launcher, ManagedProcess

_PROBE_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Composition:
    """Which functions a site runs.

    `api_handler` and the keys of `schedules` are `module:name`; the values are the pause after
    each call in seconds. `extra_environment` is added to what functions get.
    """

    api_handler: str
    schedules: Mapping[str, float]
    extra_environment: Mapping[str, str]


class SiteFunctions:
    """Starts and kills the processes of a site by the site's name."""

    def __init__(
        self,
        settings: Settings,
        addresses: Addresses,
        *,
        directory: LabDirectory,
        launcher: Launcher,
        composition: Composition,
    ) -> None:
        self._settings = settings
        self._addresses = addresses
        self._directory = directory
        self._launcher = launcher
        self._composition = composition
        self._processes: dict[str, tuple[ManagedProcess, ManagedProcess]] = {}

    def environment(self, site: str) -> dict[str, str]:
        """The variables that functions at the site get besides the shell's harmless ones."""
        own = function_environment(self._settings, self._addresses, site)
        return {**own, **self._composition.extra_environment}

    def start(self, site: str) -> None:
        """Start the site's processes; scheduled functions wait until the resources exist."""
        environment = self.environment(site)
        api = self._launcher.start_module(
            f"api-{site}",
            "payment_dr.lab.function_host",
            "--site",
            site,
            "--handler",
            self._composition.api_handler,
            environment=environment,
        )
        jobs = self._launcher.start_module(
            f"jobs-{site}",
            "payment_dr.lab.schedule_host",
            "--after",
            self._directory.resources_ready,
            *(
                f"--schedule={handler}={pause_s:g}"
                for handler, pause_s in self._composition.schedules.items()
            ),
            environment=environment,
        )
        self._processes[site] = (api, jobs)

    def wait_healthy(self, site: str) -> None:
        """Wait until the site's `/health` answers 200.

        Raises:
            LabError: a process ended, or the time is over.
        """
        api, jobs = self._processes[site]

        def ready() -> bool:
            jobs.require_alive()
            return self.healthy(site)

        api.wait_until(ready, self._settings.lab.start_timeout_s)

    def healthy(self, site: str) -> bool:
        """Whether the site's `/health` answers 200."""
        host, port = self._addresses.api_target[site]
        connection = http.client.HTTPConnection(host, port, timeout=_PROBE_TIMEOUT_S)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def kill(self, site: str) -> None:
        """SIGKILL the site's processes, together."""
        for process in self._processes.get(site, ()):
            process.popen.kill()
        for process in self._processes.get(site, ()):
            process.kill()
