"""A client host: finds the service by DNS, and retries as a good SDK does until it knows.

Retried, with the same idempotency key, are connection errors, time-outs, 202, 409, 429 and 5xx.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from typing import Final

import msgspec

from payment_dr.checks.evidence import EventType, Function
from payment_dr.core.errors import UnavailableError
from payment_dr.lab.http_client import Answer, HttpPool, Request
from payment_dr.lab.load.plan import Plan
from payment_dr.lab.load.resolver import CachingResolver
from payment_dr.lab.load.workload import Operation

IDLE_S: Final = 15
_RETRY_AFTER_MAX_S: Final = 5.0

_RETRYABLE: Final = frozenset(
    {HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
)
"""Besides 5xx: to be asked again with the same key."""

_WITHOUT_EFFECT: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})
"""Of the retryable ones: nothing took effect, and nothing is under way."""

_DEFINITE_REFUSALS: Final = frozenset(
    {HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""Decided from the payment's record, so they also settle what earlier attempts did."""


class _Body(msgspec.Struct, gc=False):
    """What is used of an answer's body; `status` is a number in problem details."""

    payment_id: str | None = None
    status: str | int | None = None
    amount: int | None = None
    currency: str | None = None


_DECODER: Final = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How an operation ended, by its last attempt; `http_status` is 0 without an answer.

    FAIL also stands for attempts none of which can have had an effect; INFO for not knowing.
    `amount` and `currency` are as answered, of a refund or without an answer as asked.
    """

    type: EventType
    payment_id: str | None
    amount: int
    currency: str
    status: str | None = None
    http_status: int = 0
    replayed: bool = False
    site: str | None = None


class Client:
    """One host with its own DNS cache and connections; performs many operations at once."""

    def __init__(
        self, plan: Plan, resolver: CachingResolver, *, port: int, host: str, rng: Random
    ) -> None:
        self._plan = plan
        self._resolver = resolver
        self._port = port
        self._host = host
        self._rng = rng
        self._address = ""
        self._pools: dict[str, HttpPool] = {}

    async def perform(self, operation: Operation) -> Outcome:
        """Attempt the operation until its outcome is definite or the attempts are used up."""
        request = self._request(operation)
        may_have_acted = False
        answer: Answer | None = None
        for attempt in range(self._plan.attempts_max):
            if attempt:
                await asyncio.sleep(self._pause_s(attempt, answer))
            try:
                answer = await self._attempt(request)
            except UnavailableError as error:
                answer = None
                may_have_acted = may_have_acted or not error.definite
            else:
                if not _retryable(answer.status):
                    return _answered(operation, answer, may_have_acted=may_have_acted)
                may_have_acted = may_have_acted or answer.status not in _WITHOUT_EFFECT
        return _given_up(operation, answer, may_have_acted=may_have_acted)

    def close(self) -> None:
        """Close idle connections."""
        for pool in self._pools.values():
            pool.close()

    async def _attempt(self, request: Request) -> Answer:
        address = await self._resolver.address()
        if address != self._address:
            # What is kept for another site is of no use once the name has moved.
            self.close()
            self._address = address
        if address not in self._pools:
            self._pools[address] = HttpPool(address, self._port, name=self._host, idle_s=IDLE_S)
        return await self._pools[address].call(request, self._plan.timeout_s)

    def _request(self, operation: Operation) -> Request:
        headers = {"Authorization": f"Bearer {self._plan.keys[operation.merchant]}"}
        if operation.function is Function.READ:
            return Request(method="GET", path=operation.path, headers=headers)
        headers |= {"Content-Type": "application/json", "Idempotency-Key": operation.key}
        return Request(method="POST", path=operation.path, headers=headers, body=operation.body)

    def _pause_s(self, attempt: int, answer: Answer | None) -> float:
        """Exponential with jitter, and never sooner than the service asked for."""
        pause_s = min(self._plan.backoff_max_s, self._plan.backoff_s * 2 ** (attempt - 1))
        asked_s = _retry_after_s(answer.headers) if answer else 0.0
        return max(self._rng.uniform(pause_s / 2, pause_s), asked_s)


def not_sent(operation: Operation) -> Outcome:
    """There was no room, or no time, to perform it."""
    return _given_up(operation, None, may_have_acted=True)


def _retryable(status: int) -> bool:
    return status in _RETRYABLE or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds; 0 without the header or with a date, which the service never sends."""
    text = headers.get("retry-after", "")
    return min(float(text), _RETRY_AFTER_MAX_S) if text.isdigit() else 0.0


def _answered(operation: Operation, answer: Answer, *, may_have_acted: bool) -> Outcome:
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return _outcome(EventType.OK, operation, answer)
    if may_have_acted and status not in _DEFINITE_REFUSALS:
        return _outcome(EventType.INFO, operation, answer)
    return _outcome(EventType.FAIL, operation, answer)


def _given_up(operation: Operation, answer: Answer | None, *, may_have_acted: bool) -> Outcome:
    return _outcome(EventType.INFO if may_have_acted else EventType.FAIL, operation, answer)


def _outcome(kind: EventType, operation: Operation, answer: Answer | None) -> Outcome:
    if answer is None:
        return Outcome(
            type=kind,
            payment_id=operation.payment_id,
            amount=operation.amount,
            currency=operation.currency,
        )
    body = _body(answer)
    refund = operation.function is Function.REFUND
    return Outcome(
        type=kind,
        payment_id=body.payment_id or operation.payment_id,
        amount=operation.amount if refund or body.amount is None else body.amount,
        currency=body.currency or operation.currency,
        status=body.status if isinstance(body.status, str) else None,
        http_status=answer.status,
        replayed=answer.headers.get("idempotent-replayed") == "true",
        site=answer.headers.get("payment-site"),
    )


def _body(answer: Answer) -> _Body:
    """An answer that cannot be read says nothing; the checker sees what is missing."""
    try:
        return _DECODER.decode(answer.body)
    except msgspec.DecodeError:
        return _Body()
