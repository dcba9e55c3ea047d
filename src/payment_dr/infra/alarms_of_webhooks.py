"""Alarms on what merchants are told: deliveries that were given up, and that wait for too long."""

from typing import Final

from payment_dr.functions.metrics import Metric
from payment_dr.infra.alarm import (
    MINUTE_S,
    ON_END,
    Alarm,
    Comparison,
    Missing,
    Row,
    Severity,
    Window,
    own_series,
)
from payment_dr.infra.place import Place

OLDEST_PENDING_S: Final = 300
"""Deliveries that are due are taken up each second; a retry is not due before its time."""


def webhooks_alarms(place: Place) -> tuple[Alarm, ...]:
    """Of the deliverer, which measures where the site is active and has the ledger."""
    return (
        Alarm(
            name="webhooks-late",
            row=Row.PAYMENTS,
            series=own_series(place, Metric.WEBHOOK_OLDEST, "Maximum"),
            window=ON_END,
            comparison=Comparison.ABOVE,
            threshold=OLDEST_PENDING_S,
            missing=Missing.NOT_BREACHING,
            because="only the active site measures it; a deliverer that fails has an alarm",
            severity=Severity.TICKET,
            says=f"An event that is due has waited {OLDEST_PENDING_S} s: merchants learn late of "
            "what happened.",
            runbook="webhooks-late",
        ),
        Alarm(
            name="webhooks-dead",
            row=Row.PAYMENTS,
            # Not of how many are dead: those whom a merchant does not want would raise it for ever.
            series=own_series(place, Metric.WEBHOOK_GIVEN_UP, "Sum"),
            window=Window(period_s=5 * MINUTE_S, periods=1, datapoints=1),
            comparison=Comparison.ABOVE,
            threshold=0,
            missing=Missing.NOT_BREACHING,
            because="where the site is not active the other one counts them",
            severity=Severity.TICKET,
            says="Events were given up: a merchant's endpoint did not take them, or was disabled.",
            runbook="webhooks-dead",
        ),
    )
