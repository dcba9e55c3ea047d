from dataclasses import replace

import pytest

from payment_dr.infra.alarm import Severity, described
from payment_dr.lab.alarms.board import Board, Change, Status
from payment_dr.lab.alarms.message import SUBJECT_MAX, message, runbook
from payment_dr.lab.alarms.model import (
    Alarm,
    Comparison,
    CompositeAlarm,
    Metric,
    MetricAlarm,
    Missing,
    Series,
    State,
)
from payment_dr.lab.alarms.samples import Sample, Samples

METRIC = Metric(namespace="PaymentDR", name="Ticks", dimensions=frozenset({("Site", "east")}))
SILENT = MetricAlarm(
    name="payments-watcher-silent-east-dev",
    description=described(Severity.PAGE, "Nobody has looked. Nothing moves.", "watcher-silent"),
    watches=Series(metric=METRIC, statistic="Sum"),
    period_s=60,
    periods=6,
    datapoints=6,
    comparison=Comparison.BELOW,
    threshold=1,
    missing=Missing.BREACHING,
)
EITHER = CompositeAlarm(
    name="either", description="a description of another form", rule=f'ALARM("{SILENT.name}")'
)
ALARMS: tuple[Alarm, ...] = (EITHER, SILENT)


def ticks(minutes: range) -> Samples:
    return Samples(Sample(metric=METRIC, at_s=60 * at, value=1) for at in minutes)


def test_an_alarm_is_raised_and_over_and_its_composite_with_it() -> None:
    board = Board(ALARMS)
    samples = ticks(range(10))
    for minute in range(30, 40):
        samples.add(Sample(metric=METRIC, at_s=60 * minute, value=1))
    changes = board.run(samples, 40 * 60)
    told = [(one.status.alarm.name, one.before, one.status.state) for one in changes]
    new, ok, alarm = State.INSUFFICIENT_DATA, State.OK, State.ALARM
    assert told == [
        ("either", new, ok),
        (SILENT.name, new, ok),
        (SILENT.name, ok, alarm),
        ("either", ok, alarm),
        (SILENT.name, alarm, ok),
        ("either", alarm, ok),
    ]
    raised = changes[2].status
    # Eight minutes after the last tick: six periods, and two more that may still hold one.
    assert raised.since_s == 18 * 60
    assert raised.reason == (
        "raised by 6 of 6 periods of 60 s below 1; "
        "newest last: ... no data, no data, no data, no data, no data"
    )
    assert changes[3].status.reason == f"raised of its alarms: {SILENT.name}"
    assert board.state("either") is ok
    assert board.statuses[0].reason == "raised of its alarms: none"


def test_nothing_is_evaluated_before_its_periods_lie_behind() -> None:
    board = Board(ALARMS, begun_s=600)
    assert [one.status.alarm.name for one in board.run(Samples(), 600 + 5 * 60)] == ["either"]
    assert board.state(SILENT.name) is State.INSUFFICIENT_DATA
    board.step(Samples(), 600 + 6 * 60)
    assert board.state(SILENT.name) is State.ALARM


def change(
    state: State, before: State = State.OK, alarm: Alarm = SILENT, reason: str = "no data"
) -> Change:
    return Change(status=Status(alarm=alarm, state=state, since_s=0, reason=reason), before=before)


def test_a_message_says_what_where_since_when_why_what_first_and_which_page() -> None:
    made = message(change(State.ALARM), where="east (us-east-1)", at_s=1_795_550_400)
    assert made.subject == "RAISED: payments-watcher-silent-east-dev [page]"
    assert made.body == (
        "What:  Nobody has looked. Nothing moves.\n"
        "Where: east (us-east-1), alarm payments-watcher-silent-east-dev\n"
        "Since: 2026-11-24 20:00:00 UTC\n"
        "Why:   no data\n"
        "First: payment-dr status: is the other site well, is a move unfinished?\n"
        "Then:  docs/how-to/alarms/watcher-silent.md"
    )


@pytest.mark.parametrize(
    ("state", "word", "first"),
    [
        (State.OK, "over", "First: nothing, it is over"),
        (State.INSUFFICIENT_DATA, "unknown", "First: nothing, it is over"),
    ],
)
def test_what_is_over_asks_for_nothing(state: State, word: str, first: str) -> None:
    made = message(change(state, State.ALARM), where="east", at_s=0)
    assert made.subject.startswith(f"{word}: ")
    assert first in made.body


def test_an_alarm_of_another_form_is_told_too_and_a_subject_is_short() -> None:
    long = replace(EITHER, name="x" * 200)
    made = message(change(State.ALARM, alarm=long), where="both sites", at_s=0)
    assert "What:  a description of another form" in made.body
    assert "First: read the description" in made.body
    assert len(made.subject) == SUBJECT_MAX
    assert runbook(EITHER.description) is None
    assert runbook(SILENT.description) == "docs/how-to/alarms/watcher-silent.md"
