"""Negative control: the client gets its 201 while the record is still in this process's memory.

The payments table is written behind the answer, `DELAY_S` later, as by a service that "makes it
durable in the background". Claim and decision both wait: with only the decision late, the claim
would survive, and the sweeper would carry the payment to the outcome that was acknowledged.

Must break: `acknowledged-payments-survive`. When the site is killed, all that was acknowledged in
the last `DELAY_S` has no record anywhere; the provider's charges of it break
`no-charge-without-record` as well.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from payment_dr.functions.api import answer
from payment_dr.functions.composition import API, Composition, composition
from payment_dr.lab.negative.delayed_table import DelayedTable
from payment_dr.lab.negative.parts import Once, repeat, with_ports

DELAY_S: Final = 1.0
"""Longer than a site lives on after its links are cut, so that each drill loses payments."""

_DELIVER_S: Final = 0.05


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer one API Gateway event, too early."""
    return answer(PARTS(), event)


def written_behind(parts: Composition) -> tuple[Composition, DelayedTable]:
    """The parts with a table that is written later, and that table."""
    table = DelayedTable(parts.ports.table, parts.ports.clock, delay_s=DELAY_S)
    ports = replace(parts.ports, table=table)
    return with_ports(parts, ports, owner="acknowledge-before-commit"), table


def build() -> Composition:
    """The parts of this process, with the thread that works behind them."""
    parts, table = written_behind(composition(API))
    repeat("deliver", lambda: table.deliver(parts.spread), every_s=_DELIVER_S)
    return parts


PARTS: Final = Once(build)
