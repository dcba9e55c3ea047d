"""A provider in memory that honours idempotency keys for a day."""

from typing import Final

from fakes.clock import FakeClock
from fakes.faults import Gate, open_gate
from payment_dr.core.money import Money
from payment_dr.payments.ports import Declined, ProviderCall, ProviderOutcome, Succeeded
from payment_dr.payments.record import Operation, OperationKind, OperationState

DECLINED_METHOD: Final = "pm_card_visa_chargeDeclined"
"""Charges with this means of payment are declined."""

KEPT_S: Final = 86_400.0


class FakeProvider:
    """Satisfies `Provider`. `effects` are the operations that moved money or held it, in order."""

    def __init__(self, clock: FakeClock, gate: Gate = open_gate) -> None:
        self.effects: list[ProviderCall] = []
        self._clock = clock
        self._gate = gate
        self._decline_next: str | None = None
        self._answers: dict[str, tuple[ProviderOutcome, float]] = {}

    def decline_next(self, code: str) -> None:
        """The next new operation is declined."""
        self._decline_next = code

    def perform(self, call: ProviderCall) -> ProviderOutcome:
        def act() -> ProviderOutcome:
            key = call.operation.operation_id
            answer, at = self._answers.get(key, (None, 0.0))
            if answer is None or self._clock.now() - at > KEPT_S:
                answer = self._do(call)
                self._answers[key] = (answer, self._clock.now())
            return answer

        return self._gate("perform", act)

    def look_up(self, call: ProviderCall) -> ProviderOutcome | None:
        def act() -> ProviderOutcome | None:
            return self._answers.get(call.operation.operation_id, (None, 0.0))[0]

        return self._gate("look_up", act)

    def _do(self, call: ProviderCall) -> ProviderOutcome:
        if self._decline_next is not None:
            code, self._decline_next = self._decline_next, None
            return Declined(code=code, reference=None)
        if call.operation.payment_method == DECLINED_METHOD:
            return Declined(code="card_declined", reference=None)
        self.effects.append(call)
        return Succeeded(reference=f"ch_{len(self.effects)}")


def charge_call(request_id: str = "") -> ProviderCall:
    """A charge of EUR 12.50, always the same but for the request that claimed it."""
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
