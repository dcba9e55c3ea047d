"""The page of a move's report: everything that it says, escaped, and nothing fetched."""

import re
from dataclasses import replace

import pytest

from fakes.recovery_world import SETTINGS, WEST, to_west, world_for
from payment_dr.recovery.control import Approval, MoveKind
from payment_dr.recovery.move_report import (
    MOVE_REPORT,
    CheckVerdict,
    Deficiency,
    MoveEnd,
    MoveReport,
    StepTime,
)
from payment_dr.recovery.runner import start
from payment_dr.report.move_page import move_page

SHA256 = "a" * 64


@pytest.fixture(name="report", scope="module")
def report_fixture() -> MoveReport:
    fake = world_for(MoveKind.FAILOVER)
    start(fake.ports(), to_west(MoveKind.FAILOVER, reason="<b>lost</b>"), SETTINGS)
    return MOVE_REPORT.validate_json(fake.reports[1])


def test_a_failovers_page_tells_all_that_its_report_does(report: MoveReport) -> None:
    page = move_page(report, SHA256)
    assert '<h1>m1<span class="chip pass big">completed</span></h1>' in page
    assert "Failover from east to west, asked for by ada: &lt;b&gt;lost&lt;/b&gt;." in page
    assert "<b>lost</b>" not in page
    assert "414 EUR" in page
    assert "<code>p5</code>" in page
    assert "these seconds are not those of AWS" in page
    assert "It is the first." in page
    assert SHA256 in page
    for name in ("SOC 2 A1.3", "DORA Art. 25(1)"):
        assert name in page


def test_nothing_in_the_page_is_fetched(report: MoveReport) -> None:
    page = move_page(report, SHA256)
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|link|img|iframe)|(src|href)=|url\(|@import", page)


def test_a_superseded_move_says_who_took_its_place(report: MoveReport) -> None:
    ended = replace(
        report,
        end=MoveEnd.SUPERSEDED,
        replaced_by="m2 by bob: abort of m1",
        checks=(),
        steps=(),
        objectives=tuple(replace(one, measured=None, met=None) for one in report.objectives),
        data=replace(report.data, lost_payments=None, unconfirmed=(), posted=(), money={}),
    )
    page = move_page(ended, SHA256)
    assert ">superseded</span>" in page
    assert "Its place took m2 by bob: abort of m1." in page
    assert "not measured" in page
    assert "<h2>Checks</h2>" not in page
    assert "<h2>Steps</h2>" not in page


def test_a_completed_move_that_missed_something_is_no_pass(report: MoveReport) -> None:
    missed = tuple(replace(one, met=False) for one in report.objectives)
    page = move_page(replace(report, objectives=missed), SHA256)
    assert "completed, not as promised" in page
    unknown = tuple(replace(one, verdict=CheckVerdict.UNKNOWN) for one in report.checks)
    assert '<span class="chip unknown big">completed' in move_page(
        replace(report, checks=unknown), SHA256
    )
    failed = tuple(replace(one, verdict=CheckVerdict.FAIL) for one in report.checks)
    assert '<span class="chip fail big">' in move_page(replace(report, checks=failed), SHA256)


def test_who_decided_is_named_with_approvals_and_overrides(report: MoveReport) -> None:
    move = replace(report.move, approvals=(Approval(by="eve", at=0.0),), overrides=("cool-down",))
    chain = replace(report.chain, previous_sha256="b" * 64)
    scope = replace(report.scope, platform="aws")
    page = move_page(replace(report, move=move, deficiencies=(), chain=chain, scope=scope), SHA256)
    assert "<td>approved the promotion</td><td>eve</td><td>1970-01-01 00:00:00 UTC</td>" in page
    assert "<td>took upon themselves</td><td>ada</td><td>cool-down</td>" in page
    assert "None was found." in page
    assert f"The one before it has {'b' * 64}." in page
    assert "not those of AWS" not in page


def test_a_page_names_some_payments_and_the_json_all(report: MoveReport) -> None:
    many = tuple(f"p{number}" for number in range(1_201))
    page = move_page(replace(report, data=replace(report.data, posted=many)), SHA256)
    assert "and 1,001 more, in the JSON" in page
    assert "<code>p200</code>" not in page


def test_steps_that_took_no_time_share_none(report: MoveReport) -> None:
    idle = (StepTime(step="ready", seconds=None, budget_s=10, by=("ada",)),)
    page = move_page(replace(report, steps=idle), SHA256)
    assert "s in all" not in page
    assert report.scope.target == WEST


def test_a_deficiency_is_shown_before_anything_that_went_well(report: MoveReport) -> None:
    page = move_page(
        replace(report, deficiencies=(Deficiency(name="keys", says="unknown & so on"),)), SHA256
    )
    assert page.index("unknown &amp; so on") < page.index("<h2>Objectives</h2>")
