"""A payment through the API against a model of it, whatever the provider does and in any order.

The model knows no record and no protocol: amounts, and what was captured, refunded or voided. The
other properties play many processes at once; this one asks whether each answer is the right one.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fakes.composed import API_KEY, FakeWorld
from fakes.faults import Fault, suffer
from fakes.provider import DECLINED_METHOD, FakeProvider
from payment_dr.functions import api
from payment_dr.payments import transitions
from payment_dr.payments.completing import Completer
from payment_dr.payments.ports import Declined, ProviderOutcome
from payment_dr.payments.record import OPERATIONS_MAX, OperationKind, Record

AMOUNT: Final = 1_000
FAULTS: Final = (Fault.NONE, Fault.REFUSED, Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.REPEATED)
SITES: Final = ("east", "west")
KINDS: Final = ("captures", "refunds", "void")
OTHER: Final = {"amount": 7, "currency": "EUR"}

T = TypeVar("T")
amounts = st.integers(min_value=1, max_value=AMOUNT + 1)


@dataclass(kw_only=True)
class Asked:
    """A request, the answer that it must get, and the answer that it got."""

    path: str
    body: dict[str, Any]
    allowed: bool
    change: tuple[str, int]
    answer: tuple[int, Any] | None = None


@dataclass(kw_only=True)
class Model:
    """What a payment is, as a person would keep it on paper."""

    authorised: bool = False
    captured: int = 0
    refunded: int = 0
    voided: bool = False
    pending: str | None = None
    asked: dict[str, Asked] = field(default_factory=dict[str, Asked])

    def allows(self, kind: str, amount: int) -> bool:
        is_open = self.authorised and not self.captured and not self.voided
        return {
            "captures": is_open and amount <= AMOUNT,
            "void": is_open,
            "refunds": self.refunded + amount <= self.captured,
        }[kind]

    def apply(self, kind: str, amount: int) -> None:
        self.authorised = self.authorised or kind in {"authorise", "charge"}
        self.captured += amount if kind in {"charge", "captures"} else 0
        self.refunded += amount if kind == "refunds" else 0
        self.voided = self.voided or kind == "void"


class PaymentMachine(RuleBasedStateMachine):
    """One payment of one merchant, asked for at both sites."""

    def __init__(self) -> None:
        super().__init__()
        self.fault = Fault.NONE
        self.world = FakeWorld()
        self.world.provider = FakeProvider(self.world.clock, self.gate)
        self.model = Model()
        self.payment_id = ""

    def gate(self, effect: str, act: Callable[[], T]) -> T:
        fault, self.fault = self.fault, Fault.NONE
        return suffer(fault, effect, act, [])

    def send(self, site: str, key: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        event = {
            "rawPath": path,
            "headers": {"authorization": f"Bearer {API_KEY}", "idempotency-key": key},
            "requestContext": {"http": {"method": "POST"}, "requestId": key},
            "body": json.dumps(body),
        }
        answer = api.answer(self.world.parts(site), event)
        return answer["statusCode"], json.loads(answer["body"])

    def ask(self, site: str, key: str, fault: Fault = Fault.NONE) -> None:
        """Send the request of that key, new or again, and compare the answer with the model's."""
        one = self.model.asked[key]
        self.fault = fault
        status, body = self.send(site, key, one.path, one.body)
        self.fault = Fault.NONE
        if one.answer is not None:
            assert (status, body) == one.answer
        elif self.model.pending not in {None, key}:
            assert (status, body["code"]) == (409, "in_progress")
            del self.model.asked[key]
        elif status == 202:
            # Whether a charge is declined is the provider's word, which may be late.
            assert one.allowed or key == "pay"
            self.model.pending = key
        else:
            assert status == (201 if one.allowed else 402), body
            one.answer, self.model.pending = (status, body), None
            if one.allowed:
                self.model.apply(*one.change)

    @precondition(lambda self: not self.payment_id)
    @rule(capture=st.booleans(), declined=st.booleans(), fault=st.sampled_from(FAULTS))
    def pay(self, *, capture: bool, declined: bool, fault: Fault) -> None:
        body: dict[str, Any] = {"amount": AMOUNT, "currency": "EUR", "capture": capture}
        if declined:
            body["payment_method"] = DECLINED_METHOD
        change = ("charge" if capture else "authorise", AMOUNT)
        self.model.asked["pay"] = Asked(
            path="/v1/payments", body=body, allowed=not declined, change=change
        )
        self.ask("east", "pay", fault)
        self.payment_id = next(iter(self.world.table.records))

    @precondition(lambda self: self.payment_id and len(self.model.asked) < OPERATIONS_MAX)
    @rule(
        kind=st.sampled_from(KINDS),
        amount=amounts,
        site=st.sampled_from(SITES),
        fault=st.sampled_from(FAULTS),
    )
    def operate(self, *, kind: str, amount: int, site: str, fault: Fault) -> None:
        key = f"{kind}-{len(self.model.asked)}-{amount}"
        path = f"/v1/payments/{self.payment_id}/{kind}"
        body = {} if kind == "void" else {"amount": amount}
        allowed = self.model.allows(kind, amount)
        asked = Asked(path=path, body=body, allowed=allowed, change=(kind, amount))
        if key not in self.model.asked:
            self.model.asked[key] = asked
            self.ask(site, key, fault)

    @precondition(lambda self: self.model.asked)
    @rule(data=st.data(), site=st.sampled_from(SITES), fault=st.sampled_from(FAULTS))
    def retry(self, *, data: st.DataObject, site: str, fault: Fault) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.asked)))
        self.ask(site, key, fault)

    @precondition(lambda self: self.payment_id)
    @rule(site=st.sampled_from(SITES))
    def reuse_the_key(self, *, site: str) -> None:
        before = dict(self.world.table.records)
        status, body = self.send(site, "pay", "/v1/payments", OTHER)
        assert (status, body["code"]) == (422, "idempotency_key_reused")
        assert self.world.table.records == before

    @rule(seconds=st.sampled_from((1.0, 20.0, 3_600.0)))
    def wait(self, *, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @invariant()
    def the_record_is_what_the_model_says(self) -> None:
        for record in self.world.table.records.values():
            model = self.model
            assert (record.captured_minor, record.refunded_minor) == (
                model.captured,
                model.refunded,
            )
            assert record.refunded_minor <= record.captured_minor <= AMOUNT
            assert (record.pending is None) is (model.pending is None)

    @invariant()
    def money_is_conserved(self) -> None:
        """What the provider moved is what the record says, but for what is pending."""
        effects = self.world.provider.effects
        ids = [effect.operation.operation_id for effect in effects]
        assert len(ids) == len(set(ids))
        for record in self.world.table.records.values():
            pending = None if record.pending is None else record.pending.operation_id
            settled = [e for e in effects if e.operation.operation_id != pending]
            taken = sum(e.money.minor_units for e in settled if takes(e.operation))
            given = sum(
                e.money.minor_units for e in settled if e.operation.kind is OperationKind.REFUND
            )
            assert (taken, given) == (record.captured_minor, record.refunded_minor)

    @invariant()
    def the_ledger_balances(self) -> None:
        entries = self.world.ledgers["east"].entries.values()
        assert not sum(leg.minor_units for entry in entries for leg in entry.postings)

    def teardown(self) -> None:
        """Whatever was left open is settled by a retry, as the model says."""
        if self.model.pending is not None:
            self.ask("west", self.model.pending)
            assert self.model.pending is None
        self.the_record_is_what_the_model_says()
        self.money_is_conserved()


def takes(operation: Any) -> bool:
    """Whether the operation takes money when the provider does it."""
    is_charge = operation.kind is OperationKind.CHARGE and operation.capture
    return is_charge or operation.kind is OperationKind.CAPTURE


BOUNDS: Final = settings(
    derandomize=True,
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    phases=(Phase.generate,),
)


def test_every_answer_is_the_models_and_money_is_conserved() -> None:
    run_state_machine_as_test(PaymentMachine, settings=BOUNDS)


def anything(*_: object) -> None:
    """A planted bug: no rule refuses anything."""


def timeout_is_a_decline(completer: Completer, record: Record) -> ProviderOutcome:
    """A planted bug: what is not known is taken for a no."""
    return ASKED(completer, record) or Declined(code="timeout", reference=None)


# pylint: disable-next=protected-access; it is what the bug replaces
ASKED: Final = Completer._charge  # pyright: ignore[reportPrivateUsage] # as above


@pytest.mark.parametrize(
    ("owner", "name", "bug"),
    [(transitions, "refusal_of", anything), (Completer, "_charge", timeout_is_a_decline)],
)
def test_a_planted_bug_is_found(
    owner: object, name: str, bug: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, bug)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(PaymentMachine, settings=BOUNDS)
