"""Alarms as they were synthesized: what is evaluated is what is deployed.

The two types and their arguments are those of Terraform's provider:
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/cloudwatch_metric_alarm
"""

from collections.abc import Mapping
from typing import Any

from payment_dr.lab.alarms.model import (
    Alarm,
    Comparison,
    CompositeAlarm,
    Math,
    Metric,
    MetricAlarm,
    Missing,
    Series,
)
from payment_dr.lab.errors import LabError

Body = Mapping[str, Any]


def alarms_of(stack: Mapping[str, Any]) -> tuple[Alarm, ...]:
    """Alarms of a stack's JSON, composites last.

    Raises:
        LabError: an alarm watches something that the lab does not evaluate.
    """
    resources: Mapping[str, Mapping[str, Body]] = stack.get("resource", {})
    metric = resources.get("aws_cloudwatch_metric_alarm", {})
    composite = resources.get("aws_cloudwatch_composite_alarm", {})
    return (
        *(metric_alarm(body) for body in metric.values()),
        *(composite_alarm(body) for body in composite.values()),
    )


def metric_alarm(body: Body) -> MetricAlarm:
    """One `aws_cloudwatch_metric_alarm`; what is not given has CloudWatch's default."""
    queries: list[Body] = body.get("metric_query", [])
    periods = int(body["evaluation_periods"])
    return MetricAlarm(
        name=body["alarm_name"],
        description=body.get("alarm_description", ""),
        watches=_math(queries) if queries else _series(body, body["metric_name"]),
        period_s=int(_only_period(queries) if queries else body["period"]),
        periods=periods,
        datapoints=int(body.get("datapoints_to_alarm", periods)),
        comparison=Comparison(body["comparison_operator"]),
        threshold=float(body["threshold"]),
        missing=Missing(body.get("treat_missing_data", "missing")),
        ignores_few=body.get("evaluate_low_sample_count_percentiles") == "ignore",
    )


def composite_alarm(body: Body) -> CompositeAlarm:
    """One `aws_cloudwatch_composite_alarm`."""
    return CompositeAlarm(
        name=body["alarm_name"],
        description=body.get("alarm_description", ""),
        rule=body["alarm_rule"],
    )


def _math(queries: list[Body]) -> Math:
    returned = [query for query in queries if query.get("return_data")]
    series = {query["id"]: query["metric"] for query in queries if "metric" in query}
    if len(returned) != 1 or "expression" not in returned[0]:
        raise LabError("the lab evaluates alarms of one expression over metrics")
    return Math(
        expression=returned[0]["expression"],
        series={name: _series(body, body["metric_name"]) for name, body in series.items()},
    )


def _only_period(queries: list[Body]) -> int:
    """CloudWatch wants one period in all metrics of an alarm."""
    periods = {int(query["metric"]["period"]) for query in queries if "metric" in query}
    if len(periods) != 1:
        raise LabError(f"the metrics of an alarm have one period, not {sorted(periods)}")
    return periods.pop()


def _series(body: Body, name: str) -> Series:
    statistic = body.get("statistic") or body.get("extended_statistic") or body["stat"]
    return Series(
        metric=Metric(
            namespace=body["namespace"],
            name=name,
            dimensions=frozenset(body.get("dimensions", {}).items()),
        ),
        statistic=statistic,
    )
