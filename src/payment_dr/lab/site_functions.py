"""The function processes of each site: one serves its HTTP API, one runs its schedules.

In a lab that was deployed into, and with a state machine, one more runs any function when it is
called; schedules are then the emulator's, which calls it.
"""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from payment_dr.core.settings import Orchestrator, Settings
from payment_dr.lab.addresses import Addresses, accepts
from payment_dr.lab.deployed import DeployedSite
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
        self._processes: dict[str, tuple[ManagedProcess, ...]] = {}
        self._deployed: dict[str, DeployedSite] = {}

    def environment(self, site: str) -> dict[str, str]:
        """The variables that functions at the site get besides the shell's harmless ones."""
        if site in self._deployed:
            own: Mapping[str, str] = self._deployed[site].environment
        else:
            own = function_environment(self._settings, self._addresses, site)
        return {**own, **self._composition.extra_environment}

    def adopt(self, site: str, deployed: DeployedSite) -> None:
        """Run what was deployed at the site; whatever runs it already goes on."""
        processes = self._processes.get(site, ())
        runs = bool(processes) and all(process.alive for process in processes)
        if runs and self._deployed.get(site) == deployed:
            return
        self.kill(site)
        self._deployed[site] = deployed
        self.start(site)

    def start(self, site: str) -> None:
        """Start the site's processes; scheduled functions wait until the resources exist."""
        deployed = self._deployed.get(site)
        if deployed is not None:
            timeout = f"--timeout-s={deployed.api_timeout_s:g}"
            api = self._api(site, deployed.api_handler, timeout)
            self._processes[site] = (api, self._tasks(site))
            return
        processes = [self._api(site, self._composition.api_handler), self._jobs(site)]
        if self._settings.failover.orchestrator is Orchestrator.STATE_MACHINE:
            processes.append(self._tasks(site))
        self._processes[site] = tuple(processes)

    def _api(self, site: str, handler: str, *arguments: str) -> ManagedProcess:
        return self._launcher.start_module(
            f"api-{site}",
            "payment_dr.lab.function_host",
            *("--site", site, "--handler", handler, *arguments),
            environment=self.environment(site),
        )

    def _jobs(self, site: str) -> ManagedProcess:
        return self._launcher.start_module(
            f"jobs-{site}",
            "payment_dr.lab.schedule_host",
            *("--site", site, "--after", self._directory.resources_ready),
            *(
                f"--schedule={handler}={pause_s:g}"
                for handler, pause_s in self._composition.schedules.items()
            ),
            environment=self.environment(site),
        )

    def _tasks(self, site: str) -> ManagedProcess:
        return self._launcher.start_module(
            f"tasks-{site}",
            "payment_dr.lab.task_host",
            *("--site", site),
            environment=self.environment(site),
        )

    def wait_callable(self, site: str) -> None:
        """Wait until the site's functions can be called.

        Raises:
            LabError: a process ended, or the time is over.
        """
        port = self._addresses.task_port[site]
        self._processes[site][-1].wait_until(
            lambda: accepts(port), self._settings.lab.start_timeout_s
        )

    def wait_healthy(self, site: str) -> None:
        """Wait until the site's `/health` answers 200.

        Raises:
            LabError: a process ended, or the time is over.
        """
        api, *others = self._processes[site]

        def ready() -> bool:
            for process in others:
                process.require_alive()
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
