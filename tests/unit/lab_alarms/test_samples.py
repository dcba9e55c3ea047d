import json

import pytest

from payment_dr.core.stamp import SiteName
from payment_dr.functions.metrics import Metric as Ours
from payment_dr.functions.metrics import embedded as ours
from payment_dr.lab.alarms import embedded
from payment_dr.lab.alarms.lag import LagMeter
from payment_dr.lab.alarms.model import Metric
from payment_dr.lab.alarms.samples import Sample, Samples, percentile, statistic
from payment_dr.lab.errors import LabError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Sum", 10),
        ("Minimum", 1),
        ("Maximum", 4),
        ("Average", 2.5),
        ("SampleCount", 4),
        ("p50", 2),
        ("p99", 4),
        ("p1", 1),
        ("p100", 4),
    ],
)
def test_the_samples_of_a_period_become_one(name: str, value: float) -> None:
    assert statistic(name, [4, 1, 3, 2]) == value
    assert statistic(name, []) is None


@pytest.mark.parametrize("name", ["Median", "p", "p0", "p101", "pxx", "sum"])
def test_another_statistic_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="no statistic"):
        percentile(name)


def test_samples_are_kept_by_metric_and_minute() -> None:
    metric = Metric(namespace="N", name="M", dimensions=frozenset({("A", "1")}))
    samples = Samples([Sample(metric=metric, at_s=59.9, value=1)])
    samples.add(Sample(metric=metric, at_s=60, value=2))
    assert samples.within(metric, 0, 60) == [1]
    assert samples.within(metric, 0, 120) == [1, 2]
    other = Metric(namespace="N", name="M", dimensions=frozenset({("A", "2")}))
    assert samples.within(other, 0, 120) == []
    # A span with more minutes than were ever measured is read the other way round.
    assert samples.within(metric, 0, 600) == [1, 2]
    assert samples.within(metric, 60, 600) == [2]


def test_what_a_function_publishes_is_read_as_it_was_published() -> None:
    values: dict[Ours, float] = {Ours.UNCONFIRMED: 3, Ours.UNCONFIRMED_AGE: 2.5}
    line = json.dumps({"level": "INFO", **ours(values, site=SiteName("east"), at_s=100)})
    found = list(embedded.samples(line, stretch=60))
    east = frozenset({("Site", "east")})
    assert [(one.metric.name, one.at_s, one.value) for one in found] == [
        ("UnconfirmedPayments", 100, 3),
        # What is measured in seconds is stretched with the lab's time.
        ("UnconfirmedAgeSeconds", 100, 150),
    ]
    assert {one.metric.dimensions for one in found} == {east}
    assert {one.metric.namespace for one in found} == {"PaymentDR"}


def test_a_line_of_many_values_is_as_many_samples_of_each_set_of_dimensions() -> None:
    text = embedded.line("AWS/X", {"A": "1"}, {"M": [1, 2], "L": [3]}, at_s=1.5)
    assert [(one.metric.name, one.at_s, one.value) for one in embedded.samples(text)] == [
        ("M", 1.5, 1),
        ("M", 1.5, 2),
        ("L", 1.5, 3),
    ]
    document = json.loads(text)
    document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = [["A"], []]
    sets = {one.metric.dimensions for one in embedded.samples(json.dumps(document))}
    assert sets == {frozenset({("A", "1")}), frozenset[tuple[str, str]]()}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Traceback (most recent call last):",
        '{"level": "INFO"}',
        '{"_aws": ',
        '{"_aws": {"Timestamp": 1}}',
        embedded.line("N", {"S": "1"}, {"M": [1]}, at_s=1).replace('"S": "1"', '"R": "1"'),
    ],
)
def test_other_lines_of_a_log_measure_nothing(text: str) -> None:
    assert not list(embedded.samples(text))


def test_a_copy_lags_since_its_writer_was_first_further_on() -> None:
    meter = LagMeter()
    assert meter.lag_ms(0, 1) == 0
    meter.wrote(100, 1)
    meter.wrote(100, 2)
    assert meter.lag_ms(100, 3) == 0
    meter.wrote(200, 4)
    meter.wrote(300, 5)
    assert meter.lag_ms(150, 6) == 2000
    assert meter.lag_ms(200, 7) == 2000
    # Nobody writes any more, and it is still behind.
    assert meter.lag_ms(200, 17) == 12_000
    assert meter.lag_ms(300, 18) == 0
