"""What a client may ask for, validated before anything is stored, and its fingerprint.

A request refused here stores nothing, so its key stays free.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from payment_dr.core.errors import PaymentDrError
from payment_dr.core.money import MINOR_UNITS_MAX, Money
from payment_dr.payments.currencies import CURRENCIES
from payment_dr.payments.metadata import Metadata, metadata_fault
from payment_dr.payments.record import OperationKind

_VISIBLE_ASCII: Final = re.compile(r"[!-~]{1,255}")


@unique
class Fault(StrEnum):
    """Why a request is refused before anything is stored; a stable code."""

    INVALID = "invalid_request"
    KEY = "idempotency_key_invalid"
    CURRENCY = "currency_unknown"
    AMOUNT = "amount_out_of_bounds"


class InvalidRequestError(PaymentDrError):
    """The request can never be carried out; nothing was stored."""

    def __init__(self, what: str, fault: Fault = Fault.INVALID) -> None:
        super().__init__(what)
        self.fault = fault


@dataclass(frozen=True, kw_only=True, slots=True)
class PayRequest:
    """A charge, or an authorisation when `capture` is False.

    `payment_method` is the provider's token of the means of payment, `metadata` the merchant's
    own notes. `request_id` is for finding the payment's traces; a retry may have another one.

    Raises:
        InvalidRequestError: a key or token that is not 1 to 255 visible ASCII characters, a
            currency that no payment is taken in, an amount that cannot be charged in it, or
            metadata that is more than may be kept.
    """

    merchant: str
    idempotency_key: str
    money: Money
    capture: bool
    payment_method: str
    metadata: Metadata = ()
    request_id: str = ""

    def __post_init__(self) -> None:
        check_key(self.idempotency_key)
        _check_token("payment_method", self.payment_method, Fault.INVALID)
        _check_money(self.money)
        fault = metadata_fault(self.metadata)
        if fault is not None:
            raise InvalidRequestError(f"metadata {fault}")

    @property
    def kind(self) -> OperationKind:
        """Always a CHARGE."""
        return OperationKind.CHARGE

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests only; the key is not part of it."""
        # Without metadata it is what it was before there was any: retries outlive a deployment.
        noted = [text for entry in self.metadata for text in entry]
        return fingerprint_of(
            self.kind,
            self.merchant,
            self.money.minor_units,
            self.money.currency,
            self.capture,
            self.payment_method,
            *noted,
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
    request_id: str = ""

    def __post_init__(self) -> None:
        check_key(self.idempotency_key)
        if self.kind is OperationKind.CHARGE:
            raise InvalidRequestError("a charge is made by a payment of its own, not on a payment")
        if (self.amount_minor is None) is not (self.kind is OperationKind.VOID):
            raise InvalidRequestError("captures and refunds need an amount, a void takes none")
        if self.amount_minor is not None:
            _check_amount(self.amount_minor)

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests only; the key is not part of it."""
        return fingerprint_of(self.kind, self.merchant, self.payment_id, self.amount_minor)


def fingerprint_of(*content: str | int | bool | Sequence[str] | None) -> str:
    """A digest, equal for equal content only."""
    canonical = json.dumps(content, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def check_key(idempotency_key: str) -> None:
    """InvalidRequestError unless it is 1 to 255 visible ASCII characters."""
    _check_token("idempotency key", idempotency_key, Fault.KEY)


def _check_token(name: str, value: str, fault: Fault) -> None:
    if not _VISIBLE_ASCII.fullmatch(value):
        raise InvalidRequestError(f"{name} must be 1 to 255 visible ASCII characters", fault)


def _check_money(money: Money) -> None:
    currency = CURRENCIES.get(money.currency)
    if currency is None:
        raise InvalidRequestError(
            f"currency {money.currency} is none that payments are taken in, e.g. EUR",
            Fault.CURRENCY,
        )
    fault = currency.fault(money.minor_units)
    if fault is not None:
        raise InvalidRequestError(f"amount {money.minor_units} {fault}", Fault.AMOUNT)


def _check_amount(minor_units: int) -> None:
    if not 1 <= minor_units <= MINOR_UNITS_MAX:
        raise InvalidRequestError(
            f"amount {minor_units} is outside 1 to {MINOR_UNITS_MAX} minor units", Fault.AMOUNT
        )
