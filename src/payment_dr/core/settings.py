"""The one settings model. Everything that is configurable is here, typed and checked together.

Durations are seconds, latencies milliseconds. Reading files and the environment is
`adapters.settings_file`; this module is pure.
"""

import ipaddress
import re
from enum import StrEnum, unique
from itertools import combinations
from typing import Annotated, Final, Self

from pydantic import Field, field_validator, model_validator

from payment_dr.core.deployment_settings import DatabaseSettings, DeploymentSettings
from payment_dr.core.mode import Mode
from payment_dr.core.provider_kind import ProviderKind
from payment_dr.core.regions import MRSC_REGION_SETS
from payment_dr.core.settings_model import SettingsModel
from payment_dr.core.stamp import SiteName

_PREFIXES: Final = range(16, 21)
"""Three availability zones with three kinds of subnet each fit in these."""

_DOMAIN: Final = re.compile(r"(?=.{1,230}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,14}[a-z0-9]")

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]


class SiteSettings(SettingsModel):
    """A place that can take payments: its name, AWS region and network."""

    name: SiteName
    """A place, e.g. `east`; part of every resource's name."""
    region: str
    """AWS region, e.g. `us-east-1`."""
    cidr: ipaddress.IPv4Network
    """Network of the site's VPC, /16 to /20, apart from the other site's."""

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError(
                "must be 2 to 16 of a-z, 0-9 and -, starting with a letter; buckets' names have "
                "room for no more"
            )
        if value in {"primary", "secondary", "active", "standby"}:
            raise ValueError(
                "is a role; name a place instead, e.g. 'east': roles change, names stay"
            )
        return value

    @field_validator("cidr")
    @classmethod
    def _room_for_subnets(cls, value: ipaddress.IPv4Network) -> ipaddress.IPv4Network:
        if not value.is_private or value.prefixlen not in _PREFIXES:
            raise ValueError("must be a private network of /16 to /20, e.g. 10.0.0.0/16")
        return value


class ProbeSettings(SettingsModel):
    """Health checks: `threshold` failures in a row, one each `interval_s`, make a site unhealthy.

    Route 53 takes intervals of 10 or 30 s and thresholds of 1 to 10; the lab takes any.
    """

    interval_s: Seconds = 10
    """Time between two probes, which is also a probe's time-out in the lab."""
    threshold: Annotated[int, Field(ge=1, le=10)] = 3
    """Failures in a row that make a site unhealthy; as many successes make it healthy."""

    @property
    def detection_s(self) -> float:
        """Longest time from a failure to the threshold-th failed probe, probe time-out aside."""
        return self.interval_s * self.threshold


class DnsSettings(SettingsModel):
    """The name that clients resolve, and how long they may keep the answer."""

    zone: str = "payments.example"
    """Zone that the deployment creates; its parent delegates to it."""
    name: str = "api.payments.example"
    """Name that clients resolve, in the zone; each site has its own below it, `east.<name>`."""
    ttl_s: Annotated[int, Field(ge=1, le=3600)] = 10
    """How long a resolver may keep the answer."""

    @model_validator(mode="after")
    def _in_the_zone(self) -> Self:
        for value in (self.zone, self.name):
            if not _DOMAIN.fullmatch(value):
                raise ValueError(f"{value!r} is no domain name, e.g. 'api.payments.example'")
        if not self.name.endswith(f".{self.zone}"):
            raise ValueError(f"name {self.name!r} must lie in the zone, e.g. 'api.{self.zone}'")
        return self


class Objectives(SettingsModel):
    """What is promised; measurements are compared with these. RPO counts payments, not time."""

    acceptance_rto_s: Seconds = 60
    """Longest time without an acknowledged payment."""
    ledger_rto_s: Seconds = 600
    """Longest time without postings to the ledger."""
    rpo_payments: Annotated[int, Field(ge=0)] = 0
    """Acknowledged payments that may be lost."""


@unique
class Promotion(StrEnum):
    """Whether a failover promotes the standby by itself or waits for a named approval."""

    AUTOMATIC = "automatic"
    APPROVAL = "approval"


class StepBudgets(SettingsModel):
    """Longest time each step of a move may take; their sum must fit the objective."""

    open_move_s: Seconds = 10
    """Gates, and the compare-and-set that opens the move."""
    route_s: Seconds = 60
    """From the mark in the control record until the DNS answer has changed."""
    promote_s: Seconds = 300
    """Promotion of the target's cluster, and the stamp on it."""
    reconcile_s: Seconds = 120
    """Posting what the promoted ledger lacks."""
    open_ledger_s: Seconds = 10
    """The compare-and-set that gives poster and confirmer their new roles."""
    verify_s: Seconds = 60
    """A canary payment end to end."""
    restore_s: Seconds = 14_400
    """Of a rebuild: until the restored database is in the ledger's place."""
    rebuild_s: Seconds = 21_600
    """Of a rebuild: the scan of every payment that posts what is missing."""
    compare_s: Seconds = 21_600
    """Of a rebuild: the scan of every payment that compares."""


@unique
class Orchestrator(StrEnum):
    """Who runs the steps of a move that detection has opened."""

    WATCHER = "watcher"
    STATE_MACHINE = "state-machine"


class FailoverSettings(SettingsModel):
    """When and how the active role moves without being asked."""

    orchestrator: Orchestrator = Orchestrator.WATCHER
    """`watcher`: the function that detects also runs the steps; `state-machine`: it starts the
    surviving site's state machine, whose tasks are the same steps."""
    promotion: Promotion = Promotion.AUTOMATIC
    """`approval`: routing moves by itself, the ledger's promotion waits for a named person."""
    automatic: bool = True
    """Whether detection may open a move; otherwise only a person does."""
    min_stay_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 600
    """Shortest time between two moves, against flapping."""
    moves_per_hour_max: Annotated[int, Field(ge=1, le=100)] = 4
    """Most moves in an hour, against flapping."""
    budgets: StepBudgets = StepBudgets()

    @property
    def ledger_s(self) -> float:
        """Longest time from the decision to an open ledger: the steps before it opens."""
        b = self.budgets
        return b.open_move_s + b.route_s + b.promote_s + b.reconcile_s + b.open_ledger_s


class PaymentSettings(SettingsModel):
    """Limits of requests, how often the jobs behind them run, and what payments cost."""

    request_deadline_s: Seconds = 10
    """Longest time for one request; then the answer is "indeterminate, retry with this key"."""
    lease_s: Seconds = 15
    """How long a handler that vanished keeps others from its payment."""
    provider_timeout_s: Seconds = 5
    """Longest wait for the provider; a time-out is never taken for a failure."""
    table_timeout_s: Seconds = 2
    """Longest wait for one call of the payments table."""
    posting_budget_s: Seconds = 0.5
    """Time that posting may take of a request; the poster does the rest."""
    job_interval_s: Seconds = 60
    """Time between two runs of poster, confirmer and sweeper."""
    provider_forgets_keys_s: Annotated[float, Field(gt=0, le=79_200)] = 72_000
    """Age of a charge from which it is looked up and never sent again; at most 22 h, as Stripe
    remembers keys for 24 h."""

    fee_basis_points: Annotated[int, Field(ge=0, le=10_000)] = 0
    """What a capture costs its merchant, in hundredths of a percent; fixed with each decision."""
    provider: ProviderKind = ProviderKind.STRIPE
    """`stripe`; or `acquirer`, a plain JSON API at the address that functions are given."""
    mode: Mode = Mode.TEST
    """Whether money is real: keys of the other mode do not work here."""
    record_age_days: Annotated[int, Field(ge=2, le=3653)] = 400
    """Age from which a finished, confirmed payment leaves the payments table, and with it its
    idempotency keys; more than the oldest backup that a ledger may be rebuilt from."""
    delivered_age_days: Annotated[int, Field(ge=1, le=3653)] = 30
    """How long a delivered webhook is kept, to be looked at or sent again; its event stays."""
    key_age_s: Annotated[float, Field(ge=0, le=1)] = 1
    """How old what a process knows of an API key may be: a revoked one works no longer than so."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lease_s <= self.request_deadline_s:
            raise ValueError(
                f"lease_s {self.lease_s} must exceed request_deadline_s {self.request_deadline_s}, "
                "else a request may be taken over while it still works"
            )
        return self


class LabSettings(SettingsModel):
    """The lab's distances: one-way delays between and inside regions, and room for processes."""

    replication_delay_ms: Milliseconds = 100
    """PostgreSQL of one site to that of the other, one way."""
    majority_delay_ms: Milliseconds = 5
    """A strongly consistent write or read of the payments table, and site to site."""
    client_delay_ms: Milliseconds = 0
    """Client or prober to a site, one way."""
    provider_delay_ms: Milliseconds = 5
    """Site to provider, one way."""
    start_timeout_s: Seconds = 30
    """Longest wait for one process to become ready."""


class Settings(SettingsModel):
    """All of payment-dr's settings. `home` names the site that is active when nothing is wrong."""

    environment_suffix: str = "dev"
    """End of every resource's name, so that environments share an account."""
    home: SiteName
    """Site that is active when nothing is wrong; failback goes there."""
    witness_region: str
    """Third region of the payments table."""
    sites: Annotated[tuple[SiteSettings, ...], Field(min_length=2, max_length=2)]
    """The two sites, in the order of deployment."""
    probes: ProbeSettings = ProbeSettings()
    dns: DnsSettings = DnsSettings()
    objectives: Objectives = Objectives()
    failover: FailoverSettings = FailoverSettings()
    payments: PaymentSettings = PaymentSettings()
    database: DatabaseSettings = DatabaseSettings()
    deployment: DeploymentSettings = DeploymentSettings()
    lab: LabSettings = LabSettings()

    @field_validator("environment_suffix")
    @classmethod
    def _plain_suffix(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9]{1,12}", value):
            raise ValueError("must be 1 to 12 of a-z and 0-9, e.g. 'dev': it is part of every name")
        return value

    @model_validator(mode="after")
    def _together(self) -> Self:
        problems = [*self._site_problems(), *self._budget_problems(), *self._expiry_problems()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _site_problems(self) -> list[str]:
        problems: list[str] = []
        names = [s.name for s in self.sites]
        if len(set(names)) != len(names):
            problems.append(f"sites share the name {names[0]!r}; give each its own")
        if self.home not in names:
            problems.append(f"home {self.home!r} is none of the sites {names}")
        regions = [*(s.region for s in self.sites), self.witness_region]
        if len(set(regions)) != len(regions):
            problems.append(f"regions {regions} must be three different ones")
        elif not any(set(regions) <= allowed for allowed in MRSC_REGION_SETS):
            sets = "; ".join(", ".join(sorted(allowed)) for allowed in MRSC_REGION_SETS)
            problems.append(
                f"regions {regions} are not inside one set of multi-Region strong consistency: "
                f"{sets}"
            )
        problems += [
            f"networks {a.cidr} of {a.name} and {b.cidr} of {b.name} overlap; "
            "peering needs them apart"
            for a, b in combinations(self.sites, 2)
            if a.cidr.overlaps(b.cidr)
        ]
        return problems

    def _budget_problems(self) -> list[str]:
        problems: list[str] = []
        turns = {
            "objectives.acceptance_rto_s": self.objectives.acceptance_rto_s,
            "failover.budgets.route_s": self.failover.budgets.route_s,
        }
        problems += [
            f"{name} {limit_s:g} cannot be met: probes {self.probes.interval_s:g} s "
            f"x {self.probes.threshold} + TTL {self.dns.ttl_s} s = {self.switch_s:g} s"
            for name, limit_s in turns.items()
            if self.switch_s > limit_s
        ]
        ledger = self.probes.detection_s + self.failover.ledger_s
        if ledger > self.objectives.ledger_rto_s:
            problems.append(
                f"objectives.ledger_rto_s {self.objectives.ledger_rto_s:g} cannot be met: "
                f"probes {self.probes.detection_s:g} s + step budgets "
                f"{self.failover.ledger_s:g} s = {ledger:g} s"
            )
        return problems

    @property
    def switch_s(self) -> float:
        """Longest time until clients follow health checks: probes in a row, and the TTL."""
        return self.probes.detection_s + self.dns.ttl_s

    def _expiry_problems(self) -> list[str]:
        age, kept = self.payments.record_age_days, self.deployment.backup_retention_days
        if age > kept:
            return []
        why = "a ledger rebuilt from the oldest backup would lack what has expired since"
        name = "deployment.backup_retention_days"
        return [f"payments.record_age_days {age} must exceed {name} {kept}: {why}"]

    def site(self, name: str) -> SiteSettings:
        """The site of that name; KeyError if there is none."""
        return {s.name: s for s in self.sites}[SiteName(name)]

    def peer(self, name: str) -> SiteSettings:
        """The other site; KeyError if there is no site of that name."""
        self.site(name)
        return next(s for s in self.sites if s.name != name)

    def domain(self, site: str) -> str:
        """The site's own name below the one that clients resolve, e.g. `east.api.example.com`."""
        return f"{self.site(site).name}.{self.dns.name}"

    def resource(self, thing: str, site: str | None = None) -> str:
        """Deterministic AWS name: `payments-<thing>[-<site>]-<suffix>`, the same in every stack."""
        parts = ["payments", thing, *([site] if site else []), self.environment_suffix]
        return "-".join(parts)
