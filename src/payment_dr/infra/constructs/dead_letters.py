"""Where calls end that failed and that nobody waits for: a queue of the site, for two weeks."""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.sqs_queue import SqsQueue
from cdktn_provider_aws.sqs_queue_policy import SqsQueuePolicy
from constructs import Construct

from payment_dr.infra.constructs.policies import Effect, PolicyStatement, policy
from payment_dr.infra.place import Place

RETENTION_S: Final = 14 * 24 * 3600
"""The longest that SQS takes: a weekend and a holiday are no reason to lose one."""

_KEY_REUSE_S: Final = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLettersProps:
    """`key_arn` is the site's key of messages."""

    place: Place
    key_arn: str


class SiteDeadLetters(Construct):
    """The queue; functions and schedules write by their roles, rules by its policy.

    Attributes:
        queue_arn: for those who write.
        queue_name: for the alarm.
    """

    def __init__(self, scope: Construct, construct_id: str, props: DeadLettersProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        queue = SqsQueue(
            self,
            "queue",
            name=place.name("dead-letters"),
            message_retention_seconds=RETENTION_S,
            kms_master_key_id=props.key_arn,
            kms_data_key_reuse_period_seconds=_KEY_REUSE_S,
        )
        SqsQueuePolicy(
            self, "policy", queue_url=queue.url, policy=policy(_rules(place), _only_tls(place))
        )
        self.queue_arn: str = queue.arn
        self.queue_name: str = place.name("dead-letters")


def _arn(place: Place) -> str:
    return place.arn("sqs", place.name("dead-letters"))


def _rules(place: Place) -> PolicyStatement:
    return PolicyStatement(
        sid="RulesOfThisSite",
        actions=("sqs:SendMessage",),
        resources=(_arn(place),),
        principal={"Service": "events.amazonaws.com"},
        conditions={"ArnLike": {"aws:SourceArn": place.arn("events", f"rule/{place.name('*')}")}},
    )


def _only_tls(place: Place) -> PolicyStatement:
    return PolicyStatement(
        sid="OnlyTls",
        actions=("sqs:*",),
        resources=(_arn(place),),
        principal={"AWS": "*"},
        conditions={"Bool": {"aws:SecureTransport": "false"}},
        effect=Effect.DENY,
    )
