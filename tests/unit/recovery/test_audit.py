"""The audit log: written once, chained, and every tampering with it found as far as it can be."""

from dataclasses import replace

import pytest

from fakes.faults import Fault
from fakes.operating import DEED, FakeAudit
from payment_dr.core.errors import UnavailableError
from payment_dr.recovery.audit import (
    AuditEntry,
    AuditEvent,
    compare_copies,
    ended,
    record,
    verify_log,
)
from payment_dr.recovery.evidence_chain import ProblemKind


def filled(count: int = 3) -> FakeAudit:
    log = FakeAudit()
    for number in range(count):
        record(log, replace(DEED, entry=f"e{number}"))
    return log


def kinds(entries: dict[int, AuditEntry]) -> set[tuple[str, str]]:
    return {(problem.kind.value, problem.name) for problem in verify_log(entries)}


def test_entries_are_numbered_and_name_the_one_before() -> None:
    log = filled()
    assert sorted(log.kept) == [1, 2, 3]
    assert log.kept[1].previous_sha256 is None
    assert log.kept[3].previous_sha256 is not None
    assert not verify_log(log.kept)


def test_of_two_who_write_at_once_both_are_in_the_log() -> None:
    log = filled(1)
    log.before.append(lambda: record(log, replace(DEED, entry="other")))
    mine = record(log, replace(DEED, entry="mine"))
    assert mine.number == 3
    assert log.kept[2].deed.entry == "other"
    assert not verify_log(log.kept)


def test_a_write_whose_answer_was_lost_is_not_made_twice() -> None:
    log = filled(1)
    log.faults.append(Fault.LOST_ANSWER)
    assert record(log, replace(DEED, entry="mine")).number == 2
    assert len(log.kept) == 2


def test_a_write_that_was_lost_is_in_doubt_and_told() -> None:
    log = filled(1)
    log.faults.append(Fault.LOST_REQUEST)
    with pytest.raises(UnavailableError, match="no answer"):
        record(log, replace(DEED, entry="mine"))


def test_a_log_that_refuses_is_told_at_once() -> None:
    log = filled(1)
    log.faults.append(Fault.REFUSED)
    with pytest.raises(UnavailableError, match="the table refused"):
        record(log, replace(DEED, entry="mine"))


def test_who_never_gets_to_write_gives_up() -> None:
    log = FakeAudit()

    def crowd() -> None:
        number = max(log.kept, default=0) + 1
        log.kept[number] = AuditEntry(number=number, previous_sha256=None, deed=DEED)

    log.before += [crowd] * 100
    with pytest.raises(UnavailableError, match="others kept writing"):
        record(log, replace(DEED, entry="mine"))


def test_a_changed_entry_is_found() -> None:
    log = filled()
    log.kept[2] = replace(log.kept[2], deed=replace(log.kept[2].deed, who="eve"))
    assert kinds(log.kept) == {(ProblemKind.CHANGED, "audit/00000002.json")}


def test_a_missing_entry_is_found_and_those_after_it_are_not_blamed() -> None:
    log = filled()
    del log.kept[2]
    assert kinds(log.kept) == {(ProblemKind.MISSING, "audit/00000002.json")}


def test_exchanged_entries_are_found() -> None:
    log = filled()
    log.kept[1], log.kept[2] = log.kept[2], log.kept[1]
    names = {name for kind, name in kinds(log.kept) if kind == ProblemKind.REORDERED}
    assert names == {"audit/00000001.json", "audit/00000002.json"}


def test_after_an_entry_was_taken_away_the_log_goes_on_behind_the_gap() -> None:
    log = filled()
    gone = log.kept.pop(3)
    # The hint still tells how far the log had come.
    log.last = lambda: (3, None)  # type: ignore[method-assign]  # what the table answers then
    assert record(log, replace(DEED, entry="later")).number == 4
    assert kinds(log.kept) == {(ProblemKind.MISSING, "audit/00000003.json")}
    found = compare_copies(log.kept, [gone], "the bucket of west")
    assert [(one.kind, one.says) for one in found] == [
        (ProblemKind.MISSING, "is in the bucket of west and not in the payments table")
    ]


def test_a_log_that_was_rewritten_as_a_whole_is_found_by_the_copies_alone() -> None:
    log, copies = filled(), list(filled().kept.values())
    forged = FakeAudit()
    for entry in log.kept.values():
        record(forged, replace(entry.deed, who="eve"))
    assert not verify_log(forged.kept)
    assert [one.kind for one in compare_copies(forged.kept, copies, "a bucket")] == [
        ProblemKind.CHANGED
    ] * 3
    assert not compare_copies(log.kept, copies, "a bucket")


def test_the_end_of_a_deed_is_an_entry_of_its_own() -> None:
    end = ended(DEED, AuditEvent.FINISHED, entry="b", detail="done", at=2.0)
    assert (end.command, end.event, end.entry, end.at) == ("failover", "finished", "b", 2.0)
