"""Currencies that payments are taken in, by ISO 4217, and the bounds of an amount in each.

Amounts are integers of the minor unit that ISO 4217 gives a currency: cents, yen, fils.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from payment_dr.core.money import MINOR_UNITS_MAX

_NO_DECIMALS: Final = "BIF CLP DJF GNF JPY KMF KRW PYG RWF VND VUV XAF XOF XPF"

_SENT_AS_HUNDREDTHS: Final = "ISK UGX"
"""Without a minor unit, but the provider counts hundredths, which must be 00; so its eight digits
hold a hundredth of the amount. https://docs.stripe.com/currencies#special-cases"""

_TWO_DECIMALS: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD "
    "MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR "
    "RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY "
    "TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_THREE_DECIMALS: Final = "BHD IQD JOD KWD LYD OMR TND"

_TENTHS_ONLY: Final = 10
"""Cards settle three decimals with a last digit of 0: the provider takes multiples of ten."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Currency:
    """A currency; what a charge may be, in minor units: multiples of `minimum` up to `maximum`.

    `exponent` is the number of decimals of the minor unit: 2 for cents.
    """

    code: str
    exponent: int
    minimum: int = 1
    maximum: int = MINOR_UNITS_MAX

    def fault(self, minor_units: int) -> str | None:
        """What is wrong with the amount of a charge; None when it can be charged."""
        if not self.minimum <= minor_units <= self.maximum:
            return f"is outside {self.minimum} to {self.maximum} minor units of {self.code}"
        if minor_units % self.minimum:
            return f"is no multiple of {self.minimum} minor units of {self.code}"
        return None


def _all() -> dict[str, Currency]:
    hundredth = MINOR_UNITS_MAX // 100
    thousandths = MINOR_UNITS_MAX // _TENTHS_ONLY * _TENTHS_ONLY
    found = (
        *(Currency(code=code, exponent=0) for code in _NO_DECIMALS.split()),
        *(Currency(code=c, exponent=0, maximum=hundredth) for c in _SENT_AS_HUNDREDTHS.split()),
        *(Currency(code=code, exponent=2) for code in _TWO_DECIMALS.split()),
        *(
            Currency(code=code, exponent=3, minimum=_TENTHS_ONLY, maximum=thousandths)
            for code in _THREE_DECIMALS.split()
        ),
    )
    return {currency.code: currency for currency in sorted(found, key=lambda c: c.code)}


CURRENCIES: Final[Mapping[str, Currency]] = _all()
"""By code: legal tender as of 2026. Not among them are funds, metals and codes for tests, and MGA,
whose minor unit the provider does not count."""


def provider_units(code: str, minor_units: int) -> int:
    """An amount as the provider counts it: in hundredths where ISO 4217 has no minor unit."""
    return minor_units * 100 if code in _SENT_AS_HUNDREDTHS.split() else minor_units
