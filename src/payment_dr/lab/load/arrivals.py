"""When what is asked: a schedule drawn from a seed alone, whatever the answers are.

New payments are a Poisson process, as independent customers are. Each may be followed by a
duplicate, a refund, a read or a reuse of a key, each with its share and its delay.
"""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, unique
from itertools import count
from random import Random
from typing import Final

from payment_dr.lab.load.plan import Plan


@unique
class Kind(Enum):
    """What arrives. All but PAYMENT and DUPLICATE are about some payment acknowledged before."""

    PAYMENT = "payment"
    DUPLICATE = "duplicate"
    REFUND = "refund"
    READ = "read"
    KEY_REUSE = "key-reuse"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """At `at_s` seconds from the start; `number` is the payment that it is, or follows."""

    at_s: float
    number: int
    kind: Kind


_FOLLOWS_WITHIN_S: Final = {
    # Some duplicates come while the first is still at work.
    Kind.DUPLICATE: 0.1,
    Kind.REFUND: 1.0,
    Kind.READ: 1.0,
    Kind.KEY_REUSE: 1.0,
}


def arrivals(plan: Plan) -> Iterator[Arrival]:
    """All arrivals in order of time; without end if the plan has no duration."""
    rng = Random(plan.seed)
    shares = {
        Kind.DUPLICATE: plan.duplicates,
        Kind.REFUND: plan.refunds,
        Kind.READ: plan.reads,
        Kind.KEY_REUSE: plan.key_reuses,
    }
    end_s = math.inf if plan.duration_s is None else plan.duration_s
    following: list[tuple[float, int, Arrival]] = []
    order = count()
    at_s = 0.0
    number = -1
    while True:
        number += 1
        at_s += rng.expovariate(plan.rate_per_s)
        while following and following[0][0] < min(at_s, end_s):
            yield heapq.heappop(following)[2]
        if at_s >= end_s:
            return
        yield Arrival(at_s=at_s, number=number, kind=Kind.PAYMENT)
        for kind, share in shares.items():
            if rng.random() < share:
                then_s = at_s + rng.uniform(0, _FOLLOWS_WITHIN_S[kind])
                arrival = Arrival(at_s=then_s, number=number, kind=kind)
                heapq.heappush(following, (then_s, next(order), arrival))
