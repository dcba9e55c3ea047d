"""What takes seconds is made once for all workers of a test run, and kept for none after it."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The directory that `make` fills; whoever comes first makes it, the others wait for it.

    Nobody may change what is in it.
    """
    base = factory.getbasetemp()
    # Workers of xdist have directories beside each other, in that of the run.
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    target = run / f"shared-{name}"
    with (run / f"shared-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            partial = run / f"shared-{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)  # of one whose making failed
            partial.mkdir()
            make(partial)
            partial.rename(target)
    return target
