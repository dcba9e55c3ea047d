"""How deployments look on a terminal: progress, reminders, ends. Talk goes to stderr."""

import shutil
import sys
import time
from typing import Final, TextIO, assert_never

import typer

from payment_dr.cli.plan_view import plan_text
from payment_dr.cli.talk import duration, interactive, say
from payment_dr.core.errors import PaymentDrError
from payment_dr.infra.deployment import Done, Planned
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
)
from payment_dr.infra.engine_stack import PlanResult
from payment_dr.infra.expected_times import Expected, expected

_PAST: Final = {"create": "created", "update": "changed", "delete": "destroyed"}
_REMINDER_S: Final = 60
"""Without a terminal, what is still at work is said each minute."""
_WORD_COLOURS: Final = {"FAILED": typer.colors.RED, "begins": typer.colors.BLUE}
_CLEAR: Final = "\r\x1b[K"


class Watch:
    """The audience of a deployment: says everything, asks before each stack.

    Args:
        yes: do not ask.
        out: where plans are written.
    """

    def __init__(self, *, yes: bool, out: TextIO) -> None:
        self._yes = yes
        self._out = out
        self._times: dict[str, Expected] = {}
        self._at_work: dict[str, float] = {}
        self._total = 0
        self._ended = 0
        self._failed = 0
        self._start = time.monotonic()
        self._live = sys.stderr.isatty()

    def began(self, stack: str, number: int, total: int) -> None:
        """Say whose turn it is."""
        self._times, self._at_work = {}, {}
        self._total = self._ended = self._failed = 0
        say(f"\n{typer.style(stack, bold=True) if self._live else stack}  ({number} of {total})")
        say("  planning")

    def planned(self, planned: Planned) -> None:
        """Show the plan."""
        self._total = len(planned.plan.changes)
        self._out.write(plan_text(planned, colour=self._out.isatty()))
        self._out.flush()

    def applies(self, plan: PlanResult) -> None:
        """Say that it begins, and how long what is slow usually takes."""
        self._times, self._at_work = expected(plan.changes), {}
        self._total, self._ended, self._failed = len(plan.changes), 0, 0
        self._start = time.monotonic()
        say(f"  applying the plan of {plan.stack}")

    def confirms(self, planned: Planned) -> bool:
        """Ask, unless told not to."""
        if self._yes:
            return True
        confirmable("changes would be applied")
        return typer.confirm(f"  Apply this to {planned.plan.stack}?", err=True)

    def hears(self, event: Event) -> None:
        """Say what matters of it; on a terminal the last line tells what is at work."""
        match event:
            case Began():
                self._begins(event)
            case Continues():
                self._continues(event)
            case Finished() | Failed():
                self._ends(event)
            case Stopping():
                self._say(
                    "  stopping: the engine ends what it has begun and saves its state; "
                    "this may take minutes, pressing again does nothing"
                )
            case Diagnosed():
                if event.severity is Severity.WARNING:
                    self._say("  warning: " + str(event).replace("\n", "\n    "))
            case Said():
                pass
            case unreachable:
                assert_never(unreachable)
        self._draw()

    def done(self, done: Done) -> None:
        """Say that a stack is as configured."""
        self._at_work = {}
        self._say(
            f"  {done.stack} is done in {duration(done.seconds)}"
            + ("" if done.changed else ", nothing had to be changed")
        )

    def so_far(self) -> str:
        """How much of the latest stack is done; for one that ended early."""
        return f"{self._ended - self._failed} of {self._total} changes"

    def _begins(self, event: Began) -> None:
        self._at_work[event.address] = 0.0
        usual = self._times.get(event.address)
        if usual is not None:
            self._line("begins", event.address, f"usually {usual}")

    def _continues(self, event: Continues) -> None:
        before = self._at_work.get(event.address, 0.0)
        self._at_work[event.address] = event.elapsed_s
        if not self._live and event.elapsed_s // _REMINDER_S > before // _REMINDER_S:
            self._line("at work", event.address, self._compared(event.address))

    def _ends(self, event: Finished | Failed) -> None:
        self._at_work.pop(event.address, None)
        self._ended += 1
        took = duration(event.elapsed_s)
        if isinstance(event, Failed):
            self._failed += 1
            self._line("FAILED", event.address, f"after {took}")
        else:
            word = _PAST.get(event.action, event.action)
            self._line(word, event.address, f"{took}  [{self._ended}/{self._total}]")

    def _line(self, word: str, address: str, detail: str) -> None:
        shown = (
            typer.style(f"{word:9}", fg=_WORD_COLOURS.get(word, typer.colors.GREEN))
            if self._live
            else f"{word:9}"
        )
        self._say(f"  {self._clock()}  {shown} {address}  {detail}")

    def _compared(self, address: str) -> str:
        """How long it has been at work, against what is usual."""
        elapsed = self._at_work[address]
        usual = self._times.get(address)
        if usual is None:
            return duration(elapsed)
        if elapsed > usual.minutes[1] * _REMINDER_S:
            return f"{duration(elapsed)}, longer than the usual {usual.range}"
        return f"{duration(elapsed)} of usually {usual.range}"

    def _clock(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        return f"{minutes:3}:{seconds:02}"

    def _say(self, sentence: str) -> None:
        say(f"{_CLEAR}{sentence}" if self._live else sentence)

    def _draw(self) -> None:
        if not self._live:
            return
        sys.stderr.write(_CLEAR)
        if self._at_work:
            longest = max(self._at_work, key=self._at_work.__getitem__)
            others = len(self._at_work) - 1
            text = f"  {self._clock()}  at work: {longest} {self._compared(longest)}"
            room = (
                shutil.get_terminal_size().columns
                - len(more := f" (+{others})" if others else "")
                - 1
            )
            sys.stderr.write(typer.style(text[:room] + more, dim=True))
        sys.stderr.flush()


def confirmable(what: str) -> None:
    """Raise PaymentDrError if nobody is there to be asked; `what` is what would happen."""
    if not interactive():
        raise PaymentDrError(f"{what}, and nobody is there to confirm it", remedy="give --yes")
