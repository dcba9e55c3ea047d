"""Alarms on metrics, and alarms on alarms."""

from typing import Any, Final

from payment_dr.lab.aws_provider.emulated.resource import (
    Emulated,
    Job,
    Types,
    blocks,
    first,
    picked,
)
from payment_dr.lab.aws_provider.wire.values import Object


def _actions(job: Job) -> dict[str, Any]:
    enabled = job.state.get("actions_enabled")
    return {
        "ActionsEnabled": True if enabled is None else enabled,
        **job.given(
            AlarmName="alarm_name",
            AlarmDescription="alarm_description",
            AlarmActions="alarm_actions",
            OKActions="ok_actions",
            InsufficientDataActions="insufficient_data_actions",
        ),
    }


def _put_metric(job: Job) -> Object:
    dimensions = [
        {"Name": name, "Value": value}
        for name, value in job.given(of="dimensions").get("of", {}).items()
    ]
    queries = [_query(each) for each in blocks(job.arguments, "metric_query")]
    job.client("cloudwatch").put_metric_alarm(
        **_actions(job),
        **job.given(
            ComparisonOperator="comparison_operator",
            DatapointsToAlarm="datapoints_to_alarm",
            EvaluationPeriods="evaluation_periods",
            ExtendedStatistic="extended_statistic",
            MetricName="metric_name",
            Namespace="namespace",
            Period="period",
            Statistic="statistic",
            Threshold="threshold",
            ThresholdMetricId="threshold_metric_id",
            TreatMissingData="treat_missing_data",
            Unit="unit",
        ),
        **({"Dimensions": dimensions} if dimensions else {}),
        **({"Metrics": queries} if queries else {}),
        **({"Tags": job.tags()} if job.tags() else {}),
    )
    return _told(job)


def _query(block: Object) -> dict[str, Any]:
    metric = first(block, "metric")
    stat: dict[str, Any] = {}
    if metric:
        dimensions = picked(metric, of="dimensions").get("of", {})
        named = picked(metric, MetricName="metric_name", Namespace="namespace")
        named["Dimensions"] = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        stat = {"MetricStat": {"Metric": named, **picked(metric, Period="period", Stat="stat")}}
    return {
        **picked(block, Id="id", Expression="expression", Label="label", Period="period"),
        "ReturnData": bool(block.get("return_data")),
        **stat,
    }


def _put_composite(job: Job) -> Object:
    job.client("cloudwatch").put_composite_alarm(
        **_actions(job),
        **job.given(AlarmRule="alarm_rule"),
        **({"Tags": job.tags()} if job.tags() else {}),
    )
    return _told(job)


def _told(job: Job) -> Object:
    name = job.state["alarm_name"]
    found = job.client("cloudwatch").describe_alarms(
        AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    alarms = [*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])]
    return {"id": name, "arn": alarms[0]["AlarmArn"]} if alarms else {}


def _read(job: Job) -> Object | None:
    return _told(job) or None


def _delete(job: Job) -> None:
    job.client("cloudwatch").delete_alarms(AlarmNames=[job.state["alarm_name"]])


TYPES: Final[Types] = {
    "aws_cloudwatch_composite_alarm": Emulated(
        create=_put_composite, read=_read, update=_put_composite, delete=_delete
    ),
    "aws_cloudwatch_metric_alarm": Emulated(
        create=_put_metric, read=_read, update=_put_metric, delete=_delete
    ),
}
