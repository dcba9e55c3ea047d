"""Actors interleaved effect by effect, in an order that a tape of bytes decides.

Each actor is a thread, but only one runs at any moment: it holds the baton, and gives it back at
the gate before each effect. So code under test runs unchanged, pauses anywhere for as long as
the tape says, and the same tape gives the same run.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Final, TypeVar

from fakes.faults import Crash, Fault, suffer
from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName

T = TypeVar("T")

_FAULTS: Final = tuple(fault for fault in Fault if fault is not Fault.NONE)
_FAULTS_OF_256: Final = 40
_CAN_BE_LATE: Final = frozenset({"put", "replace", "post", "perform"})
_STEP_TIMEOUT_S: Final = 30


class Tape:
    """Choices out of bytes; at its end every choice is 0: nothing fails, nothing else happens."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    @property
    def ended(self) -> bool:
        return self._position >= len(self._content)

    def extend(self, content: bytes) -> None:
        """Go on after the end."""
        self._content += content

    def choose(self, options: int) -> int:
        if self.ended:
            return 0
        self._position += 1
        return self._content[self._position - 1] % options


class Actor:
    """A thread that runs when it is given the baton; `site` is where its code runs at present."""

    def __init__(self, name: str, body: Callable[[], None]) -> None:
        self.name = name
        self.site: SiteName | None = None
        self.doomed = False
        self.done = False
        self.error: BaseException | None = None
        self._go: SimpleQueue[None] = SimpleQueue()
        self._back: SimpleQueue[None] = SimpleQueue()
        self._body = body
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._go.get()
        try:
            if not self.doomed:
                self._body()
        except Crash:
            pass
        except BaseException as error:  # noqa: BLE001  # pylint: disable=W0718  # `step` raises it
            self.error = error
        self.done = True
        self._back.put(None)

    def step(self) -> None:
        """Let it run to its next effect or its end."""
        self._go.put(None)
        self._back.get(timeout=_STEP_TIMEOUT_S)
        if self.done:
            self._thread.join()
        if self.error is not None:
            raise self.error

    def pause(self) -> None:
        """In the actor's own thread: give the baton back and wait for it."""
        self._back.put(None)
        self._go.get()
        if self.doomed:
            self.doomed = False
            raise Crash


class Scheduler:
    """Steps one actor at a time; its gate pauses the running one and deals out faults."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.actors: list[Actor] = []
        self.running: Actor | None = None
        self.isolated: set[SiteName] = set()
        self._late: list[Callable[[], object]] = []

    def spawn(self, name: str, body: Callable[[], None]) -> None:
        """Start an actor unless one of that name still runs."""
        if all(actor.name != name for actor in self.actors):
            self.actors.append(Actor(name, body))

    def at(self, site: SiteName | None) -> None:
        """In an actor's own thread: from here on its code runs at `site`."""
        if self.running is not None:
            self.running.site = site

    def step(self, choice: int) -> None:
        """Step one of the actors, if there is any."""
        if not self.actors:
            return
        actor = self.actors[choice % len(self.actors)]
        self.running = actor
        try:
            actor.step()
        finally:
            self.running = None
            if actor.done:
                self.actors.remove(actor)

    def doom(self, site: SiteName) -> None:
        """Whatever runs at the site dies before its next effect."""
        for actor in self.actors:
            actor.doomed = actor.doomed or actor.site == site

    def deliver(self, choice: int) -> None:
        """One of the late effects arrives after all."""
        if self._late:
            with suppress(UnavailableError):
                self._late.pop(choice % len(self._late))()

    def deliver_all(self) -> None:
        while self._late:
            self.deliver(0)

    def close(self) -> None:
        """End every thread."""
        while self.actors:
            self.actors[0].doomed = True
            self.step(0)

    def gate(self, effect: str, act: Callable[[], T], /) -> T:
        """Satisfies `fakes.faults.Gate`."""
        actor = self.running
        if actor is None:
            return act()
        actor.pause()
        if actor.site is None:
            return act()
        return suffer(self._fault(actor.site, effect), effect, act, self._late)

    def _fault(self, site: SiteName, effect: str) -> Fault:
        draw = self.tape.choose(256)
        if site in self.isolated and effect not in {"post", "view"}:
            return Fault.LOST_REQUEST
        if draw < 256 - _FAULTS_OF_256:
            return Fault.NONE
        fault = _FAULTS[draw % len(_FAULTS)]
        return Fault.LOST_REQUEST if fault is Fault.LATE and effect not in _CAN_BE_LATE else fault
