"""Clients that share keys, quarrel over contents, retry at any site, and remember every answer."""

from dataclasses import replace
from functools import partial
from typing import Final

from fakes.faults import Crash
from fakes.provider import DECLINED_METHOD
from payment_dr.core.money import Money
from payment_dr.core.stamp import SiteName
from payment_dr.payments.outcome import (
    Created,
    DeclinedOutcome,
    Found,
    KeyReused,
    OperationOutcome,
)
from payment_dr.payments.record import OperationKind, payment_id
from payment_dr.payments.requests import OperationRequest, PayRequest
from properties.world import World

MERCHANT: Final = "acme"
AMOUNT: Final = 100

Request = PayRequest | OperationRequest
Definite = Created | DeclinedOutcome | KeyReused

_CLIENTS: Final = 4
_ATTEMPTS: Final = 4
_OPERATIONS: Final = (
    (OperationKind.REFUND, 30),
    (OperationKind.CAPTURE, 60),
    (OperationKind.REFUND, 80),
    (OperationKind.VOID, None),
    (OperationKind.REFUND, 100),
)


class Clients:
    """Two pairs; each pair shares a payment, and sometimes one of it wants another amount."""

    def __init__(self, world: World) -> None:
        self.answers: dict[Request, list[Definite]] = {}
        self._world = world
        self._tape = world.tape
        self._payments = [
            PayRequest(
                merchant=MERCHANT,
                idempotency_key=f"key-{pair}",
                money=Money(minor_units=AMOUNT, currency="EUR"),
                capture=self._tape.choose(3) != 1,
                payment_method=DECLINED_METHOD if self._tape.choose(8) == 7 else "pm_card_visa",
            )
            for pair in range(_CLIENTS // 2)
        ]

    def start(self) -> None:
        for client in range(_CLIENTS):
            self._world.scheduler.spawn(f"client {client}", partial(self._run, client))

    def finished(self) -> frozenset[str]:
        """Payments whose clients have both come to their end."""
        busy = {actor.name for actor in self._world.scheduler.actors}
        return frozenset(
            _payment_of(request)
            for pair, request in enumerate(self._payments)
            if not {f"client {2 * pair}", f"client {2 * pair + 1}"} & busy
        )

    def remembered(self) -> list[Request]:
        """Requests whose keys are remembered still: their payments have not expired."""
        gone = self._world.table.removed
        return [request for request in self.answers if _payment_of(request) not in gone]

    def ask(self, request: Request, site: SiteName) -> OperationOutcome:
        """One attempt; a definite answer is remembered."""
        answers = self.answers.setdefault(request, [])
        service = self._world.services[site]
        outcome: OperationOutcome = (
            service.pay(request) if isinstance(request, PayRequest) else service.operate(request)
        )
        if isinstance(outcome, Definite):
            answers.append(outcome)
        return outcome

    def _run(self, client: int) -> None:
        request = self._payments[client // 2]
        if client % 2 and self._tape.choose(4) == 1:
            request = replace(request, money=Money(minor_units=AMOUNT + 1, currency="EUR"))
        paid = self._insist(request)
        if not isinstance(paid, Created):
            return
        for _ in range(self._tape.choose(4)):
            kind, amount = _OPERATIONS[self._tape.choose(len(_OPERATIONS))]
            operation = OperationRequest(
                merchant=MERCHANT,
                payment_id=paid.record.payment_id,
                idempotency_key=f"{kind} {amount}".replace(" ", "-"),
                kind=kind,
                amount_minor=amount,
            )
            self._insist(operation)

    def _insist(self, request: Request) -> OperationOutcome | None:
        for _ in range(_ATTEMPTS):
            outcome = self._attempt(request)
            if isinstance(outcome, Definite):
                return outcome
        return None

    def _attempt(self, request: Request) -> OperationOutcome | None:
        """At some site, which may die meanwhile; then there is no answer."""
        site = self._some_site()
        self._world.scheduler.at(site)
        try:
            outcome = self.ask(request, site)
            if isinstance(outcome, Created | DeclinedOutcome):
                self._read_again(outcome)
        except Crash:
            return None
        finally:
            self._world.scheduler.at(None)
        return outcome

    def _read_again(self, acknowledged: Created | DeclinedOutcome) -> None:
        """Whoever was answered finds the same at any site from now on."""
        service = self._world.services[self._some_site()]
        found = service.read(merchant=MERCHANT, payment_id=acknowledged.record.payment_id)
        if isinstance(found, Found):
            operation = found.record.operation(acknowledged.operation.operation_id)
            assert operation.response == acknowledged.response, "1: acknowledged, then otherwise"

    def _some_site(self) -> SiteName:
        return self._world.alive[self._tape.choose(len(self._world.alive))]


def _payment_of(request: Request) -> str:
    if isinstance(request, OperationRequest):
        return request.payment_id
    return payment_id(request.merchant, request.idempotency_key)
