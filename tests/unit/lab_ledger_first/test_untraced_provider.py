"""The usual design loses its claims, so it must not send what only a claim would keep."""

from fakes.clock import FakeClock
from fakes.provider import FakeProvider
from payment_dr.core.money import Money
from payment_dr.lab.ledger_first.untraced import UntracedProvider
from payment_dr.payments.ports import ProviderCall, Succeeded
from payment_dr.payments.record import Operation, OperationKind, OperationState


def call_of(request_id: str) -> ProviderCall:
    operation = Operation(
        operation_id="op-1",
        kind=OperationKind.CHARGE,
        idempotency_key="k",
        fingerprint="f",
        amount_minor=1250,
        capture=True,
        payment_method="pm_card_visa",
        state=OperationState.PENDING,
        provider_reference=None,
        decline_code=None,
        response=None,
        started_at=0.0,
        decided_at=None,
        request_id=request_id,
    )
    return ProviderCall(
        payment_id="p-1",
        merchant="shop",
        money=Money(minor_units=1250, currency="EUR"),
        operation=operation,
        charge_reference=None,
    )


def test_whichever_request_claimed_the_provider_is_told_the_same_under_the_same_key() -> None:
    inner = FakeProvider(FakeClock())
    untraced = UntracedProvider(provider=inner)
    first = untraced.perform(call_of("request-1"))
    assert untraced.perform(call_of("request-2")) == first
    assert untraced.look_up(call_of("request-2")) == first == Succeeded(reference="ch_1")
    assert inner.effects == [call_of("")]
