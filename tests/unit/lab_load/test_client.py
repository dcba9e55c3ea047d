"""What each answer means, when it is asked again, and what is known in the end."""

import json
from collections.abc import Sequence
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from lab.fake_service import KEYS, answer, plan_of
from lab.wires import LOOPBACK, run, until, unused_port
from payment_dr.checks.evidence import EventType
from payment_dr.lab.http_server import HttpServer, Request, Response
from payment_dr.lab.load import client as module
from payment_dr.lab.load.arrivals import Arrival, Kind
from payment_dr.lab.load.client import Client, Outcome
from payment_dr.lab.load.workload import Operation, Workload, read_of

if TYPE_CHECKING:
    from payment_dr.lab.load.resolver import CachingResolver

WORKLOAD = Workload(plan_of())
PAYMENT = cast("Operation", WORKLOAD.operation(Arrival(at_s=0, number=1, kind=Kind.PAYMENT)))
WORKLOAD.acknowledged(PAYMENT, "id-1")
REFUND = cast("Operation", WORKLOAD.operation(Arrival(at_s=0, number=1, kind=Kind.REFUND)))
READ = read_of(PAYMENT, "id-1")


class Here:
    """The name is at this machine."""

    async def address(self) -> str:
        return LOOPBACK


def performed(
    operation: Operation, answers: Sequence[Response | None], **plan: object
) -> tuple[Outcome, list[Request]]:
    """The outcome when the service gives these answers, None for silence, the last for ever."""
    asked: list[Request] = []
    outcomes: list[Outcome] = []

    async def serve(request: Request) -> Response | None:
        asked.append(request)
        return answers[min(len(asked), len(answers)) - 1]

    async def scene() -> None:
        server = HttpServer(unused_port(), serve)
        await server.open()
        client = Client(
            plan_of(**{"timeout_s": 0.05, "attempts_max": 3, "backoff_s": 0.001, **plan}),
            cast("CachingResolver", Here()),
            port=server.port,
            host="api.payments.example",
            rng=Random(1),
        )
        outcomes.append(await client.perform(operation))
        client.close()
        server.refuse()
        await until(lambda: not server.connections)

    run(scene)
    return outcomes[0], asked


def created(**body: object) -> Response:
    return answer(201, {"payment_id": "id-1", "amount": 7, "currency": "EUR", **body}, "east")


IN_PROGRESS = answer(409, {"status": 409}, "east", retry_after=0)
UNAVAILABLE = answer(503, {"status": 503}, "east")
BUSY = answer(429, {}, "east")


def test_an_acknowledgement_is_reported_as_it_was_given() -> None:
    outcome, asked = performed(PAYMENT, [created(status="captured")])
    assert outcome == Outcome(
        type=EventType.OK,
        payment_id="id-1",
        amount=7,
        currency="EUR",
        status="captured",
        http_status=201,
        replayed=False,
        site="east",
    )
    assert len(asked) == 1
    request = asked[0]
    assert request.headers["authorization"] == f"Bearer {KEYS[PAYMENT.merchant]}"
    assert request.headers["idempotency-key"] == PAYMENT.key
    assert request.headers["host"] == "api.payments.example"
    assert request.body == PAYMENT.body


def test_a_stored_answer_is_marked_as_replayed() -> None:
    stored = answer(201, {"payment_id": "id-1", "status": "captured"}, "west", replayed=True)
    outcome, _ = performed(PAYMENT, [stored])
    assert (outcome.replayed, outcome.site) == (True, "west")
    assert (outcome.amount, outcome.currency) == (PAYMENT.amount, PAYMENT.currency)


def test_a_refund_has_its_own_amount_and_a_read_sends_nothing() -> None:
    outcome, _ = performed(REFUND, [created(status="captured", amount=99_999)])
    assert (outcome.amount, outcome.payment_id) == (REFUND.amount, "id-1")
    outcome, asked = performed(READ, [answer(200, {"status": "refunded"}, "east")])
    assert [(request.method, request.body) for request in asked] == [("GET", b"")]
    assert "idempotency-key" not in asked[0].headers
    assert (outcome.type, outcome.status) == (EventType.OK, "refunded")


@pytest.mark.parametrize("status", [402, 404, 422])
@pytest.mark.parametrize("before", [[], [None], [IN_PROGRESS]])
def test_a_refusal_from_the_record_is_definite_whatever_was_tried_before(
    status: int, before: list[Response | None]
) -> None:
    refusal = answer(status, {"payment_id": "id-1", "status": status}, "east")
    outcome, asked = performed(PAYMENT, [*before, refusal])
    assert (outcome.type, outcome.http_status) == (EventType.FAIL, status)
    assert outcome.status is None
    assert len(asked) == len(before) + 1


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([answer(400, {}, "east")], EventType.FAIL),
        ([UNAVAILABLE, answer(401, {}, "east")], EventType.FAIL),
        ([None, answer(401, {}, "east")], EventType.INFO),
    ],
)
def test_a_refusal_at_the_door_says_nothing_of_earlier_attempts(
    answers: list[Response | None], kind: EventType
) -> None:
    assert performed(PAYMENT, answers)[0].type is kind


@pytest.mark.parametrize(
    ("answers", "kind", "status"),
    [
        ([UNAVAILABLE], EventType.FAIL, 503),
        ([BUSY, UNAVAILABLE], EventType.FAIL, 503),
        ([None], EventType.INFO, 0),
        ([None, UNAVAILABLE], EventType.INFO, 503),
        ([IN_PROGRESS], EventType.INFO, 409),
        ([answer(202, {"payment_id": "id-9", "status": "x"}, "east")], EventType.INFO, 202),
        ([Response(status=500, body=b"<html>")], EventType.INFO, 500),
        ([UNAVAILABLE, None], EventType.INFO, 0),
    ],
)
def test_with_its_attempts_used_up_it_has_failed_only_if_none_can_have_acted(
    answers: list[Response | None], kind: EventType, status: int
) -> None:
    outcome, asked = performed(PAYMENT, answers)
    assert (outcome.type, outcome.http_status) == (kind, status)
    assert len(asked) == 3
    assert {request.headers["idempotency-key"] for request in asked} == {PAYMENT.key}


def test_it_waits_as_long_as_the_service_asks_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    patient = answer(409, {}, "east", retry_after=2)
    endless = answer(409, {}, "east", retry_after=999)
    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=note))
    performed(PAYMENT, [patient, endless, created()], backoff_max_s=0.01)
    assert waited[:2] == [2.0, 30.0]


def test_pauses_grow_with_jitter_up_to_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=note))
    date = Response(
        status=503, headers={"retry-after": "Wed, 21 Oct 2037 07:28:00 GMT"}, body=b"[]"
    )
    outcome, _ = performed(PAYMENT, [date], attempts_max=8, backoff_s=0.1, backoff_max_s=1)
    bounds = [0.1, 0.2, 0.4, 0.8, 1, 1, 1]
    pauses = waited[: len(bounds)]
    assert all(bound / 2 <= p <= bound for p, bound in zip(pauses, bounds, strict=True))
    assert outcome.payment_id is None


def test_the_body_of_an_answer_is_read_as_far_as_it_goes() -> None:
    outcome, _ = performed(PAYMENT, [Response(status=201, body=json.dumps([1]).encode())])
    assert (outcome.type, outcome.status, outcome.payment_id) == (EventType.OK, None, None)
