"""Scheduled at both sites: confirms what its replica of the ledger holds, where it is standby."""

from collections.abc import Mapping
from typing import Any

from payment_dr.functions.composition import JOBS, Composition, composition
from payment_dr.functions.jobs import report
from payment_dr.functions.logs import logged
from payment_dr.functions.metrics import Metric, publish
from payment_dr.payments.jobs.confirmer import Confirmer, ConfirmerRun


@logged
def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One pass over the unconfirmed records."""
    parts = composition(JOBS)

    def told(_run: ConfirmerRun) -> None:
        now = parts.ports.clock.now()
        publish({Metric.CONFIRMER_RUNS: 1}, site=parts.environment.site, at_s=now)

    return report("confirmer", confirmer(parts).run, told)


def confirmer(parts: Composition) -> Confirmer:
    """The job over a process's parts; the control record must be read anew after each snapshot."""
    return Confirmer(
        table=parts.ports.table,
        ledger=parts.ports.ledger,
        control=parts.control_now,
        site=parts.environment.site,
        clock=parts.ports.clock,
        spread=parts.spread,
    )
