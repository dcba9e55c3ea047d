"""Running an engine: its messages as events while it works, and an end in good order.

Ctrl-C, SIGTERM or the loss of the terminal interrupt the engine once, and its end is awaited
however often they come: an engine that is ended by force leaves resources that no state knows.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final, assert_never

from payment_dr.core.errors import PaymentDrError
from payment_dr.infra.engine import Engine, engine_environment
from payment_dr.infra.engine_events import (
    Began,
    Continues,
    Diagnosed,
    Event,
    Failed,
    Finished,
    Said,
    Severity,
    Stopping,
    parse,
)
from payment_dr.infra.engine_hints import remedy_for

LONGEST_S: Final = 4 * 3600.0
"""Longest time of one run. The provider itself gives a cluster two hours."""
PATIENCE_S: Final = 1800.0
"""How long an interrupted engine may take to end what it has begun and to save its state."""
READ_S: Final = 300.0
"""Longest time of what only reads: outputs, a plan, the configuration."""

_LAST_WORDS: Final = 20
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Listener = Callable[[Event], None]


class EngineError(PaymentDrError):
    """The engine did not do what it was asked; `diagnostics` are its own words."""

    def __init__(
        self, what: str, *, remedy: str = "", diagnostics: tuple[Diagnosed, ...] = ()
    ) -> None:
        super().__init__(what, remedy=remedy, definite=True)
        self.diagnostics = diagnostics


class InterruptedRunError(EngineError):
    """It was interrupted from outside, and ended in good order: what it made is in its state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A run's end.

    Attributes:
        code: the engine's exit code.
        interrupted: whether it was asked to stop.
        diagnostics: its errors and warnings.
        failed: addresses of the resources that failed.
        said: its last other lines.
    """

    code: int
    interrupted: bool
    diagnostics: tuple[Diagnosed, ...]
    failed: tuple[str, ...]
    said: tuple[str, ...]

    def error(self, what: str) -> EngineError:
        """The error of this run; `what` names it, e.g. `plan of west`."""
        errors = tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)
        told = [str(d) for d in errors] or list(self.said) or [f"exit code {self.code}"]
        text = "\n".join(f"  {line}" for part in told for line in part.splitlines())
        if self.interrupted:
            return InterruptedRunError(f"{what} was interrupted:\n{text}", diagnostics=errors)
        return EngineError(f"{what} failed:\n{text}", remedy=remedy_for(errors), diagnostics=errors)


@dataclass(kw_only=True, slots=True)
class _Heard:
    """What was heard so far."""

    diagnostics: list[Diagnosed] = field(default_factory=list[Diagnosed])
    failed: list[str] = field(default_factory=list[str])
    said: list[str] = field(default_factory=list[str])

    def __call__(self, event: Event) -> None:
        match event:
            case Diagnosed():
                self.diagnostics.append(event)
            case Failed():
                self.failed.append(event.address)
            case Said():
                self.said = [*self.said, event.text][-_LAST_WORDS:]
            case Began() | Continues() | Finished() | Stopping():
                pass
            case unreachable:
                assert_never(unreachable)


def run(
    engine: Engine,
    directory: Path,
    arguments: Sequence[str],
    *,
    listen: Listener,
    longest_s: float = LONGEST_S,
) -> Ended:
    """Run a command that takes `-json`, to its end; `listen` hears each event as it comes.

    Args:
        engine: which.
        directory: of the configuration.
        arguments: of the engine, e.g. `["plan", "-json"]`.
        listen: what it raises stops the engine in good order, and is then raised.
        longest_s: then it is interrupted, as by Ctrl-C.
    """
    heard = _Heard()
    command = _line(engine, directory, arguments)
    keeper = [sys.executable, "-m", "payment_dr.infra.engine_keeper", str(longest_s)]
    with subprocess.Popen(  # noqa: S603 - an engine of the user's PATH
        [*keeper, str(PATIENCE_S), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=engine_environment(engine.environment),
        # A terminal's Ctrl-C reaches this command alone, which passes it on once.
        start_new_session=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        stop = _Stop(process)
        with _told_by_signals(stop):
            _hear(process, (heard, listen), stop)
    return Ended(
        code=process.returncode,
        interrupted=stop.asked,
        diagnostics=tuple(heard.diagnostics),
        failed=tuple(heard.failed),
        said=tuple(line for line in heard.said if line),
    )


def read(engine: Engine, directory: Path, arguments: Sequence[str]) -> bytes:
    """Standard output of a command that changes nothing.

    Raises:
        EngineError: it failed or took too long.
    """
    what = f"{engine.name} {arguments[0]} in {directory.name}"
    try:
        answer = subprocess.run(  # noqa: S603 - an engine of the user's PATH
            _line(engine, directory, arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=engine_environment(engine.environment),
            timeout=READ_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{what} gave no answer in {READ_S:g} s") from error
    if answer.returncode != 0 and not answer.stdout:
        raise EngineError(f"{what} failed:\n{answer.stderr.decode(errors='replace').strip()}")
    return answer.stdout


class _Stop:
    """Asks the keeper to interrupt the engine, once, by ending its standard input."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._told = False
        self.asked = False

    def __call__(self) -> None:
        if not self.asked and self._process.stdin is not None:
            self.asked = True
            self._process.stdin.close()

    def untold(self) -> bool:
        """Whether it was asked, the first time that this is called since then."""
        news = self.asked and not self._told
        self._told = self._told or news
        return news


def _line(engine: Engine, directory: Path, arguments: Sequence[str]) -> list[str]:
    return [*engine.command, f"-chdir={directory}", *arguments]


def _hear(process: "subprocess.Popen[str]", listeners: tuple[Listener, ...], stop: _Stop) -> None:
    """Read to the end; when a listener raises, stop the engine and read on before raising."""
    raised: BaseException | None = None
    for line in process.stdout or ():
        # Said from here: a signal's handler may not write, it may have interrupted a write.
        news = (Stopping(),) if stop.untold() else ()
        for event in (*news, parse(line)):
            for listen in listeners:
                try:
                    listen(event)
                # pylint: disable-next=broad-exception-caught; raised below, after the engine's end
                except BaseException as error:  # noqa: BLE001 - as above
                    raised = raised or error
                    stop()
    process.wait()
    if raised is not None:
        raise raised


@contextmanager
def _told_by_signals(stop: Callable[[], None]) -> Generator[None]:
    """Signals stop the engine instead of this process; only the main thread can take them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
