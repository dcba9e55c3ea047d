"""Keys of a site's region. A key of one region says nothing in the other, so each has its own."""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.kms_alias import KmsAlias
from cdktn_provider_aws.kms_key import KmsKey
from constructs import Construct

from payment_dr.infra.constructs.policies import PolicyStatement, policy
from payment_dr.infra.place import Place

_DELETION_DAYS: Final = 30
"""The longest that KMS takes: whoever deletes the key deletes the backups with it."""
_ROTATION_DAYS: Final = 365
_USE: Final = ("kms:Decrypt", "kms:GenerateDataKey*")
_PUBLISHERS: Final = ("cloudwatch", "sns")
"""Services that put messages into encrypted topics and queues: alarms, subscriptions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeysProps:
    """What the keys depend on: the place alone."""

    place: Place


class SiteKeys(Construct):
    """Three keys, rotated yearly: data at rest, logs, messages.

    Attributes:
        data_arn: database, backups, buckets and functions' environment.
        logs_arn: log groups; CloudWatch Logs may use it for groups of this account and region.
        messages_arn: topics and queues; alarms, rules and topics of this account may use it.
    """

    def __init__(self, scope: Construct, construct_id: str, props: KeysProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        self.data_arn = self._key(
            "data", place, "Database, backups, buckets, environments", _delivered(place)
        )
        self.logs_arn = self._key("logs", place, "Log groups", _logs(place))
        self.messages_arn = self._key("messages", place, "Topics and queues", *_messages(place))

    def _key(self, thing: str, place: Place, description: str, *statements: PolicyStatement) -> str:
        key = KmsKey(
            self,
            thing,
            description=f"{description} of {place.site.name}",
            key_usage="ENCRYPT_DECRYPT",
            multi_region=False,
            enable_key_rotation=True,
            rotation_period_in_days=_ROTATION_DAYS,
            deletion_window_in_days=_DELETION_DAYS,
            policy=policy(_account(place), *statements),
            tags={"Name": place.name(thing)},
        )
        KmsAlias(
            self, f"{thing}-alias", name=f"alias/{place.name(thing)}", target_key_id=key.key_id
        )
        return key.arn


def _account(place: Place) -> PolicyStatement:
    """Leave the rest to IAM policies of this account; without it nobody could change the key."""
    account = place.settings.deployment.account_id
    return PolicyStatement(
        sid="Account",
        actions=("kms:*",),
        resources=("*",),
        principal={"AWS": f"arn:aws:iam::{account}:root"},
    )


def _delivered(place: Place) -> PolicyStatement:
    """The recovery's log is delivered sealed with this key, and opened where it arrives.

    https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
    """
    return PolicyStatement(
        sid="DeliveredLogs",
        actions=("kms:Decrypt",),
        resources=("*",),
        principal={"Service": "delivery.logs.amazonaws.com"},
        conditions={"StringEquals": {"kms:EncryptionContext:SourceArn": place.arn("logs", "*")}},
    )


def _logs(place: Place) -> PolicyStatement:
    return PolicyStatement(
        sid="Logs",
        actions=("kms:Encrypt*", "kms:ReEncrypt*", "kms:DescribeKey", *_USE),
        resources=("*",),
        principal={"Service": f"logs.{place.site.region}.amazonaws.com"},
        conditions={
            "ArnLike": {"kms:EncryptionContext:aws:logs:arn": place.arn("logs", "log-group:*")}
        },
    )


def _messages(place: Place) -> list[PolicyStatement]:
    account = place.settings.deployment.account_id
    named = [
        PolicyStatement(
            sid=service.capitalize(),
            actions=_USE,
            resources=("*",),
            principal={"Service": f"{service}.amazonaws.com"},
            conditions={"StringEquals": {"aws:SourceAccount": account}},
        )
        for service in _PUBLISHERS
    ]
    # EventBridge names no source when it asks for the key of an encrypted topic: with a condition
    # every message of a rule would be lost. Whose rule it is, is said by the policy of the topic.
    rules = PolicyStatement(
        sid="Events",
        actions=_USE,
        resources=("*",),
        principal={"Service": "events.amazonaws.com"},
    )
    return [*named, rules]
