"""What a client may ask for, validated before anything is stored, and its fingerprint.

A request refused here stores nothing, so its key stays free.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.money import MINOR_UNITS_MAX, Money
from payment_dr.payments.record import OperationKind

_VISIBLE_ASCII: Final = re.compile(r"[!-~]{1,255}")


class InvalidRequestError(PaymentDrError):
    """The request can never be carried out; nothing was stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PayRequest:
    """A charge, or an authorisation when `capture` is False.

    `payment_method` is the provider's token of the means of payment.

    Raises:
        InvalidRequestError: a key or token that is not 1 to 255 visible ASCII characters, or an
            amount of zero.
    """

    merchant: str
    idempotency_key: str
    money: Money
    capture: bool
    payment_method: str

    def __post_init__(self) -> None:
        _check_token("idempotency key", self.idempotency_key)
        _check_token("payment_method", self.payment_method)
        _check_amount(self.money.minor_units)

    @property
    def kind(self) -> OperationKind:
        """Always a CHARGE."""
        return OperationKind.CHARGE

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests only; the key is not part of it."""
        return _fingerprint(
            self.kind,
            self.merchant,
            self.money.minor_units,
            self.money.currency,
            self.capture,
            self.payment_method,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationRequest:
    """A capture, refund or void of a payment; `amount_minor` is None for a void only.

    Raises:
        InvalidRequestError: a bad key, an amount outside 1 to `MINOR_UNITS_MAX`, an amount with
            a void or none without one, or a charge, which is a `PayRequest`.
    """

    merchant: str
    payment_id: str
    idempotency_key: str
    kind: OperationKind
    amount_minor: int | None

    def __post_init__(self) -> None:
        _check_token("idempotency key", self.idempotency_key)
        if self.kind is OperationKind.CHARGE:
            raise InvalidRequestError("a charge is made by a payment of its own, not on a payment")
        if (self.amount_minor is None) is not (self.kind is OperationKind.VOID):
            raise InvalidRequestError("captures and refunds need an amount, a void takes none")
        if self.amount_minor is not None:
            _check_amount(self.amount_minor)

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests only; the key is not part of it."""
        return _fingerprint(self.kind, self.merchant, self.payment_id, self.amount_minor)


def _fingerprint(*content: str | int | bool | None) -> str:
    canonical = json.dumps(content, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _check_token(name: str, value: str) -> None:
    if not _VISIBLE_ASCII.fullmatch(value):
        raise InvalidRequestError(f"{name} must be 1 to 255 visible ASCII characters")


def _check_amount(minor_units: int) -> None:
    if not 1 <= minor_units <= MINOR_UNITS_MAX:
        raise InvalidRequestError(
            f"amount {minor_units} is outside 1 to {MINOR_UNITS_MAX} minor units"
        )
