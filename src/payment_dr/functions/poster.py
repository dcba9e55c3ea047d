"""Scheduled at both sites: posts what the ledger lacks, where the site is active."""

from collections.abc import Mapping
from typing import Any

from payment_dr.adapters.side_by_side import side_by_side
from payment_dr.functions.composition import JOBS, Composition, composition
from payment_dr.functions.jobs import report
from payment_dr.functions.logs import logged
from payment_dr.functions.metrics import Metric, publish
from payment_dr.payments.jobs.poster import Poster, PosterRun


@logged
def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One pass over the unconfirmed records."""
    parts = composition(JOBS)

    def told(run: PosterRun) -> None:
        now = parts.ports.clock.now()
        publish(measured(run, now), site=parts.environment.site, at_s=now)

    return report("poster", poster(parts).run, told)


def poster(parts: Composition) -> Poster:
    """The job over a process's parts."""
    return Poster(
        table=parts.ports.table,
        ledger=parts.ports.ledger,
        control=parts.control_now,
        site=parts.environment.site,
        together=side_by_side,
    )


def measured(run: PosterRun, now: float) -> dict[Metric, float]:
    """How much a failover would have to post; said only by a pass that saw all of it."""
    values: dict[Metric, float] = {Metric.POSTER_RUNS: 1}
    if run.whole:
        values[Metric.UNCONFIRMED] = run.seen
        values[Metric.UNCONFIRMED_AGE] = max(now - (run.oldest_at or now), 0.0)
    return values
