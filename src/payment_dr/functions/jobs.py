"""What the scheduled functions share: one line of the log per run, and a document to return."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final, TypeVar

from payment_dr.payments.jobs.confirmer import ConfirmerRun
from payment_dr.payments.jobs.expirer import ExpirerRun
from payment_dr.payments.jobs.poster import PosterRun
from payment_dr.payments.jobs.sweeper import SweeperRun

_LOG: Final = logging.getLogger(__name__)


_Run = TypeVar("_Run", PosterRun, ConfirmerRun, SweeperRun, ExpirerRun)


def report(
    job: str, run: Callable[[], _Run], then: Callable[[_Run], None] = lambda _run: None
) -> dict[str, Any]:
    """Run a job once, then do something with what came of it, as publishing its metrics.

    What it raises is left to the platform, which counts and alarms.
    """
    done = run()
    result = asdict(done)
    _LOG.info(job, extra={"fields": result})
    then(done)
    return result
