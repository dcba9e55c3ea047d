"""The audit log: who did what, when, with which approval or override; append-only.

Entries are numbered from 1, written once, and each names the SHA-256 of the one before. So an entry
that was changed or taken away is noticed; who may rewrite all of them is not, and that is what the
copies in the evidence buckets, under object lock, are compared for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from itertools import pairwise
from typing import Final, Protocol

from pydantic import TypeAdapter

from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.recovery.canonical import canonical, sha256_of
from payment_dr.recovery.evidence_chain import Problem, ProblemKind, report_name

_TRIES: Final = 20


@unique
class AuditEvent(StrEnum):
    """STARTED is written before anything else is; one of the others follows unless it died."""

    STARTED = "started"
    FINISHED = "finished"
    UNFINISHED = "unfinished"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """What somebody did with a command.

    Attributes:
        entry: unique name, by which a write that is in doubt is told from somebody else's.
        command: as typed, e.g. `failover`.
        who: the operating system's name of the user.
        identity: as AWS authenticated it; None where nobody was asked.
        host: where the command ran.
        site: that becomes or stays active by it; of what is no move, where it was done.
        event: before, or how it ended.
        move_id: that it is about; empty if there is none.
        reason: in the user's words; of what is no move, to what it was done.
        overrides: what the user took upon themselves, by name.
        approvals: of the move, as `who at Unix seconds`.
        detail: what came of it.
        at: Unix seconds.
    """

    entry: str
    command: str
    who: str
    identity: str | None
    host: str
    site: SiteName
    event: AuditEvent
    move_id: str
    reason: str
    overrides: tuple[str, ...]
    approvals: tuple[str, ...]
    detail: str
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """A deed at its place in the log."""

    number: int
    previous_sha256: str | None
    deed: Deed


AUDIT_ENTRY: Final = TypeAdapter(AuditEntry)


class AuditLog(Protocol):
    """The log in the payments table, so that both sites see it."""

    def last(self) -> tuple[int, AuditEntry | None]:
        """The latest number, 0 before the first, and its entry unless somebody took it away."""
        ...

    def append(self, entry: AuditEntry) -> bool:
        """Write it under its number, once and for all; False if there is one already."""
        ...

    def entries(self) -> Mapping[int, AuditEntry]:
        """All of them by number, strongly read; a number that is missing is missing there."""
        ...


def entry_sha256(entry: AuditEntry) -> str:
    """Of the canonical JSON."""
    return sha256_of(AUDIT_ENTRY.dump_python(entry, mode="json"))


def entry_text(entry: AuditEntry) -> str:
    """The canonical JSON."""
    return canonical(AUDIT_ENTRY.dump_python(entry, mode="json"))


def record(log: AuditLog, deed: Deed) -> AuditEntry:
    """Append a deed; a write whose answer was lost is found by its name and not made twice.

    Raises:
        UnavailableError: the log did not answer, or others kept writing to it.
    """
    doubt: UnavailableError | None = None
    for _ in range(_TRIES):
        number, last = log.last()
        if last is not None and last.deed.entry == deed.entry:
            return last
        if doubt is not None:
            raise doubt
        entry = AuditEntry(
            number=number + 1,
            previous_sha256=None if last is None else entry_sha256(last),
            deed=deed,
        )
        try:
            if log.append(entry):
                return entry
        except UnavailableError as error:
            if error.definite:
                raise
            doubt = error
    raise UnavailableError(f"others kept writing to the audit log while {deed.command} was to be")


def verify_log(entries: Mapping[int, AuditEntry]) -> tuple[Problem, ...]:
    """Everything that contradicts an append-only log."""
    problems: list[Problem] = []
    for number in range(1, max(entries, default=0) + 1):
        if number not in entries:
            says = f"entry {number} is not there, and later ones are"
            problems.append(Problem(kind=ProblemKind.MISSING, name=_name(number), says=says))
    ordered = [entries[number] for number in sorted(entries)]
    for number, entry in sorted(entries.items()):
        if entry.number != number:
            says = f"says that it is number {entry.number}"
            problems.append(Problem(kind=ProblemKind.REORDERED, name=_name(number), says=says))
    for before, entry in pairwise(ordered):
        follows = entry.number == before.number + 1
        if follows and entry.previous_sha256 != entry_sha256(before):
            says = f"is not what entry {entry.number} was written after"
            problems.append(Problem(kind=ProblemKind.CHANGED, name=_name(before.number), says=says))
    return tuple(problems)


def compare_copies(
    entries: Mapping[int, AuditEntry], copies: Sequence[AuditEntry], place: str
) -> tuple[Problem, ...]:
    """Copies that the log does not have, or has otherwise."""
    found: list[Problem] = []
    for copy in copies:
        stands = entries.get(copy.number)
        if stands is None:
            says = f"is in {place} and not in the payments table"
            found.append(Problem(kind=ProblemKind.MISSING, name=_name(copy.number), says=says))
        elif stands != copy:
            says = f"in {place} is not what stands in the payments table"
            found.append(Problem(kind=ProblemKind.CHANGED, name=_name(copy.number), says=says))
    return tuple(found)


def ended(deed: Deed, event: AuditEvent, *, entry: str, detail: str, at: float) -> Deed:
    """The same deed at its end."""
    return replace(deed, entry=entry, event=event, detail=detail, at=at)


def _name(number: int) -> str:
    return f"audit/{report_name(number)}"
