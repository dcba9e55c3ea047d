"""Schedules of EventBridge Scheduler."""

from typing import Any, Final

from payment_dr.lab.aws_provider.emulated.resource import Emulated, Job, Types, first, picked
from payment_dr.lab.aws_provider.wire.values import Object

_GROUP: Final = "default"


def _name(job: Job) -> dict[str, Any]:
    group = job.given(group="group_name").get("group", _GROUP)
    return {"Name": job.state["name"], "GroupName": group}


def _schedule(job: Job) -> dict[str, Any]:
    target = first(job.arguments, "target")
    retry = picked(
        first(target, "retry_policy"),
        MaximumEventAgeInSeconds="maximum_event_age_in_seconds",
        MaximumRetryAttempts="maximum_retry_attempts",
    )
    letters = picked(first(target, "dead_letter_config"), Arn="arn")
    window = picked(
        first(job.arguments, "flexible_time_window"),
        Mode="mode",
        MaximumWindowInMinutes="maximum_window_in_minutes",
    )
    return {
        **_name(job),
        **job.given(
            ScheduleExpression="schedule_expression",
            ScheduleExpressionTimezone="schedule_expression_timezone",
            Description="description",
            State="state",
        ),
        "FlexibleTimeWindow": window,
        "Target": {
            **picked(target, Arn="arn", RoleArn="role_arn", Input="input"),
            **({"RetryPolicy": retry} if retry else {}),
            **({"DeadLetterConfig": letters} if letters else {}),
        },
    }


def _create(job: Job) -> Object:
    made = job.client("scheduler").create_schedule(**_schedule(job))
    group = _name(job)["GroupName"]
    return {"arn": made["ScheduleArn"], "group_name": group, "id": f"{group}/{job.state['name']}"}


def _read(job: Job) -> Object:
    job.client("scheduler").get_schedule(**_name(job))
    return {}


def _update(job: Job) -> Object:
    job.client("scheduler").update_schedule(**_schedule(job))
    return {}


def _delete(job: Job) -> None:
    job.client("scheduler").delete_schedule(**_name(job))


def _create_group(job: Job) -> Object:
    name = job.state["name"]
    made = job.client("scheduler").create_schedule_group(
        Name=name, **({"Tags": job.tags()} if job.tags() else {})
    )
    return {"arn": made["ScheduleGroupArn"], "id": name, **_read_group(job)}


def _read_group(job: Job) -> Object:
    return {"state": job.client("scheduler").get_schedule_group(Name=job.state["name"])["State"]}


def _delete_group(job: Job) -> None:
    job.client("scheduler").delete_schedule_group(Name=job.state["name"])


TYPES: Final[Types] = {
    "aws_scheduler_schedule": Emulated(create=_create, read=_read, update=_update, delete=_delete),
    "aws_scheduler_schedule_group": Emulated(
        create=_create_group, read=_read_group, delete=_delete_group
    ),
}
