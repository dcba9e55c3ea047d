"""The takeover switch as Route 53 sees it: a metric, its alarm, and a health check of the alarm.

The switch lies in the region of the site that is *not* home: turning it is a data-plane call of the
surviving region. Nobody publishing, and that region being gone, both mean that it is not raised.

Route 53 follows alarms of standard-resolution metrics alone, on plain statistics
(https://docs.aws.amazon.com/Route53/latest/APIReference/API_AlarmIdentifier.html), so a period is
60 s here and no high resolution helps. The loss of a site does not wait for it: that is found by
the probes of the site's own `/health`. The switch is for leaving a site that still answers.
"""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.cloudwatch_metric_alarm import CloudwatchMetricAlarm
from cdktn_provider_aws.route53_health_check import Route53HealthCheck
from constructs import Construct

from payment_dr.adapters.cloudwatch_switch import METRIC, NAMESPACE
from payment_dr.infra.place import Place

PERIOD_S: Final = 60
"""Shortest period of a standard-resolution metric."""

EVALUATION_PERIODS: Final = 1
"""One datapoint turns it: whoever publishes has already decided."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeoverProps:
    """Both places; `topic_arn` is the alarm topic of the other site."""

    home: Place
    peer: Place
    topic_arn: str


class TakeoverSwitch(Construct):
    """Healthy while nobody asks clients to leave home.

    Attributes:
        alarm_name: of the alarm, in the other site's region.
        health_check_id: unhealthy while the switch is raised.
    """

    def __init__(self, scope: Construct, construct_id: str, props: TakeoverProps) -> None:
        super().__init__(scope, construct_id)
        home, peer = props.home, props.peer
        alarm = CloudwatchMetricAlarm(
            self,
            "alarm",
            alarm_name=peer.name("takeover"),
            alarm_description=f"Raised: clients are to leave {home.site.name}",
            namespace=NAMESPACE,
            metric_name=METRIC,
            dimensions={"Site": home.site.name},
            statistic="Maximum",
            period=PERIOD_S,
            evaluation_periods=EVALUATION_PERIODS,
            datapoints_to_alarm=EVALUATION_PERIODS,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=1,
            treat_missing_data="notBreaching",
            alarm_actions=[props.topic_arn],
            ok_actions=[props.topic_arn],
            region=peer.site.region,
        )
        check = Route53HealthCheck(
            self,
            "not-raised",
            type="CLOUDWATCH_METRIC",
            cloudwatch_alarm_name=alarm.alarm_name,
            cloudwatch_alarm_region=peer.site.region,
            # Last-known would hold a switch that nobody holds any more.
            insufficient_data_health_status="Healthy",
            tags={"Name": peer.name("takeover")},
        )
        self.alarm_name: str = alarm.alarm_name
        self.health_check_id: str = check.id
