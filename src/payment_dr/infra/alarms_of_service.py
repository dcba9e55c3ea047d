"""Alarms on what clients feel and on the ledger behind it."""

from typing import Final

from payment_dr.functions.metrics import Metric
from payment_dr.infra.alarm import (
    MINUTE_S,
    MOSTLY,
    ON_END,
    Alarm,
    Comparison,
    Missing,
    Row,
    Series,
    Severity,
    Window,
    own_series,
)
from payment_dr.infra.place import Place

UNCONFIRMED_MAX: Final = 100_000
"""Records that a failover reconciles well within its budget: 20 s on two cores, by benchmark."""
UNCONFIRMED_AGE_S: Final = 300
"""Poster and confirmer run every minute and replication takes a second."""
ERRORS_PERCENT: Final = 1
LAG_MS: Final = 10_000
"""Usual is below a second; a switchover waits for 0, a failover reposts what is missing."""
USE_PERCENT: Final = 80
"""Of CPU and of connections: the rest is for the peak that follows a failover."""

_MEMORY_GIB: Final = {
    "large": 16,
    "xlarge": 32,
    "2xlarge": 64,
    "4xlarge": 128,
    "8xlarge": 256,
    "12xlarge": 384,
    "16xlarge": 512,
}
"""By size, of the classes r5 to r8g; global databases take no smaller ones."""

_CONNECTION_BYTES: Final = 9_531_392
_CONNECTIONS_MAX: Final = 5000

_NO_REQUESTS: Final = "no requests, no errors: clients may be at the other site"


def connections_max(instance_class: str) -> int:
    """Connections that an instance takes by Aurora's default; of an unknown size, the fewest.

    LEAST(DBInstanceClassMemory / 9531392, 5000), by
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Managing.html
    """
    memory = _MEMORY_GIB.get(instance_class.rsplit(".", 1)[-1], min(_MEMORY_GIB.values()))
    return min(memory * 2**30 // _CONNECTION_BYTES, _CONNECTIONS_MAX)


def payments_alarms(place: Place, api_id: str) -> tuple[Alarm, ...]:
    """What clients get, and whether it reaches the ledger and the other site."""
    return (*_answers(place, api_id), *_unconfirmed(place), _poster(place))


def ledger_alarms(place: Place) -> tuple[Alarm, ...]:
    """The site's cluster, whichever role it has, and the proxy before it."""
    return (*_lags(place), *_load(place), _proxy(place))


def _answers(place: Place, api_id: str) -> tuple[Alarm, ...]:
    deadline_ms = place.settings.payments.request_deadline_s * 1000
    return (
        Alarm(
            name="api-errors",
            row=Row.PAYMENTS,
            series=_api(api_id, "5xx", "Sum"),
            percent_of=_api(api_id, "Count", "Sum"),
            window=MOSTLY,
            comparison=Comparison.ABOVE,
            threshold=ERRORS_PERCENT,
            missing=Missing.NOT_BREACHING,
            because=_NO_REQUESTS,
            severity=Severity.PAGE,
            says=f"More than {ERRORS_PERCENT} % of requests were answered with an error of ours.",
            runbook="api-errors",
        ),
        Alarm(
            name="api-latency",
            row=Row.PAYMENTS,
            series=_api(api_id, "Latency", "p99"),
            window=ON_END,
            comparison=Comparison.ABOVE,
            threshold=deadline_ms / 2,
            missing=Missing.NOT_BREACHING,
            because=_NO_REQUESTS,
            severity=Severity.PAGE,
            says="One request in a hundred takes more than half of its deadline (milliseconds).",
            runbook="api-latency",
        ),
    )


def _unconfirmed(place: Place) -> tuple[Alarm, ...]:
    return (
        Alarm(
            name="unconfirmed-count",
            row=Row.PAYMENTS,
            series=own_series(place, Metric.UNCONFIRMED, "Maximum"),
            window=ON_END,
            comparison=Comparison.ABOVE,
            threshold=UNCONFIRMED_MAX,
            missing=Missing.NOT_BREACHING,
            because="only the active site counts them; a silent poster has an alarm of its own",
            severity=Severity.TICKET,
            says="So many payments are unconfirmed that a failover would reconcile for long.",
            runbook="unconfirmed",
        ),
        Alarm(
            name="unconfirmed-age",
            row=Row.PAYMENTS,
            series=own_series(place, Metric.UNCONFIRMED_AGE, "Maximum"),
            window=ON_END,
            comparison=Comparison.ABOVE,
            threshold=UNCONFIRMED_AGE_S,
            missing=Missing.NOT_BREACHING,
            because="only the active site measures it; a silent poster has an alarm of its own",
            severity=Severity.PAGE,
            says=f"A payment has been unconfirmed for {UNCONFIRMED_AGE_S} s: posting, replication "
            "or confirming stands still.",
            runbook="unconfirmed",
        ),
    )


def _poster(place: Place) -> Alarm:
    return Alarm(
        name="poster-silent",
        row=Row.PAYMENTS,
        series=own_series(place, Metric.POSTER_RUNS, "Sum"),
        window=ON_END,
        comparison=Comparison.BELOW,
        threshold=1,
        missing=Missing.BREACHING,
        because="the poster publishes at both sites; its silence is what this alarm is for",
        severity=Severity.PAGE,
        says="The poster has not ended a pass for five minutes; nothing reaches the ledger but "
        "what requests post themselves.",
        runbook="poster-silent",
    )


def _lags(place: Place) -> tuple[Alarm, ...]:
    lags = {
        "rpo": ("AuroraGlobalDBRPOLag", "user transactions that a failover would have to repost"),
        "replication": ("AuroraGlobalDBReplicationLag", "storage"),
        "progress": ("AuroraGlobalDBProgressLag", "all transactions"),
    }
    return tuple(
        Alarm(
            name=f"ledger-{kind}-lag",
            row=Row.LEDGER,
            series=_lag(place, metric),
            window=ON_END,
            comparison=Comparison.ABOVE,
            threshold=LAG_MS,
            missing=Missing.NOT_BREACHING,
            because="the cluster that writes has no lag; readiness looks for one that is lost",
            severity=Severity.PAGE,
            says=f"This site's replica is more than {LAG_MS // 1000} s behind in {what} "
            "(milliseconds).",
            runbook="ledger-lag",
        )
        for kind, (metric, what) in lags.items()
    )


def _load(place: Place) -> tuple[Alarm, ...]:
    room = connections_max(place.settings.deployment.instance_class)
    return (
        Alarm(
            name="ledger-cpu",
            row=Row.LEDGER,
            series=_cluster(place, "CPUUtilization"),
            window=Window(period_s=MINUTE_S, periods=15, datapoints=10),
            comparison=Comparison.ABOVE,
            threshold=USE_PERCENT,
            missing=Missing.BREACHING,
            because="a cluster that runs reports it each minute",
            severity=Severity.PAGE,
            says=f"An instance of the ledger's cluster is busier than {USE_PERCENT} %, or none "
            "reports.",
            runbook="ledger-cpu",
        ),
        Alarm(
            name="ledger-connections",
            row=Row.LEDGER,
            series=_cluster(place, "DatabaseConnections"),
            window=ON_END,
            comparison=Comparison.ABOVE,
            threshold=room * USE_PERCENT // 100,
            missing=Missing.NOT_BREACHING,
            because="a cluster that is gone is found by its CPU's silence",
            severity=Severity.TICKET,
            says=f"The ledger has more than {USE_PERCENT} % of the connections that it takes.",
            runbook="ledger-connections",
        ),
    )


def _proxy(place: Place) -> Alarm:
    return Alarm(
        name="proxy-connections",
        row=Row.LEDGER,
        series=_lent(place, "DatabaseConnectionsCurrentlyBorrowed"),
        percent_of=_lent(place, "MaxDatabaseConnectionsAllowed"),
        window=ON_END,
        comparison=Comparison.ABOVE,
        threshold=USE_PERCENT,
        missing=Missing.NOT_BREACHING,
        because="a proxy before a cluster that is a replica lends nothing",
        severity=Severity.TICKET,
        says=f"The proxy has lent more than {USE_PERCENT} % of its connections.",
        runbook="ledger-connections",
    )


def _api(api_id: str, metric: str, statistic: str) -> Series:
    return Series(
        namespace="AWS/ApiGateway",
        metric=metric,
        dimensions=(("ApiId", api_id),),
        statistic=statistic,
    )


def _cluster(place: Place, metric: str) -> Series:
    return _rds(metric, DBClusterIdentifier=place.name("cluster"))


def _lag(place: Place, metric: str) -> Series:
    """Of a replica; what it lags behind is named, or CloudWatch finds no such metric.

    Shown by AWS's own lab, "DBClusterIdentifier, SourceRegion", in the secondary region:
    https://awsauroralabsmy.com/global/cw/
    """
    return _rds(metric, DBClusterIdentifier=place.name("cluster"), SourceRegion=place.peer.region)


def _lent(place: Place, metric: str) -> Series:
    return _rds(metric, ProxyName=place.name("proxy"))


def _rds(metric: str, **dimensions: str) -> Series:
    return Series(
        namespace="AWS/RDS",
        metric=metric,
        dimensions=tuple(dimensions.items()),
        statistic="Maximum",
    )
