"""Metrics of our own: their names, and the log line from which CloudWatch makes them.

A function writes a line in the embedded metric format and calls nothing: no permission, no way out
of the network and no time-out is needed, and a region that is ill takes it like any other log line.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import logging
from collections.abc import Mapping
from enum import StrEnum, unique
from typing import Any, Final

from payment_dr.core.stamp import SiteName

NAMESPACE: Final = "PaymentDR"
"""Of all of them."""

DIMENSION: Final = "Site"
"""Dimension of all of them: the site that publishes; of all but one it is the only one."""

ITEM: Final = "Item"
"""Second dimension of `Metric.READINESS_ITEM`: the item's name."""


@unique
class Metric(StrEnum):
    """Names, and who publishes what."""

    UNCONFIRMED = "UnconfirmedPayments"
    """Poster, after each pass at the active site: records not yet known to be at the standby."""
    UNCONFIRMED_AGE = "UnconfirmedAgeSeconds"
    """Poster, likewise: age of the oldest of them, 0 if there is none."""
    POSTER_RUNS = "PosterRuns"
    """Poster, at both sites: 1 for each pass that ended."""
    CONFIRMER_RUNS = "ConfirmerRuns"
    """Confirmer, at both sites: 1 for each pass that ended."""
    WEBHOOK_DEAD = "WebhookDead"
    """Webhooks, at the active site: deliveries that were given up and nobody asked for again."""
    WEBHOOK_GIVEN_UP = "WebhookGivenUp"
    """Webhooks, likewise: deliveries that this call gave up."""
    WEBHOOK_OLDEST = "WebhookOldestPendingSeconds"
    """Webhooks, likewise: how long the oldest delivery that is due has waited, 0 if none is."""
    WATCHER_TICKS = "WatcherTicks"
    """Watcher, at both sites: 1 for each call that ended, blind or not."""
    TAKEOVER_RAISED = "TakeoverRaised"
    """Watcher, likewise: 1 while clients are to leave home, else 0; nothing while it is blind."""
    READINESS_BLOCKING = "ReadinessBlocking"
    """Readiness: items that would block a move to this site."""
    READINESS_FAILED = "ReadinessFailed"
    """Readiness: items that are not as they should be, blocking ones included."""
    READINESS_UNKNOWN = "ReadinessUnknown"
    """Readiness: items that could not be judged; none of them counts as good."""
    READINESS_ITEM = "ReadinessItem"
    """Readiness, for each item: 1 if it is ok, 0 if it failed, nothing while it is unknown."""
    PEER_LOST = "PeerLost"
    """Readiness, by two signals: 1 if the other site's `/health` gave it no good answer *and* the
    zone's own name servers send clients to this site; else 0."""
    CERTIFICATE_DAYS = "CertificateDaysLeft"
    """Readiness: days until the first of this site's certificates expires."""
    BACKUP_VERIFIED = "BackupVerified"
    """Backup verification: 1 if what was restored passed every check, else 0."""
    BACKUP_RESTORE = "BackupRestoreSeconds"
    """Backup verification: from the begin of a restore until its ledger took queries."""
    BACKUP_NEWEST_AGE = "BackupNewestEntryAgeSeconds"
    """Backup verification: from the newest restored entry to the time the backup stands for."""


_SECONDS: Final = (
    Metric.UNCONFIRMED_AGE,
    Metric.WEBHOOK_OLDEST,
    Metric.BACKUP_RESTORE,
    Metric.BACKUP_NEWEST_AGE,
)
_UNITS: Final[Mapping[Metric, str]] = dict.fromkeys(_SECONDS, "Seconds")
_LOG: Final = logging.getLogger(__name__)


def publish(
    values: Mapping[Metric, float], *, site: SiteName, at_s: float, item: str | None = None
) -> None:
    """Write the line; see `embedded`."""
    _LOG.info("metrics", extra={"fields": embedded(values, site=site, at_s=at_s, item=item)})


def embedded(
    values: Mapping[Metric, float], *, site: SiteName, at_s: float, item: str | None = None
) -> dict[str, Any]:
    """The fields of a log line (`functions.logs`) that CloudWatch turns into metrics.

    Args:
        values: at least one.
        site: that publishes.
        at_s: when they were measured, Unix seconds.
        item: of readiness, which the values are about.
    """
    dimensions = {DIMENSION: site, **({} if item is None else {ITEM: item})}
    metrics = [{"Name": str(name), "Unit": _UNITS.get(name, "Count")} for name in values]
    return {
        "_aws": {
            "Timestamp": round(at_s * 1000),
            "CloudWatchMetrics": [
                {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": metrics}
            ],
        },
        **dimensions,
        **{str(name): value for name, value in values.items()},
    }
