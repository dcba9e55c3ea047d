"""What a function is told by its environment: names and addresses, never secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import ValidationError

from payment_dr.core.errors import SettingsError
from payment_dr.core.settings import Settings, SiteSettings
from payment_dr.core.stamp import SiteName

_PREFIX: Final = "PAYMENT_DR_"
_PORTS: Final = range(1, 65_536)


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AwsAccess:
    """Another endpoint than AWS's own, and the keys it takes: a lab. None on AWS."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The same variables in the lab and on AWS; what is None there stays at AWS's own.

    Attributes:
        site: where the function runs; its settings are `here`.
        settings: the whole settings, as synthesised.
        aws: an emulator instead of AWS.
        ledger: this site's cluster.
        peer_ledger: the other site's, for moves; None where nothing needs it.
        provider_url: a simulator instead of Stripe.
        peer_health_url: the other site's `/health`, reached directly.
        own_url: this site's API.
        dns: a name server instead of the zone's own.
        evidence_bucket: this site's bucket for evidence; None where nothing needs it.
    """

    site: SiteName
    settings: Settings
    aws: AwsAccess | None
    ledger: Address
    peer_ledger: Address | None
    provider_url: str | None
    peer_health_url: str | None
    own_url: str | None
    dns: Address | None
    evidence_bucket: str | None

    @property
    def here(self) -> SiteSettings:
        """The settings of this site."""
        return self.settings.site(self.site)

    @property
    def peer(self) -> SiteSettings:
        """The settings of the other site."""
        return self.settings.peer(self.site)


def environment_from(variables: Mapping[str, str]) -> Environment:
    """Read the variables.

    Raises:
        SettingsError: naming each variable that is missing or cannot be used.
    """
    problems: list[str] = []
    site = variables.get(f"{_PREFIX}SITE", "")
    settings = _settings(variables, problems)
    ledger = _address(variables, "LEDGER", problems)
    if settings is not None and site not in (known := [s.name for s in settings.sites]):
        problems.append(f"{_PREFIX}SITE {site!r} is none of {known}")
    if ledger is None and not problems:
        problems.append(f"{_PREFIX}LEDGER_HOST and {_PREFIX}LEDGER_PORT are missing")
    dns = _dns(variables, problems)
    peer_ledger = _address(variables, "PEER_LEDGER", problems)
    if settings is None or ledger is None or problems:
        raise SettingsError(
            "the environment of the function cannot be used: " + "; ".join(problems),
            remedy="deploy again, or start it through the lab",
        )
    return Environment(
        site=SiteName(site),
        settings=settings,
        aws=_aws(variables),
        ledger=ledger,
        peer_ledger=peer_ledger,
        provider_url=variables.get(f"{_PREFIX}PROVIDER_URL"),
        peer_health_url=variables.get(f"{_PREFIX}PEER_HEALTH_URL"),
        own_url=variables.get(f"{_PREFIX}OWN_URL"),
        dns=dns,
        evidence_bucket=variables.get(f"{_PREFIX}EVIDENCE_BUCKET"),
    )


def needed(value: str | None, name: str, why: str) -> str:
    """A variable's value, for what cannot do without it.

    Raises:
        SettingsError: it is missing.
    """
    if value is None:
        raise SettingsError(
            f"{_PREFIX}{name} is missing; {why}",
            remedy="deploy again, or start it through the lab",
        )
    return value


def _settings(variables: Mapping[str, str], problems: list[str]) -> Settings | None:
    name = f"{_PREFIX}SETTINGS"
    try:
        return Settings.model_validate_json(variables.get(name, ""))
    except ValidationError as error:
        problems += [
            f"{name}: {'.'.join(str(part) for part in found['loc'])} {found['msg']}"
            for found in error.errors()
        ]
        return None


def _address(variables: Mapping[str, str], name: str, problems: list[str]) -> Address | None:
    host = variables.get(f"{_PREFIX}{name}_HOST")
    port = variables.get(f"{_PREFIX}{name}_PORT")
    return (
        None
        if host is None or port is None
        else _parsed(f"{_PREFIX}{name}_PORT", host, port, problems)
    )


def _dns(variables: Mapping[str, str], problems: list[str]) -> Address | None:
    name = f"{_PREFIX}DNS"
    given = variables.get(name)
    if given is None:
        return None
    host, _, port = given.rpartition(":")
    return _parsed(name, host, port, problems)


def _parsed(name: str, host: str, port: str, problems: list[str]) -> Address | None:
    if host and port.isascii() and port.isdecimal() and int(port) in _PORTS:
        return Address(host=host, port=int(port))
    problems.append(f"{name} {port!r} is no port of 1 to 65535")
    return None


def _aws(variables: Mapping[str, str]) -> AwsAccess | None:
    endpoint = variables.get("AWS_ENDPOINT_URL")
    if endpoint is None:
        return None
    return AwsAccess(
        endpoint_url=endpoint,
        access_key_id=variables.get("AWS_ACCESS_KEY_ID", ""),
        secret_access_key=variables.get("AWS_SECRET_ACCESS_KEY", ""),
    )
