"""A site at a glance, drawn from its alarms: their states, then a row each for what they watch."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cdktn_provider_aws.cloudwatch_dashboard import CloudwatchDashboard
from constructs import Construct

from payment_dr.infra.alarm import Alarm, CompositeAlarm, Row, Series
from payment_dr.infra.place import Place

_WIDTH: Final = 24
"""Of a dashboard, in CloudWatch's units."""
_CHART_WIDTH: Final = 6
_CHART_HEIGHT: Final = 6
_STATES_HEIGHT: Final = 6
_TITLE_HEIGHT: Final = 1

Widget = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class DashboardProps:
    """What is drawn."""

    place: Place
    alarms: tuple[Alarm, ...]
    composites: tuple[CompositeAlarm, ...]


class SiteDashboard(Construct):
    """The dashboard `payments-overview-<site>-<suffix>`."""

    def __init__(self, scope: Construct, construct_id: str, props: DashboardProps) -> None:
        super().__init__(scope, construct_id)
        CloudwatchDashboard(
            self,
            "dashboard",
            dashboard_name=props.place.name("overview"),
            dashboard_body=json.dumps(body(props)),
        )


def body(props: DashboardProps) -> dict[str, Any]:
    """The dashboard as CloudWatch takes it."""
    widgets = [_states(props)]
    top = _STATES_HEIGHT
    for row in Row:
        in_row = [alarm for alarm in props.alarms if alarm.row is row]
        widgets.append(_title(row, top))
        top += _TITLE_HEIGHT
        charts = list(_charts(in_row, props.place, top))
        widgets += charts
        top = max((chart["y"] for chart in charts), default=top) + _CHART_HEIGHT
    return {"start": "-PT3H", "periodOverride": "inherit", "widgets": widgets}


def _states(props: DashboardProps) -> Widget:
    """All alarms, the alarms of alarms first."""
    place = props.place
    names = (*(one.name for one in props.composites), *(one.name for one in props.alarms))
    return {
        "type": "alarm",
        "x": 0,
        "y": 0,
        "width": _WIDTH,
        "height": _STATES_HEIGHT,
        "properties": {
            "title": f"Alarms of {place.site.name}",
            "alarms": [place.arn("cloudwatch", f"alarm:{place.name(name)}") for name in names],
        },
    }


def _title(row: Row, top: int) -> Widget:
    return {
        "type": "text",
        "x": 0,
        "y": top,
        "width": _WIDTH,
        "height": _TITLE_HEIGHT,
        "properties": {"markdown": f"## {row.value}"},
    }


def _charts(alarms: Sequence[Alarm], place: Place, top: int) -> Iterator[Widget]:
    """One chart for alarms of a kind, four beside each other."""
    kinds: defaultdict[str, list[Alarm]] = defaultdict(list)
    for alarm in alarms:
        kinds[f"{alarm.runbook}{' (percent)' if alarm.percent_of else ''}"].append(alarm)
    per_line = _WIDTH // _CHART_WIDTH
    for number, (title, kind) in enumerate(kinds.items()):
        yield {
            "type": "metric",
            "x": number % per_line * _CHART_WIDTH,
            "y": top + number // per_line * _CHART_HEIGHT,
            "width": _CHART_WIDTH,
            "height": _CHART_HEIGHT,
            "properties": {
                "title": title,
                "region": place.site.region,
                "view": "timeSeries",
                "period": kind[0].window.period_s,
                "metrics": [line for alarm in kind for line in _lines(alarm)],
                "annotations": {"horizontal": _thresholds(kind)},
            },
        }


def _thresholds(kind: Sequence[Alarm]) -> list[dict[str, Any]]:
    """Each threshold once, by its value."""
    return [
        {"label": label, "value": value}
        for value, label in {alarm.threshold: "raised beyond" for alarm in kind}.items()
    ]


def _lines(alarm: Alarm) -> Iterator[list[Any]]:
    if alarm.percent_of is None:
        yield [*_metric(alarm.series), {"stat": alarm.series.statistic, "label": alarm.name}]
        return
    yield [{"expression": "IF(whole > 0, 100 * part / whole, 0)", "label": alarm.name}]
    for name, series in (("part", alarm.series), ("whole", alarm.percent_of)):
        yield [*_metric(series), {"id": name, "stat": series.statistic, "visible": False}]


def _metric(series: Series) -> list[str]:
    return [series.namespace, series.metric, *(text for pair in series.dimensions for text in pair)]
