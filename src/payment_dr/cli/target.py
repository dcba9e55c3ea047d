"""What a move from the command line acts on: a running lab, or an environment on AWS."""

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.functions.environment import Environment, environment_from
from payment_dr.functions.recovery_composition import Recovery, compose_recovery
from payment_dr.lab.directory import read_settings
from payment_dr.lab.function_environment import environment_in
from payment_dr.lab.registry import user_registry

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Environments by site; a move runs in the environment of the site that it leads to.

    `compose` builds the ports of an environment.
    """

    settings: Settings
    environments: Mapping[SiteName, Environment]
    compose: Callable[[Environment], Recovery] = compose_recovery

    def require(self, site: str) -> SiteName:
        """The site of that name.

        Raises:
            PaymentDrError: there is none.
        """
        names = [s.name for s in self.settings.sites]
        if site not in names:
            raise PaymentDrError(f"there is no site {site!r}; there are {', '.join(names)}")
        return SiteName(site)

    @contextmanager
    def at(self, site: SiteName) -> Generator[Recovery]:
        """The ports of that site; connections are closed at the end.

        Raises:
            PaymentDrError: the environment of that site is not known here.
        """
        environment = self.environments.get(site)
        if environment is None:
            raise PaymentDrError(
                f"this runs in the environment of {', '.join(self.environments)}, not of {site}",
                remedy=f"run it with the variables of that site, PAYMENT_DR_SITE={site} among them",
            )
        recovery = self.compose(environment)
        try:
            yield recovery
        finally:
            recovery.close()

    def ask(self, question: Callable[[Recovery], T]) -> T:
        """Ask at the first site that answers; one may be lost.

        Raises:
            UnavailableError: none answers.
        """
        troubles: list[str] = []
        for site in self.environments:
            with self.at(site) as recovery:
                try:
                    return question(recovery)
                except UnavailableError as error:
                    troubles.append(f"{site}: {error.what}")
        raise UnavailableError(
            f"no site answers; {'; '.join(troubles)}",
            remedy="without two of the three regions nothing can be decided",
        )


def target_of(lab: str | None) -> Target:
    """A lab by its name or directory; without one, the environment that the variables describe.

    Raises:
        PaymentDrError: there is no such lab, or the variables are not complete.
    """
    return _aws() if lab is None else _lab(lab)


def _aws() -> Target:
    environment = environment_from(os.environ)
    return Target(settings=environment.settings, environments={environment.site: environment})


def _lab(lab: str) -> Target:
    directory = Path(lab)
    if not (directory / "lab.json").is_file():
        record = None if "/" in lab else user_registry().get(lab)
        if record is None or not record.alive:
            raise PaymentDrError(
                f"no lab runs that is named {lab!r} or has that directory",
                remedy="payment-dr lab status shows the labs that run",
            )
        directory = record.directory
    settings = read_settings(directory)
    return Target(
        settings=settings,
        environments={
            site.name: environment_from(environment_in(directory, site.name))
            for site in settings.sites
        },
    )
