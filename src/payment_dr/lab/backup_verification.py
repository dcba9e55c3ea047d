"""Verification of a lab's backups: the function's own passes, over backups that are restored here.

On AWS a schedule calls the function every five minutes. In a lab it is run when somebody asks, by
the lab's supervisor, for a restored server is a process of the lab. Its metrics go where those of
functions go: into a log of the lab's directory.
"""

import logging
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from payment_dr.functions.backup_verification import one_pass, ports_of
from payment_dr.functions.environment import environment_from
from payment_dr.functions.logs import LogFormatter
from payment_dr.lab.backups import LabBackups

_LOG: Final = logging.getLogger("payment_dr.functions")
_PASSES: Final = threading.Lock()


def advance(
    backups: LabBackups, environment: Mapping[str, str], run: str, logs: Path
) -> dict[str, Any]:
    """One pass over a site's backups, which are brought up to date before a run begins.

    Args:
        backups: of the site.
        environment: of its functions.
        run: the verification to bring closer to its end.
        logs: directory of the lab's logs.

    Raises:
        PaymentDrError: something did not answer; the next pass goes on.
    """
    ports = replace(ports_of(environment_from(environment)), source=backups)
    with _PASSES, _logged(logs / "backup-verification.log"):
        if not backups.restorations() and not ports.evidence.of(run):
            backups.keep()
        return one_pass(ports, run)


@contextmanager
def _logged(path: Path) -> Generator[None]:
    """Have what functions log meanwhile in a file."""
    handler = logging.FileHandler(path)
    handler.setFormatter(LogFormatter())
    level = _LOG.level
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        _LOG.setLevel(level)
        _LOG.removeHandler(handler)
        handler.close()
