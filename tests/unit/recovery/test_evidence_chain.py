"""The chain of reports: each thing that somebody may do to it is planted, and found."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from fakes.recovery_world import SETTINGS, FakeWorld, to_east, to_west
from payment_dr.core.errors import UnavailableError
from payment_dr.recovery.canonical import canonical, sha256_of
from payment_dr.recovery.control import MoveKind
from payment_dr.recovery.evidence_chain import (
    Kept,
    ProblemKind,
    append,
    report_name,
    verify,
)
from payment_dr.recovery.move_report import MOVE_REPORT
from payment_dr.recovery.runner import Completed, start


def three_moves() -> FakeWorld:
    fake = FakeWorld()
    for request in (
        to_west(MoveKind.SWITCHOVER, "m1"),
        to_east(MoveKind.FAILBACK, "m2"),
        to_west(MoveKind.SWITCHOVER, "m3"),
    ):
        assert isinstance(start(fake.ports(), request, SETTINGS), Completed)
    return fake


class Evidence:
    """Three reports as files; a test changes them."""

    def __init__(self) -> None:
        fake = three_moves()
        self.reports = {report_name(number): body for number, body in fake.reports.items()}
        self.documents = dict(fake.documents)

    def found(self) -> set[tuple[str, str]]:
        kept = Kept(reports=self.reports, documents=self.documents)
        return {(problem.kind.value, problem.name) for problem in verify(kept)[1]}

    def edit(self, number: int, change: Callable[[dict[str, Any]], object]) -> None:
        document = json.loads(self.reports[report_name(number)])
        change(document)
        self.reports[report_name(number)] = canonical(document)


FIRST, SECOND, LAST = (report_name(number) for number in (1, 2, 3))


@pytest.fixture(name="evidence", scope="module")
def module_evidence() -> Evidence:
    return Evidence()


@pytest.fixture(name="kept")
def kept_fixture(evidence: Evidence) -> Evidence:
    copy = Evidence.__new__(Evidence)
    copy.reports, copy.documents = dict(evidence.reports), dict(evidence.documents)
    return copy


def lie(document: dict[str, Any]) -> None:
    document["data"]["lost_payments"] = 1_000


def test_an_untouched_chain_is_whole_and_its_reports_are_in_their_order(kept: Evidence) -> None:
    links, problems = verify(Kept(reports=kept.reports, documents=kept.documents))
    assert not problems
    assert [link.report.move.move_id for link in links] == ["m1", "m2", "m3"]
    assert links[1].report.chain.previous_sha256 == links[0].sha256


def test_how_a_file_is_laid_out_does_not_matter(kept: Evidence) -> None:
    kept.reports[SECOND] = json.dumps(json.loads(kept.reports[SECOND]), indent=2)
    assert not kept.found()


@pytest.mark.parametrize(("number", "name"), [(1, FIRST), (2, SECOND), (3, LAST)])
def test_a_changed_report_is_found_wherever_it_stands(
    kept: Evidence, number: int, name: str
) -> None:
    kept.edit(number, lie)
    assert (ProblemKind.CHANGED, name) in kept.found()


@pytest.mark.parametrize("name", [FIRST, SECOND, LAST])
def test_a_missing_report_is_found_also_the_last_one(kept: Evidence, name: str) -> None:
    del kept.reports[name]
    assert kept.found() == {(ProblemKind.MISSING, name)}


def test_two_reports_that_were_exchanged_are_found(kept: Evidence) -> None:
    reports = kept.reports
    reports[FIRST], reports[SECOND] = reports[SECOND], reports[FIRST]
    assert kept.found() == {(ProblemKind.REORDERED, FIRST), (ProblemKind.REORDERED, SECOND)}


def test_a_report_that_was_added_at_the_end_is_found(kept: Evidence) -> None:
    forged = json.loads(kept.reports[LAST])
    forged["chain"] = {
        "site": "west",
        "number": 4,
        "previous_sha256": sha256_of(json.loads(kept.reports[LAST])),
    }
    kept.reports[report_name(4)] = canonical(forged)
    assert kept.found() == {(ProblemKind.INSERTED, report_name(4))}


def test_a_report_that_was_put_in_between_is_found(kept: Evidence) -> None:
    moved = json.loads(kept.reports[LAST])
    moved["chain"]["number"] = 4
    kept.reports[report_name(4)] = canonical(moved)
    kept.edit(3, lambda document: document["move"].update(move_id="m9"))
    kinds = {kind for kind, _ in kept.found()}
    assert ProblemKind.CHANGED in kinds
    assert ProblemKind.INSERTED in kinds


def test_a_file_without_a_number_belongs_to_no_chain(kept: Evidence) -> None:
    kept.reports["summary.json"] = kept.reports[SECOND]
    assert kept.found() == {(ProblemKind.INSERTED, "summary.json")}


def test_a_chain_whose_beginning_was_cut_off_and_renumbered_is_found(kept: Evidence) -> None:
    kept.reports = {FIRST: kept.reports[SECOND]}
    kept.documents = {}
    kept.edit(1, lambda document: document["chain"].update(number=1))
    assert (ProblemKind.INSERTED, FIRST) in kept.found()


@pytest.mark.parametrize("body", ["{", '{"chain": 1}', "[]"])
def test_what_is_no_report_any_more_is_found(kept: Evidence, body: str) -> None:
    kept.reports[SECOND] = body
    assert (ProblemKind.UNREADABLE, SECOND) in kept.found()


def reconciliation(kept: Evidence) -> tuple[str, str]:
    return next(key for key in sorted(kept.documents) if key[1].startswith("reconciliation"))


@pytest.mark.parametrize("body", ['{"posted": []}', "not even JSON"])
def test_a_document_that_a_report_names_cannot_be_changed_unnoticed(
    kept: Evidence, body: str
) -> None:
    key = reconciliation(kept)
    kept.documents[key] = body
    assert kept.found() == {(ProblemKind.CHANGED, f"moves/{key[0]}/{key[1]}")}


def test_a_document_that_a_report_names_cannot_be_taken_away_unnoticed(kept: Evidence) -> None:
    key = reconciliation(kept)
    del kept.documents[key]
    assert kept.found() == {(ProblemKind.MISSING, f"moves/{key[0]}/{key[1]}")}


def test_a_seal_that_cannot_be_read_is_told(kept: Evidence) -> None:
    kept.documents["m3", "move.json"] = "{}"
    assert kept.found() == {
        (ProblemKind.UNREADABLE, "moves/m3/move.json"),
        (ProblemKind.INSERTED, LAST),
    }


def test_evidence_from_before_there_were_reports_is_no_contradiction(kept: Evidence) -> None:
    old = json.loads(kept.documents["m1", "move.json"]) | {"report": None}
    del old["report"]
    old["move"]["move_id"] = "m0"
    kept.documents["m0", "move.json"] = json.dumps(old)
    assert not kept.found()


class CrowdedStore:
    """Somebody else always files first."""

    def __init__(self) -> None:
        fake = three_moves()
        self.body = fake.reports[3]
        self.number = 3

    def last_report(self) -> tuple[int, str]:
        return self.number, self.body

    def file_report(self, number: int, body: str) -> bool:
        assert number == self.number + 1
        assert body
        self.number += 1
        return False


def test_who_never_gets_to_file_a_report_gives_up() -> None:
    store: Any = CrowdedStore()
    report = MOVE_REPORT.validate_json(store.body)
    with pytest.raises(UnavailableError, match="others kept filing"):
        append(store, report.chain.site, "m4", lambda place: replace(report, chain=place))


NUMBERS: Final = (1, 1.5, 1e300, -0.0)


@pytest.mark.parametrize("number", NUMBERS)
def test_canonical_text_survives_being_read(number: float) -> None:
    document = {"b": number, "a": ["é", None, True]}
    assert canonical(json.loads(canonical(document))) == canonical(document)
    assert canonical(document).startswith('{"a":["é",null,true],"b":')


def test_a_number_that_json_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})
