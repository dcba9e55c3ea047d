"""Log groups."""

from typing import Final

from payment_dr.lab.aws_provider.emulated.resource import Emulated, Job, Types
from payment_dr.lab.aws_provider.wire.values import Object


def _create(job: Job) -> Object:
    client, name = job.client("logs"), job.state["name"]
    client.create_log_group(logGroupName=name, **({"tags": job.tag_map()} if job.tag_map() else {}))
    _keep_for(job)
    return {"id": name, **(_read(job) or {})}


def _keep_for(job: Job) -> None:
    days = job.state.get("retention_in_days")
    if days:
        job.client("logs").put_retention_policy(
            logGroupName=job.state["name"], retentionInDays=days
        )


def _read(job: Job) -> Object | None:
    name = job.state["name"]
    groups = job.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    found = next((each for each in groups if each["logGroupName"] == name), None)
    return None if found is None else {"arn": found["arn"].removesuffix(":*")}


def _update(job: Job) -> Object:
    _keep_for(job)
    return {}


def _delete(job: Job) -> None:
    job.client("logs").delete_log_group(logGroupName=job.state["name"])


TYPES: Final[Types] = {
    "aws_cloudwatch_log_group": Emulated(create=_create, read=_read, update=_update, delete=_delete)
}
