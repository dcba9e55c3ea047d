"""What the scheduled functions share: one line of the log per run, and a document to return."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from payment_dr.payments.jobs.confirmer import ConfirmerRun
from payment_dr.payments.jobs.poster import PosterRun
from payment_dr.payments.jobs.sweeper import SweeperRun

_LOG: Final = logging.getLogger(__name__)


def report(job: str, run: Callable[[], PosterRun | ConfirmerRun | SweeperRun]) -> dict[str, Any]:
    """Run a job once; what it raises is left to the platform, which counts and alarms."""
    result = asdict(run())
    _LOG.info(job, extra={"fields": result})
    return result
