"""What a command acts on: a running lab, or an environment on AWS."""

import json
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, cast

import typer

from payment_dr.adapters.settings_file import load
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.functions.desk import Desk, compose_desk
from payment_dr.functions.environment import Address, Environment, environment_from
from payment_dr.functions.recovery_composition import Recovery, compose_recovery
from payment_dr.lab.directory import read_settings
from payment_dr.lab.function_environment import environment_in
from payment_dr.lab.registry import user_registry

T = TypeVar("T")

SETTINGS_FILE: Final = Path("payment-dr.toml")
OUTPUTS_FILE: Final = Path("cfn-outputs") / "flat-outputs.json"
_LEDGER_PORT: Final = 5432


@unique
class TargetKind(StrEnum):
    """Where the environment is."""

    LAB = "lab"
    AWS = "aws"


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """Options that say which environment."""

    target: Annotated[
        TargetKind | None,
        typer.Option(help="A lab, or AWS. By default a lab if one is named, else AWS."),
    ] = None
    lab: Annotated[
        str | None, typer.Option(help="Name or directory of a running lab; else the one there is.")
    ] = None
    settings: Annotated[Path, typer.Option(help="Settings of the environment on AWS.")] = (
        SETTINGS_FILE
    )
    outputs: Annotated[
        Path, typer.Option(help="What `payment-dr outputs --write` wrote of it.")
    ] = OUTPUTS_FILE


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Environments by site; a move runs in the environment of the site that it leads to.

    `compose` builds the ports of an environment, `desk_of` what operators need beside them.
    """

    settings: Settings
    environments: Mapping[SiteName, Environment]
    compose: Callable[[Environment], Recovery] = compose_recovery
    desk_of: Callable[[Environment, Environment | None], Desk] = compose_desk

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

    def desk(self, recovery: Recovery) -> Desk:
        """What an operator needs beside those ports."""
        environment = recovery.environment
        return self.desk_of(environment, self.environments.get(environment.peer.name))

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


def target_of(where: Where) -> Target:
    """What the options name; without any and with a function's variables, what those describe.

    Raises:
        PaymentDrError: there is no such lab, or the files or variables are not complete.
    """
    if where.target is TargetKind.LAB or (where.target is None and where.lab is not None):
        return _lab(where.lab)
    if where.lab is not None:
        raise PaymentDrError("--lab names a lab, and --target aws is none", remedy="give one")
    if where.target is None and "PAYMENT_DR_SETTINGS" in os.environ:
        environment = environment_from(os.environ)
        return Target(settings=environment.settings, environments={environment.site: environment})
    return _aws(where)


def _aws(where: Where) -> Target:
    """Both sites, as an operator reaches them: by the settings, and by what was deployed."""
    settings = load(where.settings)
    outputs = read_outputs(where.outputs)
    return Target(
        settings=settings,
        environments={
            site.name: _environment(settings, site.name, outputs, where.outputs)
            for site in settings.sites
        },
    )


def read_outputs(path: Path) -> Mapping[str, Any]:
    """The outputs of a deployment by their flat names.

    Raises:
        PaymentDrError: there is no such file, or it holds something else.
    """
    remedy = "payment-dr outputs --write, or give --outputs; for a lab --lab NAME"
    try:
        found: object = json.loads(path.read_bytes())
    except OSError as error:
        raise PaymentDrError(f"outputs {path}: {error.strerror}", remedy=remedy) from error
    except ValueError as error:
        raise PaymentDrError(f"outputs {path} are no JSON: {error}", remedy=remedy) from error
    if not isinstance(found, dict):
        raise PaymentDrError(f"outputs {path} are no object of names and values", remedy=remedy)
    return cast("Mapping[str, Any]", found)


def _environment(
    settings: Settings, site: SiteName, outputs: Mapping[str, Any], path: Path
) -> Environment:
    """As the site's functions have it, but for the addresses inside its network."""
    stack = "".join(part.capitalize() for part in site.split("-"))
    names = [f"{stack}{thing}" for thing in ("LedgerEndpoint", "LedgerReaderEndpoint")]
    bucket = f"{stack}EvidenceBucket"
    if missing := [name for name in (*names, bucket) if name not in outputs]:
        raise PaymentDrError(
            f"outputs {path} lack {', '.join(missing)}",
            remedy="deploy every stack, then payment-dr outputs --write",
        )
    peer = settings.peer(site).name
    return Environment(
        site=site,
        settings=settings,
        aws=None,
        ledger=Address(host=",".join(str(outputs[name]) for name in names), port=_LEDGER_PORT),
        peer_ledger=None,
        provider_url=None,
        peer_health_url=f"https://{settings.domain(peer)}/health",
        own_url=f"https://{settings.domain(site)}",
        dns=None,
        evidence_bucket=str(outputs[bucket]),
    )


def _lab(lab: str | None) -> Target:
    directory = lab_directory(lab)
    settings = read_settings(directory)
    return Target(
        settings=settings,
        environments={
            site.name: environment_from(environment_in(directory, site.name))
            for site in settings.sites
        },
    )


def lab_directory(lab: str | None) -> Path:
    """Directory of the running lab of that name or directory; of the only one for None.

    Raises:
        PaymentDrError: there is none, or there are several.
    """
    remedy = "payment-dr lab status shows the labs that run"
    if lab is None:
        running = [record for record in user_registry().all() if record.alive]
        if len(running) != 1:
            names = ", ".join(record.name for record in running) or "none"
            raise PaymentDrError(
                f"--target lab needs --lab NAME; there run: {names}", remedy=remedy
            )
        return running[0].directory
    if (Path(lab) / "lab.json").is_file():
        return Path(lab)
    record = None if "/" in lab else user_registry().get(lab)
    if record is None or not record.alive:
        raise PaymentDrError(
            f"no lab runs that is named {lab!r} or has that directory", remedy=remedy
        )
    return record.directory
