"""Topics."""

from typing import Final

from payment_dr.lab.aws_provider.emulated.resource import Emulated, Job, Types
from payment_dr.lab.aws_provider.wire.values import Object

_ACCOUNT: Final = 4
"""Which part of an ARN names the account."""


def _create(job: Job) -> Object:
    attributes = job.given(KmsMasterKeyId="kms_master_key_id", DisplayName="display_name")
    topic = job.client("sns").create_topic(
        Name=job.state["name"], Attributes=attributes, Tags=job.tags()
    )
    arn = topic["TopicArn"]
    return {"arn": arn, "id": arn, "owner": arn.split(":")[_ACCOUNT]}


def _read(job: Job) -> Object:
    job.client("sns").get_topic_attributes(TopicArn=job.state["id"])
    return {}


def _delete(job: Job) -> None:
    job.client("sns").delete_topic(TopicArn=job.state["id"])


TYPES: Final[Types] = {"aws_sns_topic": Emulated(create=_create, read=_read, delete=_delete)}
