import json
import logging
from typing import Any

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics

from payment_dr.core.stamp import SiteName
from payment_dr.functions.logs import LogFormatter
from payment_dr.functions.metrics import DIMENSION, Metric, embedded, publish

EAST = SiteName("east")


def test_a_line_of_the_log_says_to_cloudwatch_which_of_its_fields_are_metrics() -> None:
    fields = embedded({Metric.UNCONFIRMED: 3, Metric.UNCONFIRMED_AGE: 1.5}, site=EAST, at_s=12.3456)
    told = fields["_aws"]
    assert told["Timestamp"] == 12_346
    [published] = told["CloudWatchMetrics"]
    assert published["Namespace"] == "PaymentDR"
    assert published["Dimensions"] == [[DIMENSION]]
    assert published["Metrics"] == [
        {"Name": "UnconfirmedPayments", "Unit": "Count"},
        {"Name": "UnconfirmedAgeSeconds", "Unit": "Seconds"},
    ]
    assert fields["UnconfirmedPayments"] == 3
    assert fields["UnconfirmedAgeSeconds"] == 1.5
    assert fields["Site"] == "east"


def test_every_metric_and_dimension_that_is_announced_is_at_the_root_of_the_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "payment_dr"):
        publish(dict.fromkeys(Metric, 1.0), site=EAST, at_s=1.0)
    line = json.loads(LogFormatter().format(caplog.records[-1]))
    [published] = line["_aws"]["CloudWatchMetrics"]
    assert {one["Name"] for one in published["Metrics"]} == set(Metric) <= line.keys()
    assert set(published["Dimensions"][0]) <= line.keys()


@pytest.mark.parametrize("metric", Metric)
def test_a_metric_in_seconds_says_so_in_its_name(metric: Metric) -> None:
    [told] = embedded({metric: 1}, site=EAST, at_s=0)["_aws"]["CloudWatchMetrics"]
    assert (told["Metrics"][0]["Unit"] == "Seconds") is metric.endswith("Seconds")


def test_a_line_is_what_powertools_would_make_of_it() -> None:
    values = {Metric.UNCONFIRMED: 3.0, Metric.UNCONFIRMED_AGE: 1.5}
    ours = embedded(values, site=EAST, at_s=12.0, item="replica")
    theirs = EphemeralMetrics(namespace="PaymentDR")
    for name, value in values.items():
        theirs.add_metric(
            name=name, unit="Seconds" if name.endswith("Seconds") else "Count", value=value
        )
    theirs.add_dimension(name="Site", value="east")
    theirs.add_dimension(name="Item", value="replica")
    expected: dict[str, Any] = {**theirs.serialize_metric_set()}
    expected["_aws"]["Timestamp"] = 12_000
    for name in values:
        ours[name] = [ours[name]]
    assert ours == expected
