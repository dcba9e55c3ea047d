"""What AWS takes, beyond what makes sense at all: read before anything is synthesized.

The lab takes other values too, so these are no part of the settings' own checks. The source of a
limit is beside it. Names fit with every site and suffix that settings take: a test synthesizes the
longest ones.
"""

import re
from collections.abc import Iterator
from typing import Final

from payment_dr.core.settings import Settings

PROBE_INTERVALS_S: Final = (10, 30)
"""https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html"""

LOG_RETENTION_DAYS: Final = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731}
    | {1096, 1827, 2192, 2557, 2922, 3288, 3653}
)
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
"""

ENGINE_MIN: Final = (16, 8)
"""First of Aurora PostgreSQL 16 whose global switchover takes seconds."""

CERTIFICATE_NAME_MAX: Final = 64
"""Octets of a certificate's first name; its other names may be longer.

Source: https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
"""

NOBODYS_ACCOUNT: Final = "0" * 12

_RESERVED_DOMAINS: Final = re.compile(
    r"(^|\.)(example(\.(com|net|org))?|invalid|localhost|test|internal|local)$"
)
"""Names that nobody can be delegated, and so no certificate is issued for.

Sources: RFC 2606, RFC 6762, and ICANN's resolution on .internal.
"""

_MEMORY_CLASS: Final = re.compile(r"db\.[rx]\d\w*\.\w+")
"""Classes with much memory; a global database takes no others, and no burstable ones.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database.configuration.requirements.html
"""


def problems(settings: Settings) -> list[str]:
    """Why AWS cannot have these settings, each with what it takes; none is []."""
    return [*_edge(settings), *_deployment(settings)]


def _edge(settings: Settings) -> Iterator[str]:
    probes, dns = settings.probes, settings.dns
    if probes.interval_s not in PROBE_INTERVALS_S:
        yield f"probes.interval_s {probes.interval_s:g}: Route 53 probes every 10 or 30 s"
    if _RESERVED_DOMAINS.search(dns.zone):
        yield f"dns.zone {dns.zone!r} is reserved for examples or inner use; name a domain of yours"
    if len(dns.name) > CERTIFICATE_NAME_MAX:
        yield (
            f"dns.name has {len(dns.name)} characters; a certificate takes {CERTIFICATE_NAME_MAX}"
        )


def _deployment(settings: Settings) -> Iterator[str]:
    chosen = settings.deployment
    if chosen.account_id == NOBODYS_ACCOUNT:
        yield f"deployment.account_id {chosen.account_id} is nobody's; give the 12 digits of yours"
    if chosen.log_retention_days not in LOG_RETENTION_DAYS:
        days = ", ".join(str(number) for number in sorted(LOG_RETENTION_DAYS))
        yield (
            f"deployment.log_retention_days {chosen.log_retention_days}: CloudWatch takes {days}"
        )
    if not _engine_fits(chosen.engine_version):
        yield (
            f"deployment.engine_version {chosen.engine_version!r} is no Aurora PostgreSQL "
            f"{ENGINE_MIN[0]} from {ENGINE_MIN[0]}.{ENGINE_MIN[1]} on"
        )
    if not _MEMORY_CLASS.fullmatch(chosen.instance_class):
        yield (
            f"deployment.instance_class {chosen.instance_class!r}: a global database takes classes "
            "with much memory such as db.r6g.large, none of db.t and no db.serverless"
        )
    if chosen.provisioned_concurrency > chosen.reserved_concurrency:
        yield (
            f"deployment.provisioned_concurrency {chosen.provisioned_concurrency} exceeds "
            f"reserved_concurrency {chosen.reserved_concurrency}, of which it is a part"
        )


def _engine_fits(version: str) -> bool:
    """Whether it is of the same major version, at least the minor one; `16.10` is above `16.8`."""
    found = re.fullmatch(r"(\d+)\.(\d+)", version)
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return major == ENGINE_MIN[0] and minor >= ENGINE_MIN[1]
