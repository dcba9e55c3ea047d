"""The scheduled delivery of webhooks of a lab: the service's own, to receivers on loopback as well.

A deployment's function cannot be told to do so: the permission is an argument in this file.
"""

from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any, Final

from payment_dr.adapters.name_resolver import resolving
from payment_dr.adapters.webhook_sender import WebhookSender
from payment_dr.functions.composition import JOBS, composition
from payment_dr.functions.webhooks import Deliveries, deliver, deliveries_of, queue_of

_BUILDING: Final = Lock()


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One run."""
    with _BUILDING:
        parts = _built()
    return deliver(parts, float(event.get("for_s", 0)))


@cache
def _built() -> Deliveries:
    parts = composition(JOBS)
    sender = WebhookSender(resolving(), loopback=True)
    return deliveries_of(parts, queue_of(parts.environment), sender)
