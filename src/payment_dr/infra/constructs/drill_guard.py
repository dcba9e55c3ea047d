"""The dead man's handle of a drill on AWS: what stops an experiment.

Whoever watches a drill from outside publishes `DrillHeartbeat` = 1 in the site's region, at least
once a minute, while payments through the public name are acknowledged; when they are not, or the
watcher is gone, the alarm goes off and every experiment of the site stops and is taken back. An
experiment does not start before the first heartbeats.

The alarm lies where the experiment runs: one of another region is accepted in a template and
refused when the experiment starts.
"""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.cloudwatch_metric_alarm import CloudwatchMetricAlarm
from constructs import Construct

from payment_dr.functions.metrics import NAMESPACE
from payment_dr.infra.place import Place

METRIC: Final = "DrillHeartbeat"
_PERIOD_S: Final = 60
_PERIODS: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class DrillGuardProps:
    """The place whose experiments it stops; `topic_arn` is its alarm topic."""

    place: Place
    topic_arn: str


class DrillGuard(Construct):
    """In alarm whenever nobody vouches for the drill, so also outside drills.

    Attributes:
        alarm_arn: of the alarm.
    """

    def __init__(self, scope: Construct, construct_id: str, props: DrillGuardProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        alarm = CloudwatchMetricAlarm(
            self,
            "alarm",
            alarm_name=place.name("drill"),
            alarm_description=f"Nobody vouches for a drill at {place.site.name}: experiments stop",
            namespace=NAMESPACE,
            metric_name=METRIC,
            dimensions={"Site": place.site.name},
            statistic="Minimum",
            period=_PERIOD_S,
            evaluation_periods=_PERIODS,
            datapoints_to_alarm=_PERIODS,
            comparison_operator="LessThanThreshold",
            threshold=1,
            treat_missing_data="breaching",
            # Only what ends is told: a drill that has lost its watcher, or is over.
            alarm_actions=[props.topic_arn],
            region=place.site.region,
        )
        self.alarm_arn: str = alarm.arn
