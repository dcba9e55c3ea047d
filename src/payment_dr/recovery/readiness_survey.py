"""What readiness judges, as it was found: every answer may be unknown, and then says which call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from payment_dr.core.stamp import SiteName
from payment_dr.recovery.control import ControlRecord
from payment_dr.recovery.ports import GlobalClusterView, LedgerView


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """No answer; `why` names the call and what became of it."""

    why: str


_T = TypeVar("_T")
Answer: TypeAlias = _T | Unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Concurrency:
    """Of one function: `reserved` is None without a reservation, `ready` of `provisioned` wait."""

    reserved: int | None
    provisioned: int
    ready: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteFacts:
    """What must be equal at both sites.

    Attributes:
        engine_version: of the cluster.
        parameters: that were set in the cluster's parameter group, by name.
        packages: SHA-256 of the code by function, as Lambda writes it.
        concurrency: by function.
    """

    engine_version: Answer[str]
    parameters: Answer[Mapping[str, str]]
    packages: Answer[Mapping[str, str]]
    concurrency: Answer[Mapping[str, Concurrency]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unconfirmed:
    """Records not yet known to be at the standby; `age_s` of the oldest, 0 without any."""

    count: int
    age_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Quotas:
    """The account's concurrency of functions in the region: its limit, and what is unreserved."""

    limit: int
    unreserved: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """The newest verification of backups: whether all of it passed, and its age."""

    run: str
    passed: bool
    age_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """What a plan would change: resources, and how long ago that was asked."""

    changes: int
    age_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadinessSurvey:
    """Everything that was found, from one site.

    Attributes:
        site: that asks, and the standby or the active site.
        control: who is active.
        members: the global cluster, as its platform sees it.
        standby: the ledger of the site that is not active, by SQL.
        unconfirmed: in the payments table.
        here: facts of this site.
        there: of the other one; asked for, and not needed.
        secrets: by name, what is wrong with each; empty text for nothing.
        keys: likewise, by alias.
        quotas: of this region.
        certificate_days: until the first certificate of this site expires; None without one.
        verified: the newest verification of this site's backups; None before the first.
        drill_age_s: since the newest evidence of a move or drill; None without any.
        drift: of this site's stack.
    """

    site: SiteName
    control: Answer[ControlRecord]
    members: Answer[GlobalClusterView]
    standby: Answer[LedgerView]
    unconfirmed: Answer[Unconfirmed]
    here: SiteFacts
    there: SiteFacts
    secrets: Answer[Mapping[str, str]]
    keys: Answer[Mapping[str, str]]
    quotas: Answer[Quotas]
    certificate_days: Answer[float | None]
    verified: Answer[Verified | None]
    drill_age_s: Answer[float | None]
    drift: Answer[Drift]
