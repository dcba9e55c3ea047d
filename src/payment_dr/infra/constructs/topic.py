"""Where a site's alarms go: an encrypted topic in its own region, and those who subscribe."""

from dataclasses import dataclass

from cdktn_provider_aws.sns_topic import SnsTopic
from cdktn_provider_aws.sns_topic_policy import SnsTopicPolicy
from cdktn_provider_aws.sns_topic_subscription import SnsTopicSubscription
from constructs import Construct

from payment_dr.infra.constructs.policies import Effect, PolicyStatement, policy
from payment_dr.infra.place import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicProps:
    """`key_arn` is the site's key of messages; CloudWatch may use it."""

    place: Place
    key_arn: str


class SiteTopic(Construct):
    """The topic; alarms of this account and the other site's events alone are published to it.

    Attributes:
        topic_arn: for alarms.
    """

    def __init__(self, scope: Construct, construct_id: str, props: TopicProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        topic = SnsTopic(
            self,
            "topic",
            name=place.name("alarms"),
            display_name=f"Payments {place.site.name}",
            kms_master_key_id=props.key_arn,
        )
        SnsTopicPolicy(
            self,
            "policy",
            arn=topic.arn,
            policy=policy(_alarms(place), _events(place), _only_tls(place)),
        )
        for number, address in enumerate(place.settings.deployment.alarm_emails):
            SnsTopicSubscription(
                self, f"email-{number}", topic_arn=topic.arn, protocol="email", endpoint=address
            )
        self.topic_arn: str = topic.arn


def topic_arn(place: Place) -> str:
    """ARN of the site's topic, for whoever is not in the site's stack."""
    return place.arn("sns", place.name("alarms"))


def _alarms(place: Place) -> PolicyStatement:
    return PolicyStatement(
        sid="AlarmsOfThisAccount",
        actions=("sns:Publish",),
        resources=(topic_arn(place),),
        principal={"Service": "cloudwatch.amazonaws.com"},
        conditions={"StringEquals": {"aws:SourceAccount": place.settings.deployment.account_id}},
    )


def _events(place: Place) -> PolicyStatement:
    """What the other site tells, by rules of the bus that it arrives on."""
    return PolicyStatement(
        sid="EventsOfTheOtherSite",
        actions=("sns:Publish",),
        resources=(topic_arn(place),),
        principal={"Service": "events.amazonaws.com"},
        conditions={
            "ArnLike": {"aws:SourceArn": place.arn("events", f"rule/{place.name('events')}/*")}
        },
    )


def _only_tls(place: Place) -> PolicyStatement:
    return PolicyStatement(
        sid="OnlyTls",
        actions=("sns:Publish",),
        resources=(topic_arn(place),),
        principal={"AWS": "*"},
        conditions={"Bool": {"aws:SecureTransport": "false"}},
        effect=Effect.DENY,
    )
