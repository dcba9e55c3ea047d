"""Negative control: the idempotency key is claimed in a table that is copied asynchronously.

Two mistakes that go together in practice. The claim is local to a region and reaches the other
one `DELAY_S` later; and the provider's idempotency key is drawn at random for each claim, since
"the claim makes sure there is only one". After a failover the client's honest retry finds no
claim, makes another, and the provider, given another key, charges again.

Must break: `one-charge-per-idempotency-key`. Requests that were charged and not answered when
their site was cut off are retried at the other site. `acknowledged-payments-survive` breaks too,
since an asynchronous table loses its newest records with the region.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from payment_dr.functions.api import answer
from payment_dr.functions.composition import API, Composition, composition
from payment_dr.lab.negative.delayed_table import DelayedTable
from payment_dr.lab.negative.parts import Once, repeat, with_ports
from payment_dr.payments.record import Record

DELAY_S: Final = 1.0
"""Longer than a site lives on after its links are cut, so that each drill loses claims."""

SLOW_S: Final = 0.1
"""Between charge and answer: at 100 payments a second, ten are there when the site is cut off."""

_DELIVER_S: Final = 0.05


class AsyncClaims(DelayedTable):
    """Claims for this region only, each with a provider key of its own."""

    def put_if_absent(self, record: Record) -> Record | None:
        """Claim under a random operation id, which is the provider's idempotency key.

        The record as claimed is given back: its lease is the caller's, who goes on with it.
        """
        charge = replace(record.operations[0], operation_id=str(uuid.uuid4()))
        claimed = replace(record, operations=(charge,))
        return super().put_if_absent(claimed) or claimed

    def replace(self, record: Record, *, based_on: int) -> bool:
        """As ever, and slow once the provider has been asked."""
        done = super().replace(record, based_on=based_on)
        if record.pending is None:
            self._clock.sleep(SLOW_S)
        return done


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer one API Gateway event with a claim that the other region does not see."""
    return answer(PARTS(), event)


def claimed_locally(parts: Composition) -> tuple[Composition, DelayedTable]:
    """The parts with claims of this region only, and the table that holds them."""
    table = AsyncClaims(parts.ports.table, parts.ports.clock, delay_s=DELAY_S)
    ports = replace(parts.ports, table=table)
    return with_ports(parts, ports, owner="key-in-async-table"), table


def build() -> Composition:
    """The parts of this process, with the thread that works behind them."""
    parts, table = claimed_locally(composition(API))
    repeat("deliver", lambda: table.deliver(parts.spread), every_s=_DELIVER_S)
    return parts


PARTS: Final = Once(build)
