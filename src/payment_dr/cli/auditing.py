"""Writes what a command does into the audit log: before it does anything, and at its end."""

import getpass
import platform
import uuid
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from payment_dr.adapters.clock import SystemClock
from payment_dr.cli.talk import say
from payment_dr.core.clock import Clock
from payment_dr.core.errors import PaymentDrError, UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.functions.desk import Desk, compose_desk
from payment_dr.functions.environment import Environment
from payment_dr.recovery.audit import AuditEvent, Deed, ended, entry_text, record
from payment_dr.recovery.control import Move


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """What somebody is about to do."""

    command: str
    site: SiteName
    move_id: str
    reason: str = ""
    overrides: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()


class Audited:
    """One deed under way; says how it ended."""

    def __init__(self, desk: Desk, clock: Clock, deed: Deed) -> None:
        self._desk = desk
        self._clock = clock
        self._deed = deed

    def begin(self) -> None:
        """Write that it starts.

        Raises:
            UnavailableError: it could not be written, so nothing is to be done.
        """
        self._write(self._deed)

    def end(self, event: AuditEvent, detail: str) -> None:
        """Write how it ended; what has happened has happened, so a failure is only told."""
        deed = ended(self._deed, event, entry=uuid.uuid4().hex, detail=detail, at=self._clock.now())
        try:
            self._write(deed)
        except UnavailableError as error:
            say(f"warning: the audit log lacks the end of this command: {error.what}")

    def _write(self, deed: Deed) -> None:
        entry = record(self._desk.audit, deed)
        try:
            self._desk.copies.copy_of_audit(entry.number, entry_text(entry))
        except UnavailableError as error:
            say(f"warning: no copy of audit entry {entry.number}: {error.what}")


@contextmanager
def audited(desk: Desk, clock: Clock, intent: Intent) -> Generator[Audited]:
    """The deed, told as refused or unfinished if anything is raised; its end is told last.

    Raises:
        UnavailableError: the log does not answer; nothing was done.
    """
    deed = Deed(
        entry=uuid.uuid4().hex,
        command=intent.command,
        who=operator(),
        identity=desk.identity(),
        host=platform.node(),
        site=intent.site,
        event=AuditEvent.STARTED,
        move_id=intent.move_id,
        reason=intent.reason,
        overrides=intent.overrides,
        approvals=intent.approvals,
        detail="",
        at=clock.now(),
    )
    one = Audited(desk, clock, deed)
    one.begin()
    try:
        yield one
    except PaymentDrError as error:
        refused = error.definite and not isinstance(error, UnavailableError)
        one.end(AuditEvent.REFUSED if refused else AuditEvent.UNFINISHED, error.what)
        raise
    except BaseException as error:
        one.end(AuditEvent.UNFINISHED, f"interrupted: {type(error).__name__}")
        raise


def desk_at(environment: Environment) -> Desk:
    """The desk of a site, for what is done there and moves nothing."""
    return compose_desk(environment, None)


def audited_at(
    environment: Environment,
    command: str,
    about: str,
    desk: Callable[[Environment], Desk] = desk_at,
) -> AbstractContextManager[Audited]:
    """A deed at a site that is part of no move; `about` says to what it is done.

    Raises:
        UnavailableError: the log does not answer; nothing was done.
    """
    intent = Intent(command=command, site=environment.site, move_id="", reason=about)
    return audited(desk(environment), SystemClock(), intent)


def operator() -> str:
    """Who does this: LOGNAME or USER, else the user that the process has."""
    return getpass.getuser()


def approvals_of(move: Move) -> tuple[str, ...]:
    """As the audit log has them."""
    return tuple(f"{approval.by} at {approval.at:.0f}" for approval in move.approvals)
