"""The checker of restored backups: quiet on good ones, and each planted fault is found."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from fakes.backups import (
    NOW,
    POINT,
    SCHEMA,
    Books,
    LiveBooks,
    entry_id,
    expected_entry,
    restored_entry,
)
from payment_dr.checks.backup import GRACE_S, BackupVerdict, check_backup, unreadable
from payment_dr.checks.backup_source import AppliedMigration, Leg
from payment_dr.checks.verdict import Claim, Verdict


def judged(books: Books) -> BackupVerdict:
    return check_backup(POINT, books, books.records, LiveBooks(books))


def claims(verdict: BackupVerdict) -> dict[str, Claim]:
    return {claim.name: claim for claim in verdict.claims}


def failed(verdict: BackupVerdict) -> set[str]:
    return {claim.name for claim in verdict.claims if claim.verdict is not Verdict.PASS}


def test_a_good_backup_passes_and_is_measured() -> None:
    verdict = judged(Books())
    assert verdict.verdict is Verdict.PASS
    assert len(verdict.claims) == 6
    assert (verdict.entries, verdict.newest_age_s) == (40, 7_199)


def test_the_backup_of_an_empty_ledger_passes_and_has_no_newest_entry() -> None:
    verdict = judged(Books(restored=[]))
    assert (verdict.verdict, verdict.entries, verdict.newest_age_s) == (Verdict.PASS, 0, None)


def lose_an_entry(books: Books) -> None:
    del books.restored[7]


def double_an_entry_under_a_new_id(books: Books) -> None:
    books.restored.append(msgspec.structs.replace(books.restored[7], entry_id=entry_id(1007)))


def double_a_row(books: Books) -> None:
    books.restored.append(books.restored[7])


def double_a_posting(books: Books) -> None:
    entry = books.restored[7]
    books.restored[7] = msgspec.structs.replace(entry, legs=(*entry.legs, entry.legs[0]))


def lose_a_posting(books: Books) -> None:
    entry = books.restored[7]
    books.restored[7] = msgspec.structs.replace(entry, legs=entry.legs[:1])


def lose_all_postings(books: Books) -> None:
    books.restored[7] = msgspec.structs.replace(books.restored[7], legs=())


def change_an_amount(books: Books) -> None:
    books.restored[7] = restored_entry(7, 99)


def change_the_sign(books: Books) -> None:
    books.restored[7] = restored_entry(7, -100)


def change_the_currency_of_a_leg(books: Books) -> None:
    entry = books.restored[7]
    legs = (Leg("provider_receivable", 100, "USD"), entry.legs[1])
    books.restored[7] = msgspec.structs.replace(entry, legs=legs)


def give_it_to_another_payment(books: Books) -> None:
    books.restored[7] = msgspec.structs.replace(books.restored[7], payment_id="another")


def restore_an_older_schema(books: Books) -> None:
    newer = AppliedMigration(version=2, digest="b", at=NOW - 1e5)
    books.live_schema = (*SCHEMA, newer)


def restore_a_schema_from_elsewhere(books: Books) -> None:
    books.restored_schema = (replace(SCHEMA[0], digest="other"),)


BOOKS = {"entries-match-records", "control-totals"}
FAULTS: list[tuple[Callable[[Books], None], set[str]]] = [
    (lose_an_entry, BOOKS | {"no-fewer-rows"}),
    (double_an_entry_under_a_new_id, BOOKS),
    (double_a_row, BOOKS),
    (double_a_posting, BOOKS | {"entries-balance"}),
    (lose_a_posting, BOOKS | {"entries-balance"}),
    (lose_all_postings, BOOKS | {"entries-balance"}),
    (change_an_amount, BOOKS),
    (change_the_sign, BOOKS),
    (change_the_currency_of_a_leg, BOOKS | {"entries-balance"}),
    (give_it_to_another_payment, {"entries-match-records"}),
    (restore_an_older_schema, {"schema-version"}),
    (restore_a_schema_from_elsewhere, {"schema-version"}),
]


@pytest.mark.parametrize(("plant", "found"), FAULTS, ids=lambda one: getattr(one, "__name__", ""))
def test_each_planted_fault_is_found(plant: Callable[[Books], None], found: set[str]) -> None:
    books = Books()
    plant(books)
    verdict = judged(books)
    assert verdict.verdict is Verdict.FAIL
    assert failed(verdict) == found


def test_a_missing_entry_is_named_with_its_payment_and_money() -> None:
    books = Books()
    lose_an_entry(books)
    first = claims(judged(books))["entries-match-records"].first
    assert first is not None
    assert (first.payment_id, first.minor_units, first.currency) == ("payment-7", 100, "JPY")
    assert "is not restored" in first.detail


def test_amounts_that_cancel_out_in_every_total_are_found_entry_by_entry() -> None:
    books = Books(restored=[restored_entry(n, 100, at=NOW - 7_200) for n in range(0, 8, 2)])
    books.restored[0] = restored_entry(0, 150, at=NOW - 7_200)
    books.restored[1] = restored_entry(2, 50, at=NOW - 7_200)
    assert failed(judged(books)) == {"entries-match-records"}


def test_a_change_that_leaves_the_sizes_alone_is_seen_in_the_sum() -> None:
    books = Books()
    change_the_sign(books)
    totals = claims(judged(books))["control-totals"]
    assert (totals.violations, totals.first and totals.first.minor_units) == (1, 0)


@pytest.mark.parametrize("posted", [NOW - GRACE_S + 1, NOW + 5, None])
def test_an_entry_that_was_posted_afterwards_or_not_yet_is_not_missing(
    posted: float | None,
) -> None:
    books = Books()
    lost = books.restored.pop(7)
    if posted is None:
        del books.live[lost.entry_id]
    else:
        books.live[lost.entry_id] = posted
    assert judged(books).verdict is Verdict.PASS


def test_more_missing_entries_than_one_question_takes_are_all_looked_up() -> None:
    books = Books(restored=[restored_entry(n, at=NOW - 7_200) for n in range(1_200)])
    books.restored.clear()
    found = claims(judged(books))["entries-match-records"]
    assert found.violations == 1_200


def test_what_was_posted_in_the_last_minute_may_be_there_or_not() -> None:
    books = Books()
    late = restored_entry(500, at=NOW - 30)
    books.records.append(expected_entry(late))
    books.live[late.entry_id] = NOW - 29
    assert judged(books).verdict is Verdict.PASS
    books.restored.append(late)
    assert judged(books).verdict is Verdict.PASS


def test_payments_after_the_backup_do_not_count() -> None:
    books = Books()
    later = restored_entry(501, at=NOW + 3_600)
    books.records.append(expected_entry(later))
    books.live[later.entry_id] = NOW + 3_601
    assert judged(books).verdict is Verdict.PASS


def test_a_migration_since_the_backup_may_be_there_or_not() -> None:
    books = Books()
    books.live_schema = (*SCHEMA, AppliedMigration(version=2, digest="b", at=NOW + 10))
    assert judged(books).verdict is Verdict.PASS
    books.restored_schema = books.live_schema
    assert judged(books).verdict is Verdict.PASS


def test_rows_that_are_gone_are_counted_even_if_no_record_tells_of_them() -> None:
    books = Books()
    books.live["expired record"] = NOW - 1e5
    assert failed(judged(books)) == {"no-fewer-rows"}


def test_a_backup_that_cannot_be_read_fails_with_the_reason() -> None:
    verdict = unreadable("invalid page in block 3")
    assert verdict.verdict is Verdict.FAIL
    (claim,) = verdict.claims
    assert claim.first is not None
    assert claim.first.detail == "invalid page in block 3"
