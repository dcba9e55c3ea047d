"""Plays a scenario's steps against a running lab, each after its wait and within its limit."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, assert_never

from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.lab.drill.design import Truth
from payment_dr.lab.events import EventLog
from payment_dr.lab.scenario import Action, Step
from payment_dr.recovery.control import Phase

_POLL_S: Final = 0.1
_SLOW_MS: Final = 400
"""One way, instead of the replication's usual delay; it stays so."""

FaultOrRepair = Literal[
    Action.SEVER,
    Action.ISOLATE,
    Action.HEAL,
    Action.KILL_SITE,
    Action.START_SITE,
    Action.KILL_DATABASE,
    Action.REBUILD_DATABASE,
]


class Sites(Protocol):
    """What a script does to the sites of a lab; `lab.supervisor.Lab` does it."""

    def isolate(self, site: str, *, isolated: bool) -> None:
        """Cut the site off from everything, or heal it."""
        ...

    def set_link(
        self, name: str, *, mode: str | None = None, delay_ms: float | None = None
    ) -> None:
        """Change one link."""
        ...

    def kill_site(self, site: str) -> None:
        """SIGKILL everything in the site."""
        ...

    def start_site(self, site: str) -> None:
        """Bring the site back, its database as a standby."""
        ...

    def kill_database(self, site: str) -> None:
        """SIGKILL the site's PostgreSQL."""
        ...

    def rebuild_database(self, site: str) -> None:
        """Bring the site's PostgreSQL back as a standby of the writer."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """Steps of a scenario bound to a lab.

    `move` runs a planned move to a site as an operator would, by the command line, and raises when
    it fails. `wait` sleeps; it raises when the load has died meanwhile.
    """

    settings: Settings
    sites: Sites
    truth: Truth
    events: EventLog
    move: Callable[[str, SiteName, float], None]
    wait: Callable[[float], None]

    def play(self, steps: tuple[Step, ...]) -> None:
        """Play every step in order.

        Raises:
            PaymentDrError: a step did not come about within its limit; names the step.
        """
        for step in steps:
            self.wait(step.wait_s)
            site = self._site(step)
            if step.fault:
                self.events.write("fault", site, action=step.action.value)
            self.events.write("step", site, action=step.action.value)
            self._act(step, site)

    def _site(self, step: Step) -> SiteName:
        home = self.settings.home
        return home if step.site == "home" else self.settings.peer(home).name

    def _act(self, step: Step, site: SiteName) -> None:
        match step.action:
            case Action.SWITCHOVER | Action.FAILBACK:
                self.move(step.action.value, site, step.within_s)
            case Action.AWAIT_MOVE:
                self._await(step, lambda: self._moved_from(site))
            case Action.AWAIT_CONFIRMED:
                waiting = self.truth.unconfirmed()
                self._await(step, lambda: not waiting & self.truth.unconfirmed())
            case (Action.ONE_WAY | Action.PARTIAL | Action.SLOW) as grey:
                self._grey(grey, site)
            case fault_or_repair:
                self._change(fault_or_repair, site)

    def _change(self, action: FaultOrRepair, site: SiteName) -> None:
        match action:
            case Action.SEVER:
                self.sites.isolate(site, isolated=True)
            case Action.ISOLATE:
                self.sites.isolate(site, isolated=True)
                # Clients still reach it: what it refuses then is the proof that it is fenced.
                self.sites.set_link(f"client->{site}", mode="pass")
            case Action.HEAL:
                self.sites.isolate(site, isolated=False)
            case Action.KILL_SITE:
                self.sites.kill_site(site)
            case Action.START_SITE:
                self.sites.start_site(site)
            case Action.KILL_DATABASE:
                self.sites.kill_database(site)
            case Action.REBUILD_DATABASE:
                self.sites.rebuild_database(site)
            case unreachable:
                assert_never(unreachable)

    def _grey(
        self, action: Literal[Action.ONE_WAY, Action.PARTIAL, Action.SLOW], site: SiteName
    ) -> None:
        """Break what gives one of the two signals of a lost site, and no more."""
        peer = self.settings.peer(site).name
        match action:
            case Action.ONE_WAY:
                # The other site hears nothing of this one, which hears it well.
                self.sites.set_link(f"{peer}->{site}", mode="blackhole")
            case Action.PARTIAL:
                # The zone's probers alone do not reach it: clients are sent away.
                self.sites.set_link(f"prober->{site}", mode="blackhole")
            case Action.SLOW:
                self.sites.set_link(f"pg:{peer}->{site}", delay_ms=_SLOW_MS)
            case unreachable:
                assert_never(unreachable)

    def _moved_from(self, site: SiteName) -> bool:
        control = self.truth.control()
        return control.phase is Phase.STEADY and control.active != site

    def _await(self, step: Step, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + step.within_s
        while time.monotonic() < deadline:
            try:
                if done():
                    return
            except UnavailableError:
                self.events.write("truth-unavailable", None, action=step.action.value)
            self.wait(_POLL_S)
        raise PaymentDrError(
            f"step {step.action} did not come about within {step.within_s:g} s",
            remedy="read logs/ and events.jsonl in the run's directory",
        )
