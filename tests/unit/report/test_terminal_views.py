"""What the terminal shows during a drill and at its end."""

import io
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from rich.console import RenderableType

from fakes.reports import bad, bare, good
from payment_dr.report.live import LiveView, Snapshot, panel
from payment_dr.report.model import NegativeControl
from payment_dr.report.summary import comparison, summary
from payment_dr.report.terminal import console
from payment_dr.report.words import compared, headline, milliseconds, outcome, seconds


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def text_of(what: RenderableType) -> str:
    stream = io.StringIO()
    console(stream).print(what)
    return stream.getvalue()


def snapshot(**changes: Any) -> Snapshot:
    values: dict[str, Any] = {
        "phase": "load",
        "elapsed_s": 1.0,
        "offered_per_s": 99.6,
        "acknowledged": 1234,
        "refused": 5,
        "indeterminate": 2,
        "p99_ms": 44.4,
        "active": "east",
        "epoch": 3,
    }
    return Snapshot(**(values | changes))


def test_without_a_terminal_each_second_and_each_event_is_a_plain_line() -> None:
    stream = io.StringIO()
    with LiveView(stream, title="region-loss") as view:
        view.update(snapshot())
        view.update(snapshot(elapsed_s=1.5))
        view.event("fault: sever east")
        view.update(snapshot(elapsed_s=2.0, active=None, p99_ms=None))
    lines = stream.getvalue().splitlines()
    counts = "load: 100 payments/s, 1,234 acknowledged, 5 refused, 2 without an answer"
    assert lines == [
        f"   1.0 s  {counts}, p99 44 ms, east active in epoch 3",
        "fault: sever east",
        f"   2.0 s  {counts}, p99 not measured, active site not known",
    ]


def test_a_plain_line_names_the_step_of_a_move() -> None:
    stream = io.StringIO()
    with LiveView(stream, title="x") as view:
        view.update(snapshot(step="promote", steps_done=2, steps=7))
    assert stream.getvalue().endswith("step promote (2 of 7 done)\n")


def test_in_a_terminal_a_panel_is_shown_and_taken_away() -> None:
    stream = Terminal()
    with LiveView(stream, title="region-loss") as view:
        view.event("began")
        view.update(snapshot())
    shown = stream.getvalue()
    assert "region-loss" in shown
    assert "1,234 acknowledged" in shown
    assert "began" in shown


def test_the_panel_shows_the_last_events_and_the_progress_of_a_move() -> None:
    shown = text_of(panel("t", snapshot(step="promote", steps_done=0, steps=0), ("a", "b")))
    assert "promote" in shown
    assert "0 of 0 done" in shown
    assert "epoch 3" in shown
    assert "0 without an answer" in text_of(panel("t", snapshot(indeterminate=0), ()))


def test_markup_in_events_is_text() -> None:
    stream = io.StringIO()
    LiveView(stream, title="t").event("[red]x[/red]")
    assert stream.getvalue() == "[red]x[/red]\n"


def test_a_summary_says_what_failed_and_where_to_look() -> None:
    shown = text_of(summary(bad(), Path("reports/latest/report.html")))
    assert "ledger-first): fail" in shown
    assert "missed" in shown
    assert "acknowledged-payments-survive" in shown
    assert "postings-balance" not in shown
    assert "Report: reports/latest/report.html" in shown


def test_a_summary_of_a_good_run_is_short() -> None:
    shown = text_of(summary(good(), Path("p")))
    assert f"{len(good().claims)} of {len(good().claims)} claims hold" in shown
    assert "Verdict" not in shown


def test_a_summary_says_why_a_claim_is_unknown() -> None:
    shown = text_of(summary(bare(), Path("p")))
    assert "the run names no surviving ledger" in " ".join(shown.split())
    assert "Promised" not in shown


def test_a_comparison_has_both_designs_side_by_side() -> None:
    shown = text_of(comparison(good(), bad()))
    assert "record-first" in shown
    assert "ledger-first" in shown
    assert "Acknowledged payments lost" in shown


def test_a_headline_says_what_is_known_and_what_is_not() -> None:
    acknowledged = f"{good().payments.acknowledged:,}"
    assert headline(good()).startswith(
        f"0 of {acknowledged} acknowledged payments lost, 0 charged twice; accepting again after"
    )
    unknown = replace(
        bare(), data_loss=replace(bare().data_loss, payments=None), double_charges=None
    )
    assert headline(unknown).startswith("It is unknown whether any of")
    assert headline(unknown).endswith("double charges unknown.")
    assert compared(unknown)[:3] == ("unknown", "unknown", "unknown")


def test_a_negative_control_is_good_when_it_was_caught() -> None:
    caught = NegativeControl(must_break=("x",), caught=True)
    assert outcome(replace(bad(), negative_control=caught)) == ("caught", "pass")


def test_what_was_not_measured_is_said_so() -> None:
    assert seconds(None) == milliseconds(None) == "not measured"
    assert (seconds(3.625), milliseconds(23.4)) == ("3.62 s", "23 ms")
