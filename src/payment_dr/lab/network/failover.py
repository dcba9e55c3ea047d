"""Which site the zone answers with: health by consecutive probes, and the takeover switch.

As Route 53's failover routing: home's record is healthy while its endpoint is and the switch is
not raised, the other's while its endpoint is; home is answered when healthy, else the other if
healthy, else home. The switch is an inverted health check of the other site's `/takeover`: raised
while that answers well. A new one counts as not raised here; on AWS as raised, until there is data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from payment_dr.core.settings import Settings
from payment_dr.lab.events import EventLog


class HealthView(TypedDict):
    """A site as `GET /health-checks` shows it; `failures` are the latest ones in a row."""

    healthy: bool
    failures: int
    since_ns: int


@dataclass(kw_only=True, slots=True)
class _Health:
    since_ns: int
    healthy: bool = True
    failures: int = 0
    successes: int = 0

    def turned(self, *, well: bool, threshold: int) -> bool:
        """Count a probe; whether it turned the check, as so many in a row do."""
        self.successes, self.failures = (self.successes + 1, 0) if well else (0, self.failures + 1)
        if (self.failures if self.healthy else self.successes) < threshold:
            return False
        self.healthy = not self.healthy
        return True


class Failover:
    """Takes the outcomes of probes, keeps the answer, and writes an event for each change.

    Sites count as healthy until `threshold` probes in a row failed, as new health checks do.
    """

    def __init__(self, settings: Settings, events: EventLog, *, now_ns: Callable[[], int]) -> None:
        self._home = settings.home
        self._other = settings.peer(settings.home).name
        self.probes = settings.probes
        """How sites are probed; may be replaced at any time."""
        self._events = events
        self._now_ns = now_ns
        self._health: dict[str, _Health] = {
            site.name: _Health(since_ns=now_ns()) for site in settings.sites
        }
        self._takeover = _Health(since_ns=now_ns(), healthy=False)
        self._answered: str | None = None
        self._announce()

    @property
    def answer(self) -> str:
        """The name of the site that clients are sent to."""
        home, other = self._health[self._home], self._health[self._other]
        if not (home.healthy and not self._takeover.healthy) and other.healthy:
            return self._other
        return self._home

    @property
    def view(self) -> dict[str, HealthView]:
        """Every site's health."""
        return {
            site: HealthView(healthy=h.healthy, failures=h.failures, since_ns=h.since_ns)
            for site, h in self._health.items()
        }

    def probed(self, site: str, problem: str | None) -> None:
        """Take one probe's outcome; `problem` says why it failed, None that it succeeded."""
        health = self._health[site]
        turned = health.turned(well=problem is None, threshold=self.probes.threshold)
        if problem is not None:
            self._events.write("probe-failed", site, failures=health.failures, problem=problem)
        if turned:
            health.since_ns = self._now_ns()
            self._events.write("site-healthy" if health.healthy else "site-unhealthy", site)
            self._announce()

    def takeover_probed(self, problem: str | None) -> None:
        """Take one outcome of `/takeover`; None raises, and what cannot be asked is not raised."""
        switch = self._takeover
        if switch.turned(well=problem is None, threshold=self.probes.threshold):
            self._events.write("switch-raised" if switch.healthy else "switch-lowered", self._other)
            self._announce()

    def _announce(self) -> None:
        if self.answer != self._answered:
            self._answered = self.answer
            self._events.write("dns-answer", self.answer)
