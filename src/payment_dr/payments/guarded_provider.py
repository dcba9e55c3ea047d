"""A provider asked with patience and spared when it is ill: retries, and a circuit breaker.

Guarantees: an operation is repeated under its own id only, which does it once; no attempt is begun
that could outlast the time there is for all of them; while the breaker is open an operation is
not sent at all. Which failure of several is told: one that leaves doubt, if
any did.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from payment_dr.core.clock import Clock
from payment_dr.core.errors import UnavailableError
from payment_dr.payments.breaker import CircuitBreaker
from payment_dr.payments.ports import Provider, ProviderCall, ProviderOutcome

ATTEMPTS_MAX: Final = 3
FAILURES_MAX: Final = 10
"""In a row until the breaker opens: more than one operation makes by itself."""

PAUSE_S: Final = 0.1
"""Mean pause before the second attempt; doubled before each later one."""

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardedProvider:
    """`payments.ports.Provider`; shared by the threads of a process.

    Attributes:
        provider: that does the work.
        attempt_s: longest time of one call of it.
        budget_s: longest time of all attempts at one operation.
        chance: 0 to 1, spreads the pauses.
    """

    provider: Provider
    breaker: CircuitBreaker
    clock: Clock
    attempt_s: float
    budget_s: float
    chance: Callable[[], float]

    def perform(self, call: ProviderCall) -> ProviderOutcome:
        """Do the operation once under its id, by several attempts if need be."""
        return self._patiently(lambda: self.provider.perform(call))

    def look_up(self, call: ProviderCall) -> ProviderOutcome | None:
        """Find the outcome by operation id, by several attempts if need be."""
        return self._patiently(lambda: self.provider.look_up(call))

    def _patiently(self, ask: Callable[[], _T]) -> _T:
        end = self.clock.monotonic() + self.budget_s
        failure, in_doubt = UnavailableError("the provider has not been answering"), False
        for attempt in range(ATTEMPTS_MAX):
            if not self.breaker.allows(self.clock.monotonic()):
                break
            try:
                found = ask()
            except UnavailableError as error:
                self.breaker.failed(self.clock.monotonic())
                failure, in_doubt = error, in_doubt or not error.definite
            else:
                self.breaker.succeeded()
                return found
            pause = PAUSE_S * 2**attempt * (0.5 + self.chance())
            if self.clock.monotonic() + pause + self.attempt_s > end:
                break
            self.clock.sleep(pause)
        raise UnavailableError(failure.what, definite=not in_doubt) from failure
