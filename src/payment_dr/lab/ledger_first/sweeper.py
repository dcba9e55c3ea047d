"""Scheduled at both sites: finishes what crashed handlers left pending, where the writer is.

At the other site nothing can be taken over, so nothing is sent to the provider.
"""

from collections.abc import Mapping
from typing import Any

from payment_dr.functions.composition import JOBS
from payment_dr.functions.jobs import report
from payment_dr.functions.sweeper import sweeper
from payment_dr.lab.ledger_first.composition import composition


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """One pass over the open operations."""
    return report("sweeper", sweeper(composition(JOBS)).run)
