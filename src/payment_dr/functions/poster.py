"""Scheduled at both sites: posts what the ledger lacks, where the site is active."""

from collections.abc import Mapping
from typing import Any

from payment_dr.functions.composition import JOBS, Composition, composition
from payment_dr.functions.jobs import report
from payment_dr.payments.jobs.poster import Poster


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One pass over the unconfirmed records."""
    return report("poster", poster(composition(JOBS)).run)


def poster(parts: Composition) -> Poster:
    """The job over a process's parts."""
    return Poster(
        table=parts.ports.table,
        ledger=parts.ports.ledger,
        control=parts.control_now,
        site=parts.environment.site,
    )
