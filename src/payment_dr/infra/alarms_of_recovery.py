"""Alarms on functions, and on all that has to be well before a site can take over."""

from typing import Final

from payment_dr.functions.catalogue import FUNCTIONS, Every, Function
from payment_dr.functions.metrics import Metric
from payment_dr.infra.alarm import (
    HOUR_S,
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

CERTIFICATE_DAYS: Final = 30
"""ACM renews 60 days before the end; at 30 it has failed to for a month."""
BACKUP_HOURS: Final = 26
"""A day and the time that a verification takes."""

_URGENT: Final = frozenset({"api", "poster", "watcher", "recovery"})
"""Functions without which payments are not taken, not posted, or the site cannot take over."""

_QUARTER: Final = Window(period_s=5 * MINUTE_S, periods=3, datapoints=3)
"""A quarter of an hour on end."""

_SPEAKS_ALWAYS: Final = "whatever runs publishes it; silence is what this alarm is for"
_SPEAKS_LATER: Final = "the verdict holds until the next one; silence has an alarm of its own"
_NO_CALLS: Final = "a function that is not called has neither errors nor throttles"


def functions_alarms(place: Place) -> tuple[Alarm, ...]:
    """Errors of each function, throttles of those that may run in parallel, and dead letters."""
    # A function of which one call runs at a time is throttled as it should be.
    parallel = (function for function in FUNCTIONS if not function.single)
    return (
        *(_errors(function, place) for function in FUNCTIONS),
        *(_throttles(function, place) for function in parallel),
        _dead_letters(place),
    )


def recovery_alarms(place: Place) -> tuple[Alarm, ...]:
    """Who watches, what it sees of the other site, readiness, and backups."""
    return (
        _watcher(place),
        _peer_lost(place),
        *_takeover(place),
        *_readiness(place),
        _certificate(place),
        *_backups(place),
    )


def _throttles(function: Function, place: Place) -> Alarm:
    return Alarm(
        name=f"throttles-{function.name}",
        row=Row.FUNCTIONS,
        series=_lambda(function, place, "Throttles"),
        window=MOSTLY,
        comparison=Comparison.ABOVE,
        threshold=0,
        missing=Missing.NOT_BREACHING,
        because=_NO_CALLS,
        severity=_severity(function),
        says=f"Calls of {function.name} were refused: more at once than are reserved.",
        runbook="function-throttles",
    )


def _dead_letters(place: Place) -> Alarm:
    return Alarm(
        name="dead-letters",
        row=Row.FUNCTIONS,
        series=Series(
            namespace="AWS/SQS",
            metric="ApproximateNumberOfMessagesVisible",
            dimensions=(("QueueName", place.name("dead-letters")),),
            statistic="Maximum",
        ),
        window=Window(period_s=5 * MINUTE_S, periods=1, datapoints=1),
        comparison=Comparison.ABOVE,
        threshold=0,
        missing=Missing.NOT_BREACHING,
        because="a queue that is empty for hours stops reporting",
        severity=Severity.TICKET,
        says="Calls that nobody waits for have failed for good and lie in the queue.",
        runbook="dead-letters",
    )


def _errors(function: Function, place: Place) -> Alarm:
    """What runs each minute may fail once; what runs seldom may not."""
    often = function.every in (Every.MINUTE, Every.FIVE_MINUTES) or function.name == "api"
    window = (
        Window(period_s=5 * MINUTE_S, periods=3, datapoints=2)
        if often
        else Window(period_s=5 * MINUTE_S, periods=1, datapoints=1)
    )
    return Alarm(
        name=f"errors-{function.name}",
        row=Row.FUNCTIONS,
        series=_lambda(function, place, "Errors"),
        window=window,
        comparison=Comparison.ABOVE,
        threshold=0,
        missing=Missing.NOT_BREACHING,
        because=_NO_CALLS,
        severity=_severity(function),
        says=f"Calls of {function.name} ended with an error ({function.purpose}).",
        runbook="function-errors",
    )


def _watcher(place: Place) -> Alarm:
    return Alarm(
        name="watcher-silent",
        row=Row.RECOVERY,
        series=own_series(place, Metric.WATCHER_TICKS, "Sum"),
        window=ON_END,
        comparison=Comparison.BELOW,
        threshold=1,
        missing=Missing.BREACHING,
        because=_SPEAKS_ALWAYS,
        severity=Severity.PAGE,
        says="This site's watcher has not looked for five minutes: it opens no move.",
        runbook="watcher-silent",
    )


def _peer_lost(place: Place) -> Alarm:
    return Alarm(
        name="peer-lost",
        row=Row.RECOVERY,
        series=own_series(place, Metric.PEER_LOST, "Minimum"),
        window=Window(period_s=5 * MINUTE_S, periods=2, datapoints=2),
        comparison=Comparison.ABOVE,
        threshold=0,
        missing=Missing.NOT_BREACHING,
        because="a readiness that is silent says nothing of the other site, and has its alarm",
        severity=Severity.PAGE,
        says="The other site does not answer this one, and the zone sends clients here.",
        runbook="peer-lost",
    )


def _takeover(place: Place) -> tuple[Alarm, ...]:
    """At the site that clients are led to: home knows of it only while it is reached itself."""
    if place.site.name == place.settings.home:
        return ()
    return (
        Alarm(
            name="takeover",
            row=Row.RECOVERY,
            series=own_series(place, Metric.TAKEOVER_RAISED, "Maximum"),
            window=Window(period_s=MINUTE_S, periods=1, datapoints=1),
            comparison=Comparison.ABOVE,
            threshold=0,
            missing=Missing.IGNORE,
            because="a blind watcher says nothing of the switch, and a silent one has its alarm",
            severity=Severity.PAGE,
            says="Clients are led away from home to this site.",
            runbook="takeover",
        ),
    )


def _readiness(place: Place) -> tuple[Alarm, ...]:
    return (
        Alarm(
            name="readiness-blocking",
            row=Row.RECOVERY,
            series=own_series(place, Metric.READINESS_BLOCKING, "Maximum"),
            window=_QUARTER,
            comparison=Comparison.ABOVE,
            threshold=0,
            missing=Missing.IGNORE,
            because=_SPEAKS_LATER,
            severity=Severity.PAGE,
            says="This site could not take over as it is: items of readiness block.",
            runbook="readiness-blocking",
        ),
        Alarm(
            name="readiness-absent",
            row=Row.RECOVERY,
            series=own_series(place, Metric.READINESS_BLOCKING, "SampleCount"),
            window=Window(period_s=5 * MINUTE_S, periods=4, datapoints=4),
            comparison=Comparison.BELOW,
            threshold=1,
            missing=Missing.BREACHING,
            because=_SPEAKS_ALWAYS,
            severity=Severity.TICKET,
            says="Nobody has judged this site's readiness for 20 minutes.",
            runbook="readiness-absent",
        ),
        Alarm(
            name="readiness-unknown",
            row=Row.RECOVERY,
            series=own_series(place, Metric.READINESS_UNKNOWN, "Minimum"),
            window=_QUARTER,
            comparison=Comparison.ABOVE,
            threshold=0,
            missing=Missing.IGNORE,
            because=_SPEAKS_LATER,
            severity=Severity.TICKET,
            says="Items of this site's readiness could not be judged.",
            runbook="readiness-absent",
        ),
    )


def _certificate(place: Place) -> Alarm:
    return Alarm(
        name="certificate-days",
        row=Row.RECOVERY,
        series=own_series(place, Metric.CERTIFICATE_DAYS, "Minimum"),
        window=Window(period_s=HOUR_S, periods=1, datapoints=1),
        comparison=Comparison.BELOW,
        threshold=CERTIFICATE_DAYS,
        missing=Missing.IGNORE,
        because=_SPEAKS_LATER,
        severity=Severity.TICKET,
        says=f"A certificate of this site expires in less than {CERTIFICATE_DAYS} days.",
        runbook="certificate-days",
    )


def _backups(place: Place) -> tuple[Alarm, ...]:
    return (
        Alarm(
            name="backup-failed",
            row=Row.RECOVERY,
            series=own_series(place, Metric.BACKUP_VERIFIED, "Minimum"),
            window=Window(period_s=HOUR_S, periods=1, datapoints=1),
            comparison=Comparison.BELOW,
            threshold=1,
            missing=Missing.IGNORE,
            because=_SPEAKS_LATER,
            severity=Severity.TICKET,
            says="A restored backup did not pass its checks.",
            runbook="backup-failed",
        ),
        Alarm(
            name="backup-absent",
            row=Row.RECOVERY,
            series=own_series(place, Metric.BACKUP_VERIFIED, "SampleCount"),
            window=Window(period_s=HOUR_S, periods=BACKUP_HOURS, datapoints=BACKUP_HOURS),
            comparison=Comparison.BELOW,
            threshold=1,
            missing=Missing.BREACHING,
            because=_SPEAKS_ALWAYS,
            severity=Severity.TICKET,
            says=f"No backup was restored and checked for {BACKUP_HOURS} hours.",
            runbook="backup-absent",
        ),
    )


def _severity(function: Function) -> Severity:
    return Severity.PAGE if function.name in _URGENT else Severity.TICKET


def _lambda(function: Function, place: Place, metric: str) -> Series:
    return Series(
        namespace="AWS/Lambda",
        metric=metric,
        dimensions=(("FunctionName", place.name(function.name)),),
        statistic="Sum",
    )
