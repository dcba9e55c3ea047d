"""What tells people about a site: its topic, its alarms, its dashboard."""

from dataclasses import dataclass

from constructs import Construct

from payment_dr.infra.alarm_definitions import COMPOSITES, PEER_UNHEALTHY, SITE_UNHEALTHY, alarms
from payment_dr.infra.constructs.alarms import AlarmsProps, SiteAlarms
from payment_dr.infra.constructs.dashboard import DashboardProps, SiteDashboard
from payment_dr.infra.constructs.topic import SiteTopic, TopicProps
from payment_dr.infra.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class MonitoringProps:
    """`api_id` is that of the site's API, `messages_key_arn` the site's key of messages."""

    place: Place
    api_id: str
    messages_key_arn: str


class SiteMonitoring(Construct):
    """Topic, alarms and dashboard.

    Attributes:
        topic_arn: where alarms go.
        unhealthy_alarm_name: says that this site is ill.
        peer_unhealthy_alarm_name: says that the other one is lost and nobody here moves; it starts
            this site's state machine.
    """

    def __init__(self, scope: Construct, construct_id: str, props: MonitoringProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        topic = SiteTopic(self, "topic", TopicProps(place=place, key_arn=props.messages_key_arn))
        defined = alarms(place, api_id=props.api_id)
        SiteAlarms(
            self,
            "alarms",
            AlarmsProps(
                place=place, topic_arn=topic.topic_arn, alarms=defined, composites=COMPOSITES
            ),
        )
        SiteDashboard(
            self,
            "dashboard",
            DashboardProps(place=place, alarms=defined, composites=COMPOSITES),
        )
        self.topic_arn: str = topic.topic_arn
        self.unhealthy_alarm_name = place.name(SITE_UNHEALTHY.name)
        self.peer_unhealthy_alarm_name = place.name(PEER_UNHEALTHY.name)
