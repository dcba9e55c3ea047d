"""The evaluator against the tables in CloudWatch's own documentation, row by row."""

from dataclasses import replace

import pytest

from payment_dr.lab.alarms.evaluation import breaches, decided, look
from payment_dr.lab.alarms.model import (
    Comparison,
    Math,
    Metric,
    MetricAlarm,
    Missing,
    Series,
    State,
)
from payment_dr.lab.alarms.samples import Sample, Samples

METRIC = Metric(namespace="N", name="M", dimensions=frozenset({("Site", "east")}))
OTHER = replace(METRIC, name="Other")
ALARM = MetricAlarm(
    name="a",
    description="",
    watches=Series(metric=METRIC, statistic="Maximum"),
    period_s=60,
    periods=3,
    datapoints=3,
    comparison=Comparison.ABOVE,
    threshold=1,
    missing=Missing.MISSING,
)
POINTS = {"0": 0.0, "X": 2.0, "-": None}
WORDS = {"OK": State.OK, "ALARM": State.ALARM, "none": State.INSUFFICIENT_DATA}

THREE_OF_THREE = [
    ("0-X-X", "OK", "OK", "OK", "OK"),
    ("0----", "OK", "OK", "OK", "OK"),
    ("-----", "none", "retain", "ALARM", "OK"),
    ("0XX-X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("----X", "none", "retain", "ALARM", "OK"),
    ("--X--", "ALARM", "retain", "ALARM", "OK"),
    ("X----", "ALARM", "retain", "ALARM", "OK"),
]
TWO_OF_THREE = [
    ("0-X-X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("00X0X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0-X--", "OK", "OK", "ALARM", "OK"),
    ("----0", "OK", "OK", "ALARM", "OK"),
    ("----X", "none", "retain", "ALARM", "OK"),
]
COLUMNS = (Missing.MISSING, Missing.IGNORE, Missing.BREACHING, Missing.NOT_BREACHING)
CASES = [
    (datapoints, row, missing, expected)
    for datapoints, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for row, *states in table
    for missing, expected in zip(COLUMNS, states, strict=True)
]


@pytest.mark.parametrize(("datapoints", "row", "missing", "expected"), CASES)
@pytest.mark.parametrize("before", list(State))
def test_a_row_of_the_documentation_holds(
    datapoints: int, row: str, missing: Missing, expected: str, before: State
) -> None:
    alarm = replace(ALARM, datapoints=datapoints, missing=missing)
    wanted = before if expected == "retain" else WORDS[expected]
    assert decided(alarm, [POINTS[one] for one in row], before) is wanted


@pytest.mark.parametrize(
    ("comparison", "below", "at", "above"),
    [
        (Comparison.ABOVE, False, False, True),
        (Comparison.AT_LEAST, False, True, True),
        (Comparison.BELOW, True, False, False),
        (Comparison.AT_MOST, True, True, False),
    ],
)
def test_a_comparison_is_strict_or_not_as_it_says(
    comparison: Comparison, *, below: bool, at: bool, above: bool
) -> None:
    alarm = replace(ALARM, comparison=comparison)
    assert [breaches(alarm, point) for point in (0, 1, 2)] == [below, at, above]


def measured(*values: tuple[float, float], metric: Metric = METRIC) -> Samples:
    return Samples(Sample(metric=metric, at_s=at_s, value=value) for at_s, value in values)


def test_periods_end_where_the_look_is_and_samples_of_a_period_become_one() -> None:
    samples = measured((0, 5), (61, 9), (62, 1), (179, 3), (180, 99))
    looked = look(ALARM, samples, 180, State.OK)
    assert looked.points == (5, 9, 3)
    assert looked.state is State.ALARM


@pytest.mark.parametrize(
    "other",
    [
        replace(METRIC, dimensions=frozenset[tuple[str, str]]()),
        replace(METRIC, dimensions=frozenset({("Site", "west")})),
        replace(METRIC, dimensions=frozenset({("site", "east")})),
        replace(METRIC, dimensions=METRIC.dimensions | {("Item", "x")}),
        replace(METRIC, namespace="n"),
        OTHER,
    ],
)
def test_another_metric_of_the_same_name_counts_for_nothing(other: Metric) -> None:
    samples = measured((0, 5), (60, 5), (120, 5), metric=other)
    assert look(ALARM, samples, 180, State.OK).points == (None, None, None)


def test_only_real_datapoints_within_the_evaluation_range_are_used() -> None:
    samples = measured((0, 5), (60, 5), (120, 5))
    silent = replace(ALARM, missing=Missing.NOT_BREACHING)
    assert look(silent, samples, 300, State.OK).state is State.ALARM
    assert look(silent, samples, 300, State.OK, extra=0).state is State.OK
    assert look(silent, samples, 360, State.OK).state is State.OK


@pytest.mark.parametrize(
    ("statistic", "few", "enough"), [("p99", 332, 334), ("p50", 6, 7), ("p10", 33, 34)]
)
def test_a_percentile_of_too_few_samples_leaves_the_state_as_it_is(
    statistic: str, few: int, enough: int
) -> None:
    series = Series(metric=METRIC, statistic=statistic)
    alarm = replace(ALARM, watches=series, ignores_few=True)

    def state(count: int, alarm: MetricAlarm) -> State:
        values = [(minute * 60, 5.0) for minute in range(3) for _ in range(count)]
        return look(alarm, measured(*values), 180, State.INSUFFICIENT_DATA).state

    assert state(few, alarm) is State.INSUFFICIENT_DATA
    assert state(enough, alarm) is State.ALARM
    assert state(few, replace(alarm, ignores_few=False)) is State.ALARM
    silent = replace(alarm, missing=Missing.NOT_BREACHING)
    assert state(0, silent) is State.OK
    plain = replace(alarm, watches=Series(metric=METRIC, statistic="Sum"))
    assert state(few, plain) is State.ALARM


def test_an_expression_is_computed_of_each_period_and_missing_where_a_part_is() -> None:
    math = Math(
        expression="IF(whole > 0, 100 * part / whole, 0)",
        series={
            "part": Series(metric=METRIC, statistic="Sum"),
            "whole": Series(metric=OTHER, statistic="Sum"),
        },
    )
    samples = measured((0, 1), (60, 2))
    for at_s in (0, 60, 120):
        samples.add(Sample(metric=OTHER, at_s=at_s, value=50))
    alarm = replace(ALARM, watches=math, ignores_few=True)
    assert look(alarm, samples, 180, State.OK).points == (2, 4, None)
