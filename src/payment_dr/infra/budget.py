"""Whether promised times can be kept, as sums that a person can check.

`core.settings` refuses three of them already when settings are read; here they stand beside those
that only a deployment on AWS has, each with its sum. Times of AWS itself are not measured here:
drills on AWS do that.
"""

from dataclasses import dataclass
from typing import Final, assert_never

from payment_dr.core.settings import Orchestrator, Settings
from payment_dr.functions.catalogue import Every, function
from payment_dr.recovery.execution import slices_of
from payment_dr.recovery.plan import failover_plan, switchover_plan
from payment_dr.recovery.state_machine import GRACE_S

API_GATEWAY_S: Final = 30
"""Longest that an HTTP API waits for a function.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

_MINUTE_S: Final = Every.MINUTE.value * 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """One sum and what it has to fit into.

    Attributes:
        what: what takes the time.
        parts: the sum as it is written.
        total_s: what it comes to, seconds.
        limit_s: what it may come to.
        limit: where that limit is set.
        below: whether it must stay below the limit; otherwise it may reach it.
    """

    what: str
    parts: str
    total_s: float
    limit_s: float
    limit: str
    below: bool = False

    @property
    def is_met(self) -> bool:
        """Whether it fits."""
        return self.total_s < self.limit_s if self.below else self.total_s <= self.limit_s

    @property
    def line(self) -> str:
        """The sum with its limit, in one line."""
        summed = any(sign in self.parts for sign in "+x")
        shown = f" = {self.total_s:g} s" if summed else ""
        relation = ("<" if self.below else "<=") if self.is_met else "is too long for"
        return f"{self.what}: {self.parts}{shown} {relation} {self.limit_s:g} s ({self.limit})"


def budgets(settings: Settings) -> tuple[Budget, ...]:
    """Every sum, in the order in which a failover meets them."""
    return (
        _acceptance(settings),
        _switch(settings),
        _ledger(settings),
        _step(settings),
        *_watcher(settings),
        *_request(settings),
    )


def problems(settings: Settings) -> list[str]:
    """Lines of the budgets that cannot be kept; none is []."""
    return [budget.line for budget in budgets(settings) if not budget.is_met]


def _acceptance(settings: Settings) -> Budget:
    probes, dns = settings.probes, settings.dns
    return Budget(
        what="clients find the other site",
        parts=f"probes {probes.interval_s:g} s x {probes.threshold} + TTL {dns.ttl_s} s",
        total_s=settings.switch_s,
        limit_s=settings.objectives.acceptance_rto_s,
        limit="objectives.acceptance_rto_s",
    )


def _switch(settings: Settings) -> Budget:
    """Probes of `/takeover`; the TTL leaves room for the record's age and Route 53's own time."""
    probes, dns = settings.probes, settings.dns
    return Budget(
        what="the takeover switch turns the answer",
        parts=f"probes {probes.interval_s:g} s x {probes.threshold} + TTL {dns.ttl_s} s",
        total_s=settings.switch_s,
        limit_s=settings.failover.budgets.route_s,
        limit="failover.budgets.route_s",
    )


def _ledger(settings: Settings) -> Budget:
    probes, failover = settings.probes, settings.failover
    return Budget(
        what="the ledger opens at the other site",
        parts=f"probes {probes.detection_s:g} s + steps {failover.ledger_s:g} s",
        total_s=probes.detection_s + failover.ledger_s,
        limit_s=settings.objectives.ledger_rto_s,
        limit="objectives.ledger_rto_s",
    )


def _step(settings: Settings) -> Budget:
    """The state machine calls a step again and again; one call takes one slice of its budget."""
    chosen = settings.failover.budgets
    steps = (*failover_plan(chosen).steps, *switchover_plan(chosen).steps)
    longest = max(slices_of(step.budget_s).each_s for step in steps)
    return Budget(
        what="one call of a step of a move",
        parts=f"slice {longest:g} s + grace {GRACE_S} s",
        total_s=longest + GRACE_S,
        limit_s=function("recovery").timeout_s,
        limit="timeout of the function recovery",
    )


def _watcher(settings: Settings) -> tuple[Budget, ...]:
    timeout_s = function("watcher").timeout_s
    seamless = Budget(
        what="the next watcher starts before this one ends",
        parts=f"{_MINUTE_S} s",
        total_s=_MINUTE_S,
        limit_s=timeout_s,
        limit="timeout of the function watcher",
        below=True,
    )
    match settings.failover.orchestrator:
        case Orchestrator.STATE_MACHINE:
            return (seamless,)
        case Orchestrator.WATCHER:
            whole = Budget(
                what="a move inside one call of the watcher, for want of a state machine",
                parts=f"steps {settings.failover.ledger_s:g} s",
                total_s=settings.failover.ledger_s,
                limit_s=timeout_s,
                limit="timeout of the function watcher",
                below=True,
            )
            return (seamless, whole)
        case unreachable:
            assert_never(unreachable)


def _request(settings: Settings) -> tuple[Budget, ...]:
    deadline_s, api_s = settings.payments.request_deadline_s, function("api").timeout_s
    return (
        Budget(
            what="a request is answered before its function is ended",
            parts=f"{deadline_s:g} s",
            total_s=deadline_s,
            limit_s=api_s,
            limit="timeout of the function api",
            below=True,
        ),
        Budget(
            what="the function ends before API Gateway gives up",
            parts=f"{api_s} s",
            total_s=api_s,
            limit_s=API_GATEWAY_S,
            limit="API Gateway",
            below=True,
        ),
        Budget(
            what="a request ends before another takes its payment over",
            parts=f"{deadline_s:g} s",
            total_s=deadline_s,
            limit_s=settings.payments.lease_s,
            limit="payments.lease_s",
            below=True,
        ),
    )
