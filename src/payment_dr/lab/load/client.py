"""A client host: finds the service by DNS, and retries by the rules of `payment_dr.client`."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from typing import Final

import msgspec

from payment_dr.checks.evidence import EventType, Function
from payment_dr.client.attempts import Attempts
from payment_dr.core.errors import UnavailableError
from payment_dr.lab.http_client import Answer, HttpPool, Request
from payment_dr.lab.load.plan import Plan
from payment_dr.lab.load.resolver import CachingResolver
from payment_dr.lab.load.workload import Operation

IDLE_S: Final = 15


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
        attempts = Attempts(
            most=self._plan.attempts_max,
            backoff_s=self._plan.backoff_s,
            backoff_max_s=self._plan.backoff_max_s,
            chance=self._rng.random,
        )
        answer: Answer | None = None
        while attempts.left:
            if pause_s := attempts.begin():
                await asyncio.sleep(pause_s)
            try:
                answer = await self._attempt(request)
            except UnavailableError as error:
                answer = None
                attempts.unanswered(sent=not error.definite)
            else:
                if attempts.answered(answer.status, answer.headers.get("retry-after", "")):
                    settled = attempts.is_settled_by(answer.status)
                    return _answered(operation, answer, settled=settled)
        return _given_up(operation, answer, may_have_acted=attempts.may_have_acted)

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


def not_sent(operation: Operation) -> Outcome:
    """There was no room, or no time, to perform it."""
    return _given_up(operation, None, may_have_acted=True)


def _answered(operation: Operation, answer: Answer, *, settled: bool) -> Outcome:
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return _outcome(EventType.OK, operation, answer)
    return _outcome(EventType.FAIL if settled else EventType.INFO, operation, answer)


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
