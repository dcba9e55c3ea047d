"""The chain of a site's reports: each names the SHA-256 of the one before; pure.

Reports are numbered from 1 and written once. A report is sealed by its move's own document
(`move.json`, `superseded.json`), which names its number and its SHA-256; so the last report, which
no other one follows, cannot be changed or taken away unnoticed either. Who may rewrite everything,
reports and seals alike, is not noticed from the files alone: object lock and the run log in the
payments table, which names the SHA-256 too, are there for that.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from pydantic import ValidationError

from payment_dr.core.errors import UnavailableError
from payment_dr.core.stamp import SiteName
from payment_dr.recovery.canonical import canonical, sha256_of, sha256_of_text
from payment_dr.recovery.documents import MOVE_EVIDENCE, SEALS, Filed
from payment_dr.recovery.move_report import MOVE_REPORT, ChainPlace, MoveReport
from payment_dr.recovery.ports import EvidenceStore

_TRIES: Final = 20
_NAME: Final = re.compile(r"[0-9]{8}\.json")


def report_name(number: int) -> str:
    """Under `reports/`."""
    return f"{number:08}.json"


def append(
    store: EvidenceStore,
    site: SiteName,
    move_id: str,
    write: Callable[[ChainPlace], MoveReport],
) -> Filed:
    """File a report as the next one; one of the same move that is the latest already is taken.

    Raises:
        UnavailableError: the store did not answer, or others kept filing.
    """
    for _ in range(_TRIES):
        number, previous = 0, None
        last = store.last_report()
        if last is not None:
            number, body = last
            previous = sha256_of_text(body)
            if MOVE_REPORT.validate_json(body).move.move_id == move_id:
                return Filed(site=site, number=number, sha256=previous)
        place = ChainPlace(site=site, number=number + 1, previous_sha256=previous)
        document = MOVE_REPORT.dump_python(write(place), mode="json")
        if store.file_report(place.number, canonical(document)):
            return Filed(site=site, number=place.number, sha256=sha256_of(document))
    raise UnavailableError(f"others kept filing reports while that of {move_id} was to be filed")


@unique
class ProblemKind(StrEnum):
    """What was done to the evidence, as far as that can be told."""

    CHANGED = "changed"
    MISSING = "missing"
    REORDERED = "reordered"
    INSERTED = "inserted"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One contradiction: of which file, and a sentence with the values that it rests on."""

    kind: ProblemKind
    name: str
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """The evidence of one site as it is found: reports by name, documents by move and name."""

    reports: Mapping[str, str]
    documents: Mapping[tuple[str, str], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A report that can be read, and the SHA-256 that it has."""

    name: str
    report: MoveReport
    sha256: str

    @property
    def number(self) -> int:
        """As the report says."""
        return self.report.chain.number


def verify(kept: Kept) -> tuple[tuple[Link, ...], tuple[Problem, ...]]:
    """The reports in their order, and everything that contradicts the chain."""
    links, problems = _read(kept.reports)
    problems += _sequence(links)
    problems += _successions(links)
    problems += _attachments(links, kept)
    problems += _seals(links, kept)
    return tuple(links), tuple(dict.fromkeys(problems))


def _read(reports: Mapping[str, str]) -> tuple[list[Link], list[Problem]]:
    links: list[Link] = []
    problems: list[Problem] = []
    for name, body in sorted(reports.items()):
        try:
            report = MOVE_REPORT.validate_json(body)
            links.append(Link(name=name, report=report, sha256=sha256_of_text(body)))
        except (ValidationError, ValueError) as error:
            says = f"is no report: {str(error).splitlines()[0]}"
            problems.append(Problem(kind=ProblemKind.UNREADABLE, name=name, says=says))
    return links, problems


def _sequence(links: list[Link]) -> Iterator[Problem]:
    """Each file is named by the number in it, and no number is left out."""
    for link in links:
        if not _NAME.fullmatch(link.name):
            says = "has no number for a name, so it belongs to no chain"
            yield Problem(kind=ProblemKind.INSERTED, name=link.name, says=says)
        elif link.name != report_name(link.number):
            says = f"says that it is number {link.number}"
            yield Problem(kind=ProblemKind.REORDERED, name=link.name, says=says)
    names = {link.name for link in links}
    for number in range(1, max((link.number for link in links), default=0) + 1):
        if report_name(number) not in names:
            says = f"report {number} is not there, and later ones are"
            yield Problem(kind=ProblemKind.MISSING, name=report_name(number), says=says)


def _successions(links: list[Link]) -> Iterator[Problem]:
    by_number = _by_number(links)
    for link in links:
        before = by_number.get(link.number - 1)
        stated = link.report.chain.previous_sha256
        if link.number == 1 and stated is not None:
            says = "says that a report precedes it, and is the first"
            yield Problem(kind=ProblemKind.INSERTED, name=link.name, says=says)
        if before is not None and stated != before.sha256:
            says = f"has SHA-256 {before.sha256}, and {link.name} was written after {stated}"
            yield Problem(kind=ProblemKind.CHANGED, name=before.name, says=says)


def _attachments(links: list[Link], kept: Kept) -> Iterator[Problem]:
    """What the reports name is there as it was."""
    for link in links:
        move_id = link.report.move.move_id
        for name, stated in link.report.attachments.items():
            path = f"moves/{move_id}/{name}"
            body = kept.documents.get((move_id, name))
            if body is None:
                says = f"is not there, and {link.name} names it"
                yield Problem(kind=ProblemKind.MISSING, name=path, says=says)
            elif _digest(body) != stated:
                says = f"is not what {link.name} names: {stated}"
                yield Problem(kind=ProblemKind.CHANGED, name=path, says=says)


def _seals(links: list[Link], kept: Kept) -> Iterator[Problem]:
    """Every sealed report is there as it was, and every report is sealed."""
    by_number = _by_number(links)
    sealed: dict[str, int] = {}
    for (move_id, name), body in sorted(kept.documents.items()):
        if name not in SEALS:
            continue
        path = f"moves/{move_id}/{name}"
        try:
            filed = MOVE_EVIDENCE.validate_json(body).report
        except ValidationError as error:
            says = f"is no evidence of a move: {str(error).splitlines()[0]}"
            yield Problem(kind=ProblemKind.UNREADABLE, name=path, says=says)
            continue
        if filed is None:
            continue  # from before there were reports
        sealed[move_id] = filed.number
        yield from _sealed(by_number.get(filed.number), filed, path)
    for link in links:
        if link.number > sealed.get(link.report.move.move_id, 0):
            says = f"is named by no document of move {link.report.move.move_id}"
            yield Problem(kind=ProblemKind.INSERTED, name=link.name, says=says)


def _sealed(link: Link | None, filed: Filed, path: str) -> Iterator[Problem]:
    name = report_name(filed.number)
    if link is None:
        says = f"is not there, and {path} names it"
        yield Problem(kind=ProblemKind.MISSING, name=name, says=says)
    elif link.sha256 != filed.sha256:
        says = f"has SHA-256 {link.sha256}, and {path} names {filed.sha256}"
        yield Problem(kind=ProblemKind.CHANGED, name=name, says=says)


def _by_number(links: list[Link]) -> dict[int, Link]:
    """Of two with one number, the one that is named by it."""
    named = [link for link in links if link.name == report_name(link.number)]
    return {link.number: link for link in (*links, *named)}


def _digest(body: str) -> str | None:
    try:
        return sha256_of_text(body)
    except json.JSONDecodeError:
        return None
