"""The alarms of `alarm_definitions`, each of which tells people when it is raised and when over."""

from dataclasses import dataclass
from typing import Any, Final

from cdktn_provider_aws.cloudwatch_composite_alarm import CloudwatchCompositeAlarm
from cdktn_provider_aws.cloudwatch_metric_alarm import (
    CloudwatchMetricAlarm,
    CloudwatchMetricAlarmMetricQuery,
    CloudwatchMetricAlarmMetricQueryMetric,
)
from constructs import Construct

from payment_dr.infra.alarm import Alarm, CompositeAlarm, Series
from payment_dr.infra.place import Place

_PERCENTILE: Final = "p"


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmsProps:
    """Alarms of a site and the topic that they tell."""

    place: Place
    topic_arn: str
    alarms: tuple[Alarm, ...]
    composites: tuple[CompositeAlarm, ...]


class SiteAlarms(Construct):
    """Every alarm, and the alarms of alarms after those that they follow."""

    def __init__(self, scope: Construct, construct_id: str, props: AlarmsProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        told = [props.topic_arn]
        made = {
            alarm.name: CloudwatchMetricAlarm(
                self,
                alarm.name,
                alarm_name=place.name(alarm.name),
                alarm_description=alarm.description,
                comparison_operator=str(alarm.comparison),
                threshold=alarm.threshold,
                evaluation_periods=alarm.window.periods,
                datapoints_to_alarm=alarm.window.datapoints,
                treat_missing_data=str(alarm.missing),
                alarm_actions=told,
                ok_actions=told,
                **_watched(alarm),
            )
            for alarm in props.alarms
        }
        for composite in props.composites:
            CloudwatchCompositeAlarm(
                self,
                composite.name,
                alarm_name=place.name(composite.name),
                alarm_description=composite.description,
                alarm_rule=composite.rule(place),
                depends_on=[made[name] for name in composite.children],
                alarm_actions=told,
                ok_actions=told,
            )


def _watched(alarm: Alarm) -> dict[str, Any]:
    """Arguments that say what an alarm watches: one series, or a quotient of two."""
    if alarm.percent_of is not None:
        return {"metric_query": _quotient(alarm, alarm.percent_of)}
    series = alarm.series
    watched: dict[str, Any] = {
        "namespace": series.namespace,
        "metric_name": series.metric,
        "dimensions": dict(series.dimensions),
        "period": alarm.window.period_s,
    }
    if series.statistic.startswith(_PERCENTILE):
        # Of a handful of requests no percentile can be told.
        return {
            **watched,
            "extended_statistic": series.statistic,
            "evaluate_low_sample_count_percentiles": "ignore",
        }
    return {**watched, "statistic": series.statistic}


def _quotient(alarm: Alarm, percent_of: Series) -> list[CloudwatchMetricAlarmMetricQuery]:
    return [
        CloudwatchMetricAlarmMetricQuery(
            id="percent",
            expression="IF(whole > 0, 100 * part / whole, 0)",
            label=alarm.name,
            return_data=True,
        ),
        _query("part", alarm.series, alarm.window.period_s),
        _query("whole", percent_of, alarm.window.period_s),
    ]


def _query(name: str, series: Series, period_s: int) -> CloudwatchMetricAlarmMetricQuery:
    return CloudwatchMetricAlarmMetricQuery(
        id=name,
        return_data=False,
        metric=CloudwatchMetricAlarmMetricQueryMetric(
            namespace=series.namespace,
            metric_name=series.metric,
            dimensions=dict(series.dimensions),
            stat=series.statistic,
            period=period_s,
        ),
    )
