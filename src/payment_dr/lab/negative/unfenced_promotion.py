"""Negative control: a site holds itself to be the writer because its database takes writes.

That is true of an old writer after a failover as well. Handlers post whenever the local database
is writable, under whatever stamp they find in it, and so does a poster of their own, in the same
process; the control record is not asked who is active. The promotion is not fenced: two ledgers
grow apart.

Must break: `lost-by-ledger-were-unconfirmed`. When the cut-off site can read the payments table
again, its poster finds everything accepted at the other site since, and posts it to the old
ledger. So the old ledger has entries that reconciliation never saw, and the claim that tells
what a failover may lose is false.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from payment_dr.functions.api import answer
from payment_dr.functions.composition import API, Composition, composition
from payment_dr.lab.negative.parts import Once, repeat, with_ports
from payment_dr.lab.negative.unfenced_ledger import UnfencedLedger, always_active
from payment_dr.payments.jobs.poster import Poster

_POST_S: Final = 0.5
"""Pause between two runs of the poster: there is a second between healing and the rebuild."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer one API Gateway event, and post without being fenced."""
    return answer(PARTS(), event)


def unfenced(parts: Composition) -> tuple[Composition, Poster]:
    """The parts without a fence, and a poster without one."""
    site = parts.environment.site
    ledger = UnfencedLedger(parts.ports.ledger)
    control = always_active(parts.ports.control, site)
    ports = replace(parts.ports, ledger=ledger, control=control)
    poster = Poster(
        table=parts.ports.table,
        ledger=ledger,
        control=always_active(parts.control_now, site),
        site=site,
    )
    return with_ports(parts, ports, owner="unfenced-promotion"), poster


def build() -> Composition:
    """The parts of this process, with the thread that works behind them."""
    parts, poster = unfenced(composition(API))
    repeat("unfenced-poster", poster.run, every_s=_POST_S)
    return parts


PARTS: Final = Once(build)
