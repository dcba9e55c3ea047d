"""Every route of the API as data: dispatch, OpenAPI and the reference are made from this list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from pydantic import BaseModel

from payment_dr.functions import book_actions, endpoint_actions, payment_actions
from payment_dr.functions.answers import (
    BalanceList,
    DeclinedAnswer,
    EndpointAnswer,
    EndpointList,
    EndpointWithSecret,
    EntryPage,
    EventAnswer,
    EventPage,
    IndeterminateAnswer,
    PaymentAnswer,
    PaymentPage,
)
from payment_dr.functions.asked import Asked
from payment_dr.functions.bodies import (
    AmountBody,
    Body,
    EmptyBody,
    EndpointBody,
    EndpointChangeBody,
    PaymentBody,
    RotationBody,
)
from payment_dr.functions.composition import Composition
from payment_dr.functions.error_catalogue import Code
from payment_dr.functions.http import HttpResponse
from payment_dr.payments.merchants import Scope

Act = Callable[[Composition, Asked], HttpResponse]


@unique
class Method(StrEnum):
    """Methods that some route takes."""

    GET = "GET"
    POST = "POST"
    PATCH = "PATCH"


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One operation of the API.

    Attributes:
        method: of the request.
        path: template; what is in braces is a parameter.
        operation_id: its name for programs, unique.
        summary: one line for people.
        scope: what the API key must be for; each route needs a key.
        act: does it.
        answers: by status, what is answered when nothing is wrong.
        codes: problems of its own, besides those that every route has.
        body: what it takes; routes with one write, and need an Idempotency-Key.
        is_list: whether it takes `limit` and `cursor`.
    """

    method: Method
    path: str
    operation_id: str
    summary: str
    scope: Scope
    act: Act
    answers: Mapping[int, type[BaseModel]]
    codes: tuple[Code, ...] = ()
    body: type[Body] | None = None
    is_list: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The path's parts, without the slash that it begins with."""
        return tuple(self.path.split("/")[1:])


_WRITES: Final[Mapping[int, type[BaseModel]]] = {
    201: PaymentAnswer,
    202: IndeterminateAnswer,
    402: DeclinedAnswer,
}
_WRITE_CODES: Final = (Code.IN_PROGRESS, Code.KEY_REUSED)
_OPERATION_CODES: Final = (Code.PAYMENT_NOT_FOUND, *_WRITE_CODES, Code.TOO_MANY_OPERATIONS)
_ENDPOINT_CODES: Final = (Code.ENDPOINT_NOT_FOUND, Code.KEY_REUSED, Code.OUTCOME_UNKNOWN)

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method=Method.POST,
        path="/v1/payments",
        operation_id="createPayment",
        summary="Charge a means of payment, or authorise it to be captured later",
        scope=Scope.PAYMENTS_WRITE,
        act=payment_actions.pay,
        answers=_WRITES,
        codes=(Code.CURRENCY_UNKNOWN, *_WRITE_CODES, Code.AMOUNT_OUT_OF_BOUNDS),
        body=PaymentBody,
    ),
    Route(
        method=Method.GET,
        path="/v1/payments",
        operation_id="listPayments",
        summary="List payments, newest first; the ledger may lag a little behind",
        scope=Scope.PAYMENTS_READ,
        act=book_actions.payments,
        answers={200: PaymentPage},
        is_list=True,
    ),
    Route(
        method=Method.GET,
        path="/v1/payments/{payment_id}",
        operation_id="getPayment",
        summary="Read a payment as every earlier answer left it",
        scope=Scope.PAYMENTS_READ,
        act=payment_actions.read,
        answers={200: PaymentAnswer},
        codes=(Code.PAYMENT_NOT_FOUND,),
    ),
    Route(
        method=Method.POST,
        path="/v1/payments/{payment_id}/captures",
        operation_id="capturePayment",
        summary="Capture an authorisation once, in full or in part; the rest is freed",
        scope=Scope.PAYMENTS_WRITE,
        act=payment_actions.capture,
        answers=_WRITES,
        codes=_OPERATION_CODES,
        body=AmountBody,
    ),
    Route(
        method=Method.POST,
        path="/v1/payments/{payment_id}/refunds",
        operation_id="refundPayment",
        summary="Refund what was captured, in full or in parts",
        scope=Scope.PAYMENTS_WRITE,
        act=payment_actions.refund,
        answers=_WRITES,
        codes=_OPERATION_CODES,
        body=AmountBody,
    ),
    Route(
        method=Method.POST,
        path="/v1/payments/{payment_id}/void",
        operation_id="voidPayment",
        summary="Free an authorisation that was not captured",
        scope=Scope.PAYMENTS_WRITE,
        act=payment_actions.void,
        answers=_WRITES,
        codes=_OPERATION_CODES,
        body=EmptyBody,
    ),
    Route(
        method=Method.GET,
        path="/v1/balances",
        operation_id="listBalances",
        summary="Read the balances, one for each currency",
        scope=Scope.LEDGER_READ,
        act=book_actions.balances,
        answers={200: BalanceList},
    ),
    Route(
        method=Method.GET,
        path="/v1/ledger_entries",
        operation_id="listLedgerEntries",
        summary="List journal entries in the order of booking, newest first",
        scope=Scope.LEDGER_READ,
        act=book_actions.entries,
        answers={200: EntryPage},
        is_list=True,
    ),
    Route(
        method=Method.GET,
        path="/v1/events",
        operation_id="listEvents",
        summary="List events in the order of booking, newest first",
        scope=Scope.PAYMENTS_READ,
        act=book_actions.events,
        answers={200: EventPage},
        is_list=True,
    ),
    Route(
        method=Method.GET,
        path="/v1/events/{event_id}",
        operation_id="getEvent",
        summary="Read an event",
        scope=Scope.PAYMENTS_READ,
        act=book_actions.event,
        answers={200: EventAnswer},
        codes=(Code.EVENT_NOT_FOUND,),
    ),
    Route(
        method=Method.POST,
        path="/v1/webhook_endpoints",
        operation_id="createWebhookEndpoint",
        summary="Have events sent to a URL; the answer shows the secret that signs them",
        scope=Scope.WEBHOOKS_WRITE,
        act=endpoint_actions.create,
        answers={201: EndpointWithSecret},
        codes=(
            Code.ENDPOINT_NOT_FOUND,
            Code.KEY_REUSED,
            Code.TOO_MANY_ENDPOINTS,
            Code.URL_REFUSED,
            Code.OUTCOME_UNKNOWN,
        ),
        body=EndpointBody,
    ),
    Route(
        method=Method.GET,
        path="/v1/webhook_endpoints",
        operation_id="listWebhookEndpoints",
        summary="List the webhook endpoints",
        scope=Scope.WEBHOOKS_WRITE,
        act=endpoint_actions.every,
        answers={200: EndpointList},
    ),
    Route(
        method=Method.GET,
        path="/v1/webhook_endpoints/{endpoint_id}",
        operation_id="getWebhookEndpoint",
        summary="Read a webhook endpoint",
        scope=Scope.WEBHOOKS_WRITE,
        act=endpoint_actions.read,
        answers={200: EndpointAnswer},
        codes=(Code.ENDPOINT_NOT_FOUND,),
    ),
    Route(
        method=Method.PATCH,
        path="/v1/webhook_endpoints/{endpoint_id}",
        operation_id="changeWebhookEndpoint",
        summary="Send events to another URL, or other events",
        scope=Scope.WEBHOOKS_WRITE,
        act=endpoint_actions.change,
        answers={200: EndpointAnswer},
        codes=(*_ENDPOINT_CODES, Code.URL_REFUSED),
        body=EndpointChangeBody,
    ),
    Route(
        method=Method.POST,
        path="/v1/webhook_endpoints/{endpoint_id}/rotate_secret",
        operation_id="rotateWebhookSecret",
        summary="Replace the secret; both sign for a while",
        scope=Scope.WEBHOOKS_WRITE,
        act=endpoint_actions.rotate,
        answers={200: EndpointWithSecret},
        codes=_ENDPOINT_CODES,
        body=RotationBody,
    ),
    Route(
        method=Method.POST,
        path="/v1/webhook_endpoints/{endpoint_id}/disable",
        operation_id="disableWebhookEndpoint",
        summary="Send nothing more there",
        scope=Scope.WEBHOOKS_WRITE,
        act=endpoint_actions.disable,
        answers={200: EndpointAnswer},
        codes=_ENDPOINT_CODES,
        body=EmptyBody,
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """The route of a request and the parameters in its path."""

    route: Route
    named: Mapping[str, str]


def find(method: str, path: tuple[str, ...]) -> Match | tuple[str, ...]:
    """The route of a method and path; else the methods that the path takes, none if unknown."""
    fitting = [
        Match(route=route, named=named)
        for route in ROUTES
        if (named := _named(route.parts, path)) is not None
    ]
    for match in fitting:
        if match.route.method == method:
            return match
    return tuple(match.route.method.value for match in fitting)


def _named(template: tuple[str, ...], path: tuple[str, ...]) -> dict[str, str] | None:
    """The parameters of a path that fits a template; None if it does not."""
    if len(template) != len(path):
        return None
    named: dict[str, str] = {}
    for wanted, given in zip(template, path, strict=True):
        if wanted.startswith("{"):
            named[wanted.strip("{}")] = given
        elif wanted != given:
            return None
    return named
