"""Scheduled at both sites: finishes what crashed handlers left pending."""

from collections.abc import Mapping
from typing import Any

from payment_dr.functions.composition import JOBS, Composition, composition
from payment_dr.functions.jobs import report
from payment_dr.payments.jobs.sweeper import Sweeper


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One pass over the open operations."""
    return report("sweeper", sweeper(composition(JOBS)).run)


def sweeper(parts: Composition) -> Sweeper:
    """The job over a process's parts."""
    return Sweeper(
        table=parts.ports.table,
        service=parts.service,
        clock=parts.ports.clock,
        spread=parts.spread,
        budget_s=parts.environment.settings.payments.job_interval_s,
    )
