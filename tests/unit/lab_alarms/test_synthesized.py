"""Alarms of a stack's JSON; those that are ours are read in `tests/infra/test_alarm_proofs.py`."""

from typing import Any

import pytest

from payment_dr.lab.alarms.model import Missing, Series
from payment_dr.lab.alarms.synthesized import alarms_of, metric_alarm
from payment_dr.lab.errors import LabError

PLAIN: dict[str, Any] = {
    "alarm_name": "a",
    "namespace": "N",
    "metric_name": "M",
    "statistic": "Sum",
    "period": 60,
    "evaluation_periods": 3,
    "threshold": 1,
    "comparison_operator": "GreaterThanThreshold",
}


def query(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, **more}


def metric(period: int) -> dict[str, Any]:
    return {"namespace": "N", "metric_name": "M", "stat": "Sum", "period": period}


def test_what_is_not_given_is_as_cloudwatch_has_it() -> None:
    alarm = metric_alarm(PLAIN)
    assert (alarm.datapoints, alarm.missing, alarm.ignores_few) == (3, Missing.MISSING, False)
    assert isinstance(alarm.watches, Series)
    assert alarm.watches.metric.dimensions == frozenset()
    assert alarm.description == ""
    assert alarms_of({}) == ()


@pytest.mark.parametrize(
    ("queries", "says"),
    [
        ([query("a", metric=metric(60))], "one expression"),
        ([query("a", metric=metric(60), return_data=True)], "one expression"),
        (
            [
                query("e", expression="a + b", return_data=True),
                query("a", metric=metric(60)),
                query("b", metric=metric(300)),
            ],
            "one period",
        ),
        ([query("e", expression="1", return_data=True)], "one period"),
    ],
)
def test_what_the_lab_does_not_evaluate_is_refused(
    queries: list[dict[str, Any]], says: str
) -> None:
    without = {
        name: value for name, value in PLAIN.items() if name not in {"metric_name", "period"}
    }
    with pytest.raises(LabError, match=says):
        metric_alarm({**without, "metric_query": queries})
