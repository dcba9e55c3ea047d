"""What the service answers, as values."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Page = Mapping[str, Any]
"""An answer as it came, e.g. a page of a list: `data`, `has_more`, `next_cursor`."""


class Payment(Struct, frozen=True, kw_only=True):
    """A payment as answered; amounts in minor units.

    `replayed` is whether the answer was given before, under the same key. Fields that this version
    does not know are left out.
    """

    payment_id: str
    status: str
    amount: int
    currency: str
    captured: int
    refunded: int
    decline_code: str | None = None
    replayed: bool = False


class Problem(Struct, frozen=True, kw_only=True):
    """Problem details, as far as used."""

    code: str = "unknown"
    detail: str = ""
