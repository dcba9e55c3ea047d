"""All alarms of a site as data; what is deployed, drawn and written about is derived from these."""

from typing import Final

from payment_dr.infra.alarm import Alarm, CompositeAlarm, Severity
from payment_dr.infra.alarms_of_recovery import functions_alarms, recovery_alarms
from payment_dr.infra.alarms_of_service import ledger_alarms, payments_alarms
from payment_dr.infra.alarms_of_webhooks import webhooks_alarms
from payment_dr.infra.place import Place

SITE_UNHEALTHY: Final = CompositeAlarm(
    name="site-unhealthy",
    any_of=("api-errors", "api-latency", "errors-api", "throttles-api", "poster-silent"),
    severity=Severity.PAGE,
    says="This site does not do for payments what it should; the other one may have to take over.",
    runbook="site-unhealthy",
)

PEER_UNHEALTHY: Final = CompositeAlarm(
    name="peer-unhealthy",
    all_of=("peer-lost", "watcher-silent"),
    severity=Severity.PAGE,
    says="The other site is lost and this site's watcher, which would move, is silent: this alarm "
    "starts the move.",
    runbook="peer-unhealthy",
)
"""In the region of the site that takes over, about the other one as it is seen from here."""

COMPOSITES: Final = (SITE_UNHEALTHY, PEER_UNHEALTHY)


def alarms(place: Place, *, api_id: str) -> tuple[Alarm, ...]:
    """Alarms on metrics, in the order of the dashboard.

    Args:
        place: the site; its name and suffix are in every name.
        api_id: of the HTTP API, known once that exists.
    """
    return (
        *payments_alarms(place, api_id),
        *webhooks_alarms(place),
        *ledger_alarms(place),
        *functions_alarms(place),
        *recovery_alarms(place),
    )
