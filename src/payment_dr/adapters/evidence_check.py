"""Checks a run directory; a large one on two cores, since the checker has two separate parts."""

import gc
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from payment_dr.adapters.evidence_files import read_evidence
from payment_dr.checks.checker import CheckResult, check, check_books, check_service, joined
from payment_dr.checks.evidence import SourceName
from payment_dr.checks.verdict import Claim

LARGE: Final = 32 * 1024 * 1024
"""Bytes of evidence from which a second process pays for its start."""


def check_directory(directory: Path, *, large: int = LARGE) -> CheckResult:
    """Check what a run left behind.

    Args:
        directory: as `payment-dr drill` writes it.
        large: bytes of evidence from which two processes are used.

    Raises:
        EvidenceError: a file is malformed, or the directory is none of a run.
    """
    evidence = read_evidence(directory)
    paths = [directory / name for name in SourceName]
    if sum(path.stat().st_size for path in paths if path.is_file()) < large:
        return check(evidence)
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        books = pool.submit(_books, directory)
        with _no_cycles():
            service = check_service(evidence)
        return joined(service, books.result())


def _books(directory: Path) -> tuple[Claim, ...]:
    with _no_cycles():
        return check_books(read_evidence(directory))


@contextmanager
def _no_cycles() -> Generator[None]:
    """The checker makes no reference cycles, and looking for them in its rows costs a third."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
