"""Money is an integer of minor units and a currency; never a float."""

import re
from dataclasses import dataclass
from typing import Final

from payment_dr.core.errors import PaymentDrError

MINOR_UNITS_MAX: Final = 99_999_999
"""Largest amount of one payment: Stripe's eight digits (https://docs.stripe.com/currencies)."""

_CURRENCY: Final = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """An amount in minor units (cents, yen) of an ISO 4217 currency; zero is allowed."""

    minor_units: int
    currency: str

    def __post_init__(self) -> None:
        if not 0 <= self.minor_units <= MINOR_UNITS_MAX:
            raise PaymentDrError(
                f"amount {self.minor_units} is outside 0 to {MINOR_UNITS_MAX} minor units"
            )
        if not _CURRENCY.fullmatch(self.currency):
            raise PaymentDrError(
                f"currency {self.currency!r} is not three capital letters of ISO 4217, e.g. 'EUR'"
            )

    def __str__(self) -> str:
        return f"{self.minor_units} {self.currency}"
