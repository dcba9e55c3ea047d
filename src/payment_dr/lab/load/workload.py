"""What is asked: operations drawn from the seed, and those acknowledged before for later ones."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final, assert_never

from payment_dr.checks.evidence import Function
from payment_dr.lab.load.arrivals import Arrival, Kind
from payment_dr.lab.load.plan import Plan

ACKNOWLEDGED_MAX: Final = 2_000
"""Acknowledged payments that are remembered: a uniform sample of all."""

_MEDIANS_MINOR: Final = (("EUR", 2_500), ("USD", 3_000), ("JPY", 4_000))
"""A usual amount in each currency; amounts are log-normal around it, as purchases are."""

_AMOUNT_SPREAD: Final = 1.0
_AMOUNT_MIN: Final = 50
_AMOUNT_MAX: Final = 5_000_000
_PARTIAL_REFUNDS: Final = 0.5
_CARD: Final = "pm_card_visa"
_DECLINED_CARD: Final = "pm_card_visa_chargeDeclined"


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One thing that a client wants; `key` is the idempotency key, of a READ the payment id.

    `payment_id` is None for a payment. `request` is a digest of the body, empty for a READ.
    """

    function: Function
    merchant: str
    key: str
    request: str
    path: str
    body: bytes
    payment_id: str | None
    amount: int
    currency: str


class Workload:
    """Turns arrivals into operations; the same plan and answers give the same operations."""

    def __init__(self, plan: Plan) -> None:
        self._seed = plan.seed
        self._merchants = sorted(plan.keys)
        self._declines = plan.declines
        self._rng = Random(~plan.seed)
        self._acknowledged: list[tuple[Operation, str]] = []
        self._seen = 0

    def operation(self, arrival: Arrival) -> Operation | None:
        """What the arrival asks for; None if it is about an earlier payment and there is none."""
        match arrival.kind:
            case Kind.PAYMENT | Kind.DUPLICATE:
                return self._payment(arrival.number)
            case Kind.REFUND:
                return self._about(partial(self._refund, arrival.number))
            case Kind.READ:
                return self._about(read_of)
            case Kind.KEY_REUSE:
                return self._about(_reuse_of)
            case unreachable:
                assert_never(unreachable)

    def acknowledged(self, payment: Operation, payment_id: str) -> None:
        """Remember an acknowledged payment, or let it be forgotten by chance."""
        self._seen += 1
        if len(self._acknowledged) < ACKNOWLEDGED_MAX:
            self._acknowledged.append((payment, payment_id))
        elif (place := self._rng.randrange(self._seen)) < ACKNOWLEDGED_MAX:
            self._acknowledged[place] = (payment, payment_id)

    def sample(self, size: int) -> Sequence[tuple[Operation, str]]:
        """At most `size` of the acknowledged payments with their payment ids."""
        return self._rng.sample(self._acknowledged, min(size, len(self._acknowledged)))

    def _about(self, make: Callable[[Operation, str], Operation]) -> Operation | None:
        return make(*self._rng.choice(self._acknowledged)) if self._acknowledged else None

    def _payment(self, number: int) -> Operation:
        """Drawn from its number alone, so that a duplicate is equal to the first."""
        rng = Random(f"{self._seed}:{number}")
        currency, median = rng.choice(_MEDIANS_MINOR)
        amount = int(median * rng.lognormvariate(0, _AMOUNT_SPREAD))
        return _charge(
            merchant=rng.choice(self._merchants),
            key=f"pay-{self._seed}-{number}",
            amount=min(max(amount, _AMOUNT_MIN), _AMOUNT_MAX),
            currency=currency,
            card=_DECLINED_CARD if rng.random() < self._declines else _CARD,
        )

    def _refund(self, number: int, payment: Operation, payment_id: str) -> Operation:
        """In full or in part; a payment may be drawn again until more is asked than is left."""
        partly = self._rng.random() < _PARTIAL_REFUNDS
        amount = self._rng.randint(1, payment.amount) if partly else payment.amount
        body = json.dumps({"amount": amount}).encode()
        return Operation(
            function=Function.REFUND,
            merchant=payment.merchant,
            key=f"refund-{self._seed}-{number}",
            request=_digest(body),
            path=f"/v1/payments/{payment_id}/refunds",
            body=body,
            payment_id=payment_id,
            amount=amount,
            currency=payment.currency,
        )


def read_of(payment: Operation, payment_id: str) -> Operation:
    """A read of an acknowledged payment."""
    return Operation(
        function=Function.READ,
        merchant=payment.merchant,
        key=payment_id,
        request="",
        path=f"/v1/payments/{payment_id}",
        body=b"",
        payment_id=payment_id,
        amount=payment.amount,
        currency=payment.currency,
    )


def _reuse_of(payment: Operation, payment_id: str) -> Operation:
    """The same key for another payment: a mistake of the merchant's, which must be refused."""
    del payment_id
    return _charge(
        merchant=payment.merchant,
        key=payment.key,
        amount=payment.amount + 1,
        currency=payment.currency,
        card=_CARD,
    )


def _charge(*, merchant: str, key: str, amount: int, currency: str, card: str) -> Operation:
    body = json.dumps(
        {"amount": amount, "currency": currency, "capture": True, "payment_method": card}
    ).encode()
    return Operation(
        function=Function.PAY,
        merchant=merchant,
        key=key,
        request=_digest(body),
        path="/v1/payments",
        body=body,
        payment_id=None,
        amount=amount,
        currency=currency,
    )


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]
