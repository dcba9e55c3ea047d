"""report.html: self-contained, escaped, and complete."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from msgspec.structs import replace

from fakes.reports import bad, bare, good
from payment_dr.report.model import (
    ClaimReport,
    LogLine,
    NegativeControl,
    Report,
    TimelineReport,
    Witnesses,
    WitnessReport,
)
from payment_dr.report.page import page
from payment_dr.report.phases import phases
from payment_dr.report.plot import Line, Plot, Series, draw, ticks

EVIL = "<script>alert('&')</script>"


class Balanced(HTMLParser):
    """Fails on a tag that is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br"}:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


@pytest.mark.parametrize("report", [good(), bad(), bare()], ids=["good", "bad", "bare"])
def test_a_page_is_well_formed_and_fetches_nothing(report: Report) -> None:
    text = page(report, other=good())
    parser = Balanced()
    parser.feed(text)
    assert not parser.stack
    assert not re.search(r"(?:src|href)=|url\(|@import|https?://|<script", text)
    assert "default-src 'none'" in text


def test_a_page_shows_every_claim_the_marks_and_the_log() -> None:
    report = good()
    text = page(report)
    assert all(claim.name in text for claim in report.claims)
    assert all(mark.name in text for mark in report.timeline.marks)
    assert "site-unhealthy" in text
    assert text.count("<svg") == 3
    assert 'class="bar bad"' in text


def test_a_failed_claim_comes_first_with_its_witnesses() -> None:
    text = page(bad())
    failed = next(c for c in bad().claims if c.verdict == "fail")
    held = next(c for c in bad().claims if c.verdict == "pass")
    assert text.index(f"<b>{failed.name}</b>") < text.index(f"<b>{held.name}</b>")
    assert failed.witness is not None
    assert str(failed.witness.worst.payment_id) in text


def test_all_text_is_escaped() -> None:
    witness = WitnessReport(payment_id=EVIL, minor_units=1, currency=EVIL, detail=EVIL)
    claim = ClaimReport(
        name=EVIL,
        verdict="unknown",
        witness=Witnesses(first=witness, worst=witness, last=witness),
        violations=1,
        checked=EVIL,
        reason=EVIL,
    )
    report = replace(
        good(),
        scenario=EVIL,
        design=EVIL,
        began_at=EVIL,
        claims=(claim,),
        environment={EVIL: EVIL},
        run_log=(LogLine(at_s=1, name=EVIL, site=EVIL, detail=EVIL),),
        moves=tuple(
            replace(m, move_id=EVIL, kind=EVIL, site=EVIL, winner=False) for m in good().moves
        ),
        objectives=tuple(replace(o, name=EVIL, unit=EVIL) for o in good().objectives),
        negative_control=NegativeControl(must_break=(EVIL,), caught=False),
    )
    text = page(report, other=report)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "not caught" in text


def test_a_comparison_stands_beside_the_other_design() -> None:
    text = page(good(), other=bad())
    assert "Compared" in text
    assert "ledger-first" in text
    assert "Compared" not in page(good())


def test_a_witness_without_payment_or_money_is_only_its_text() -> None:
    witness = WitnessReport(payment_id=None, minor_units=0, currency=None, detail="a gap")
    claim = replace(good().claims[0], witness=Witnesses(first=witness, worst=witness, last=witness))
    assert "<li>first: a gap</li>" in page(replace(good(), claims=(claim,)))


def test_a_run_without_buckets_has_no_timeline() -> None:
    empty = TimelineReport(bucket_s=1, buckets=(), marks=())
    assert "<h2>Timeline</h2>" not in page(replace(good(), timeline=empty))


def test_the_parts_of_a_recovery_begin_where_they_began() -> None:
    bars = {phase.name: phase for phase in phases(good())}
    assert bars["detection"].end_s == pytest.approx(2.9)
    assert bars["decision"].start_s == pytest.approx(2.9)
    assert bars["promotion"].start_s == pytest.approx(3.021)
    assert bars["ledger closed"].end_s == pytest.approx(3.49)
    starts = [phase.start_s for phase in phases(good())]
    assert starts == sorted(starts)


def test_a_ledger_that_was_posted_to_while_clients_left_is_drawn_closed_from_then_on() -> None:
    times = replace(good().recovery_time_s, ledger=0.8)
    bars = {phase.name: phase for phase in phases(replace(good(), recovery_time_s=times))}
    assert bars["ledger closed"].start_s == pytest.approx(3.49 - 0.8)
    assert bars["ledger closed"].end_s == pytest.approx(3.49)


def test_only_the_parts_that_are_known_are_drawn() -> None:
    times = replace(good().recovery_time_s, detection=None, acceptance=None)
    names = {phase.name for phase in phases(replace(good(), recovery_time_s=times))}
    assert names == {"ledger closed", "routing", "promotion", "reconciliation"}
    assert not phases(bare())


def test_ticks_are_round_and_stay_inside() -> None:
    assert ticks(0) == (0,)
    assert ticks(10, count=5) == (0, 2, 4, 6, 8, 10)
    assert ticks(0.9, count=4) == pytest.approx((0, 0.5))


def plot(**changes: object) -> Plot:
    values: dict[str, object] = {
        "title": "t",
        "unit": "u",
        "length_s": 10.0,
        "step_s": 1.0,
        "series": (Series(name="s", style="ack", values=(1.0, None, 3.0, 4.0), filled=True),),
    }
    return Plot(**(values | changes))  # type: ignore[arg-type] # a table of defaults


def test_a_gap_in_the_values_is_a_gap_in_the_line() -> None:
    drawn = draw(plot())
    assert drawn.count('<path class="line ack"') == 2
    assert drawn.count('<path class="area ack"') == 2
    assert drawn.count('<circle class="dot ack"') == 1


def test_badges_never_overlap_and_point_to_their_time() -> None:
    lines = tuple(Line(number=n, name=f"m{n}", at_s=5 + n / 1000) for n in range(5))
    drawn = draw(plot(lines=lines, shade=(2.0, 2.0)))
    centres = [float(x) for x in re.findall(r'</title><circle cx="([\d.]+)"', drawn)]
    assert len(centres) == 5
    assert all(b - a >= 18.9 for a, b in pairwise(centres))
    assert '<rect class="outage"' in drawn


def test_a_logarithmic_axis_takes_zero_and_nothing() -> None:
    zero = (Series(name="s", style="p99", values=(0.0, 10.0, 1000.0)),)
    assert "NaN" not in draw(plot(series=zero, log=True))
    none = (Series(name="s", style="p99", values=(None,)),)
    assert draw(plot(series=none, log=True)).startswith("<svg")
    assert draw(plot(series=(), length_s=0.0)).startswith("<svg")


def test_an_objective_without_a_measurement_is_unknown() -> None:
    unmeasured = tuple(replace(o, measured=None, met=None) for o in good().objectives)
    text = page(replace(good(), objectives=unmeasured))
    assert text.count("<td>not measured</td>") == 3
    assert 'class="chip unknown">unknown' in text
