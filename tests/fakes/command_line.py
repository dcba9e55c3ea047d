"""The command line over one world in memory, with an operator's desk."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import typer
from typer.testing import CliRunner, Result

from fakes.composed import SETTINGS
from fakes.composed import FakeWorld as Parts
from fakes.operating import Office
from fakes.recovery_world import EAST, WEST, FakeWorld
from payment_dr.cli import move
from payment_dr.cli.target import Target
from payment_dr.core.errors import PaymentDrError
from payment_dr.core.settings import FailoverSettings, Orchestrator, Promotion
from payment_dr.functions.desk import Desk as OperatorsDesk
from payment_dr.functions.environment import Environment
from payment_dr.functions.recovery_composition import Recovery

LENIENT = FailoverSettings(min_stay_s=0)
BY_MACHINE = FailoverSettings(min_stay_s=0, orchestrator=Orchestrator.STATE_MACHINE)
WITH_APPROVAL = FailoverSettings(min_stay_s=0, promotion=Promotion.APPROVAL)


class Desk:
    """A command line over one world in memory; `opened` are the sites whose ports were used."""

    def __init__(self, *registers: Callable[[typer.Typer], None]) -> None:
        self.registers = registers or (move.register,)
        self.fake = FakeWorld()
        self.failover = LENIENT
        self.opened: list[str] = []
        self.office = Office()
        self.peers: list[str | None] = []
        self.closed = 0

    @property
    def target(self) -> Target:
        settings = SETTINGS.model_copy(update={"failover": self.failover})
        environments = {
            site: replace(Parts().parts(site).environment, settings=settings)
            for site in (EAST, WEST)
        }
        return Target(
            settings=settings,
            environments=environments,
            compose=self.compose,
            desk_of=self.desk_of,
        )

    def desk_of(self, environment: Environment, peer: Environment | None) -> OperatorsDesk:
        self.peers.append(None if peer is None else peer.site)
        assert peer is None or peer.site != environment.site
        return self.office.desk()

    def compose(self, environment: Environment) -> Recovery:
        self.opened.append(environment.site)
        heartbeats: Any = None
        return Recovery(
            environment=environment,
            world=self.fake.ports(),
            heartbeats=heartbeats,
            close=self._close,
        )

    def _close(self) -> None:
        self.closed += 1

    def run(self, *arguments: str, answers: str | None = None) -> Result:
        app = typer.Typer()
        for register in self.registers:
            register(app)
        # Or an application of one command would be folded into that command.
        app.callback()(lambda: None)
        return CliRunner().invoke(app, arguments, input=answers)

    def refused(self, *arguments: str) -> PaymentDrError:
        error = self.run(*arguments).exception
        assert isinstance(error, PaymentDrError)
        return error
