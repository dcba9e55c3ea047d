"""Signals that end a lab: the first becomes an exception, so that everything is undone in order."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
_SIGNAL_STATUS: Final = 128

_Handler = Callable[[int, FrameType | None], None]


class Terminated(SystemExit):
    """SIGTERM or SIGHUP came; the exit status is 128 and the signal's number, as in a shell."""


@contextmanager
def ended_by_signals() -> Generator[None]:
    """SIGTERM and SIGHUP raise `Terminated` in the main thread, as SIGINT raises KeyboardInterrupt.

    Other threads cannot take signals: called there, it changes nothing.
    """
    with _handled(_ENDING, _raise):
        yield


@contextmanager
def deaf() -> Generator[None]:
    """Nothing interrupts the body, which must be short; the guardian bounds it in any case."""
    with _handled((signal.SIGINT, *_ENDING), signal.SIG_IGN):
        yield


def _raise(number: int, frame: FrameType | None) -> None:
    del frame
    raise Terminated(_SIGNAL_STATUS + number)


@contextmanager
def _handled(
    numbers: tuple[signal.Signals, ...], handler: signal.Handlers | _Handler
) -> Generator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
