"""The alarms of both sites of a lab, from the data that is deployed.

A test holds them against what the constructs synthesize: they are the same.
"""

from typing import Final

from payment_dr.core.settings import Settings
from payment_dr.infra import alarm as infra
from payment_dr.infra.alarm_definitions import COMPOSITES, alarms
from payment_dr.infra.place import Place, places
from payment_dr.lab.alarms.meter import api_id
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
from payment_dr.lab.alarms.samples import is_percentile

PERCENT: Final = "IF(whole > 0, 100 * part / whole, 0)"


def alarms_of_lab(settings: Settings) -> tuple[Alarm, ...]:
    """All alarms of both sites, composites last."""
    both = places(settings)
    single = (
        metric_alarm(alarm, place)
        for place in both
        for alarm in alarms(place, api_id=api_id(settings, place.site.name))
    )
    composite = (composite_alarm(alarm, place) for place in both for alarm in COMPOSITES)
    return (*single, *composite)


def metric_alarm(alarm: infra.Alarm, place: Place) -> MetricAlarm:
    """An alarm of a site under its full name."""
    watches: Series | Math = _series(alarm.series)
    if alarm.percent_of is not None:
        series = {"part": _series(alarm.series), "whole": _series(alarm.percent_of)}
        watches = Math(expression=PERCENT, series=series)
    return MetricAlarm(
        name=place.name(alarm.name),
        description=alarm.description,
        watches=watches,
        period_s=alarm.window.period_s,
        periods=alarm.window.periods,
        datapoints=alarm.window.datapoints,
        comparison=Comparison(str(alarm.comparison)),
        threshold=float(alarm.threshold),
        missing=Missing(str(alarm.missing)),
        ignores_few=alarm.percent_of is None and is_percentile(alarm.series.statistic),
    )


def composite_alarm(alarm: infra.CompositeAlarm, place: Place) -> CompositeAlarm:
    """An alarm of alarms of a site under its full name."""
    return CompositeAlarm(
        name=place.name(alarm.name), description=alarm.description, rule=alarm.rule(place)
    )


def _series(series: infra.Series) -> Series:
    return Series(
        metric=Metric(
            namespace=series.namespace,
            name=series.metric,
            dimensions=frozenset(series.dimensions),
        ),
        statistic=series.statistic,
    )
