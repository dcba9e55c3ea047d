"""The history as it happens: a line when an operation begins and one when it ends."""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final, Self

from payment_dr.adapters.evidence_files import history_line
from payment_dr.checks.evidence import EventType, HistoryEvent
from payment_dr.core.errors import PaymentDrError
from payment_dr.lab.load.client import Outcome
from payment_dr.lab.load.workload import Operation

FLUSH_EVERY_S: Final = 0.05


class History:
    """Writes `history.jsonl`; what a crash of this process can lose is FLUSH_EVERY_S old.

    Args:
        path: the file; an existing one is replaced.
        now_ns: Unix time in nanoseconds.

    Raises:
        PaymentDrError: the file cannot be opened or, in `flush`, written.
    """

    def __init__(self, path: Path, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._path = path
        with self._naming():
            self._file = path.open("wb")
        self._now_ns = now_ns
        self._lines: list[bytes] = []
        self._processes = count()
        self._index = count()
        self.ends = dict.fromkeys(EventType, 0)

    def begin(self, operation: Operation, *, time_ns: int | None = None) -> int:
        """Write that the operation begins, now or when it was due; returns its process id."""
        process = next(self._processes)
        self._add(
            HistoryEvent(
                index=next(self._index),
                process=process,
                type=EventType.INVOKE,
                f=operation.function,
                key=operation.key,
                request=operation.request,
                payment_id=operation.payment_id,
                amount=operation.amount,
                currency=operation.currency,
                status=None,
                http_status=0,
                replayed=False,
                site=None,
                time_ns=self._now_ns() if time_ns is None else time_ns,
                merchant=operation.merchant,
            )
        )
        return process

    def end(self, process: int, operation: Operation, outcome: Outcome) -> None:
        """Write how the operation ended."""
        self.ends[outcome.type] += 1
        self._add(
            HistoryEvent(
                index=next(self._index),
                process=process,
                type=outcome.type,
                f=operation.function,
                key=operation.key,
                request=operation.request,
                payment_id=outcome.payment_id,
                amount=outcome.amount,
                currency=outcome.currency,
                status=outcome.status,
                http_status=outcome.http_status,
                replayed=outcome.replayed,
                site=outcome.site,
                time_ns=self._now_ns(),
                merchant=operation.merchant,
            )
        )

    def flush(self) -> None:
        """Hand every line to the kernel."""
        with self._naming():
            self._file.writelines(self._lines)
            self._lines.clear()
            self._file.flush()

    async def flush_for_ever(self) -> None:
        """Flush again and again."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._naming(), self._file:
            self._file.writelines(self._lines)

    @contextmanager
    def _naming(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise PaymentDrError(
                f"history {self._path} cannot be written: {error.strerror}"
            ) from error

    def _add(self, event: HistoryEvent) -> None:
        self._lines.append(history_line(event))
