"""What statuses mean to the checker, and how far along a payment each of them is.

The checker is an oracle: it knows the words of the API, not the code that it judges.
"""

from typing import Final

ABSENT: Final = 0
AUTHORISED: Final = 2
CAPTURED: Final = 3
ENDED: Final = 4
DECLINED: Final = 9

PROGRESS: Final[dict[str | None, int]] = {
    "accepted": 1,
    "authorised": AUTHORISED,
    "captured": CAPTURED,
    "refunded": ENDED,
    "voided": ENDED,
    "declined": DECLINED,
}
"""A payment only moves to a higher number; DECLINED is final and never reached from 2 to 4."""

HTTP_DECLINED: Final = 402
HTTP_NOT_FOUND: Final = 404
HTTP_KEY_REUSED: Final = 422

SUCCEEDED: Final = "succeeded"
DECLINED_OPERATION: Final = "declined"
PENDING: Final = "pending"

CHARGE: Final = "charge"
CAPTURE: Final = "capture"
REFUND: Final = "refund"
VOID: Final = "void"

INEFFECTIVE: Final = frozenset({"declined", "failed", "requires_payment_method"})
"""Statuses of a provider's row that moved no money; any other is taken to have moved some."""
