"""Where the ledger is written now: what commands about its contents act on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.control_table import DynamoControlTable
from payment_dr.cli.target import Target, Where, target_of
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.functions.composition import aws_client
from payment_dr.functions.environment import Environment
from payment_dr.recovery.control import ControlRecord

_CALL_S: Final = 5.0


def control_of(environment: Environment) -> ControlRecord:
    """The control record as the site of the environment reads it."""
    client = aws_client(environment, "dynamodb", tight(_CALL_S))
    return DynamoControlTable(client, environment.settings.resource("table")).read()


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """The active site of a target; `control` reads the control record through a site."""

    target: Target
    control: Callable[[Environment], ControlRecord] = control_of

    def environment(self) -> Environment:
        """The environment of the active site.

        Raises:
            PaymentDrError: it is not known here.
            UnavailableError: no site answers.
        """
        active = self._control().active
        environment = self.target.environments.get(active)
        if environment is None:
            raise PaymentDrError(
                f"{active} is active, and this runs in another site's environment",
                remedy=f"run it with the variables of that site, PAYMENT_DR_SITE={active}",
            )
        return environment

    def _control(self) -> ControlRecord:
        troubles: list[str] = []
        for site, environment in self.target.environments.items():
            try:
                return self.control(environment)
            except UnavailableError as error:
                troubles.append(f"{site}: {error.what}")
        raise UnavailableError(f"no site answers; {'; '.join(troubles)}")


def active_environment(lab: str | None) -> Environment:
    """The environment of the active site of a lab, or else of what variables or outputs name."""
    return Writer(target=target_of(Where(lab=lab))).environment()
