"""The usual design loses its claims, so it must not send what only a claim would keep."""

from fakes.clock import FakeClock
from fakes.provider import FakeProvider, charge_call
from payment_dr.lab.ledger_first.untraced import UntracedProvider
from payment_dr.payments.ports import Succeeded


def test_whichever_request_claimed_the_provider_is_told_the_same_under_the_same_key() -> None:
    inner = FakeProvider(FakeClock())
    untraced = UntracedProvider(provider=inner)
    first = untraced.perform(charge_call("request-1"))
    assert untraced.perform(charge_call("request-2")) == first
    assert untraced.look_up(charge_call("request-2")) == first == Succeeded(reference="ch_1")
    assert inner.effects == [charge_call("")]
