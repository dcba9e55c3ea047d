"""What `merchants` and `keys` share: the directory of a lab or of an environment on AWS.

These acts need AWS credentials, or a lab of one's own; no API key can do them.
"""

import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import typer

from payment_dr.adapters.aws_calls import tight
from payment_dr.adapters.clock import SystemClock
from payment_dr.adapters.merchant_directory import MerchantDirectory
from payment_dr.cli.auditing import audited_at, desk_at
from payment_dr.cli.talk import interactive
from payment_dr.cli.target import Where, target_of
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.settings import Settings
from payment_dr.core.stamp import SiteName
from payment_dr.functions.composition import aws_client
from payment_dr.functions.desk import Desk
from payment_dr.functions.environment import Environment
from payment_dr.payments.merchant_admin import MerchantAdmin
from payment_dr.payments.merchants import ApiKey, Directory
from payment_dr.recovery.audit import AuditEvent

T = TypeVar("T")

_CALL_S: Final = 5.0

Lab = Annotated[
    str | None,
    typer.Option(help="Name or directory of a running lab; else the PAYMENT_DR_* variables."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask first.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def directory_of(environment: Environment) -> Directory:
    """The directory as the site of the environment reaches it."""
    client = aws_client(environment, "dynamodb", tight(_CALL_S))
    return MerchantDirectory(client, environment.settings.resource("table"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Showing(Where):
    """Options of what only shows."""

    as_json: AsJson = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmed(Showing):
    """Options of what cannot be taken back."""

    yes: Yes = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Office:
    """Where merchants and keys are administered; both sites have the same directory.

    `open` gives the directory of a site, `desk` its audit log.
    """

    settings: Settings
    environments: Mapping[SiteName, Environment]
    open: Callable[[Environment], Directory] = directory_of
    desk: Callable[[Environment], Desk] = desk_at

    def do(self, act: Callable[[MerchantAdmin], T]) -> T:
        """Look at the first site that answers.

        Raises:
            PaymentDrError: the act is refused.
            UnavailableError: no site answers.
        """
        return self._first(lambda _environment, admin: act(admin))

    def change(
        self, command: str, about: str, act: Callable[[MerchantAdmin], T], told: Callable[[T], str]
    ) -> T:
        """Act at the first site that answers, between two entries of the audit log.

        `about` and what `told` makes of the end are written there, and must hold no secret.

        Raises:
            PaymentDrError: the act is refused.
            UnavailableError: no site answers, or one did not say what took effect.
        """

        def audited_act(environment: Environment, admin: MerchantAdmin) -> T:
            with audited_at(environment, command, about, self.desk) as deed:
                found = act(admin)
                deed.end(AuditEvent.FINISHED, told(found))
            return found

        return self._first(audited_act)

    def _first(self, act: Callable[[Environment, MerchantAdmin], T]) -> T:
        troubles: list[str] = []
        for site, environment in self.environments.items():
            admin = MerchantAdmin(
                directory=self.open(environment), clock=SystemClock(), random=secrets.token_bytes
            )
            try:
                return act(environment, admin)
            except UnavailableError as error:
                if not error.definite:
                    raise
                troubles.append(f"{site}: {error.what}")
        raise UnavailableError(f"no site answers; {'; '.join(troubles)}")


def office_of(where: Where) -> Office:
    """That of what the options name.

    Raises:
        PaymentDrError: there is no such lab, or the files or variables are not complete.
    """
    target = target_of(where)
    return Office(settings=target.settings, environments=target.environments)


def confirm(name: str, consequence: str, *, yes: bool) -> None:
    """Have the name typed before something that cannot be taken back.

    Raises:
        PaymentDrError: it was not, or nobody is there to do it.
    """
    if yes:
        return
    if not interactive():
        raise PaymentDrError(
            f"{consequence}, and nobody is there to confirm it", remedy="give --yes"
        )
    if typer.prompt(f"{consequence}. Type {name} to go on", err=True) != name:
        raise PaymentDrError(f"not confirmed: that was not {name!r}; nothing was changed")


def when(seconds: float | None) -> str | None:
    """A time in Unix seconds as people and programs read it, in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def key_document(key: ApiKey) -> dict[str, Any]:
    """A key without anything that could be used."""
    return {
        "key_id": key.key_id,
        "merchant": key.merchant,
        "mode": key.mode,
        "scopes": sorted(key.scopes),
        "created_at": when(key.created_at),
        "expires_at": when(key.expires_at),
        "revoked_at": when(key.revoked_at),
    }


def show(line: str) -> None:
    """A line of data."""
    sys.stdout.write(f"{line}\n")
