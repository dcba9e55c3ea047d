"""State machines of Step Functions."""

from typing import Any, Final

from payment_dr.lab.aws_provider.emulated.resource import Emulated, Job, Types, picked
from payment_dr.lab.aws_provider.wire.values import Object


def _client(job: Job) -> Any:
    return job.client("stepfunctions")


def _create(job: Job) -> Object:
    tags = [{"key": key, "value": value} for key, value in job.tag_map().items()]
    made = _client(job).create_state_machine(
        **job.given(name="name", definition="definition", roleArn="role_arn", type="type"),
        **({"tags": tags} if tags else {}),
    )
    arn = made["stateMachineArn"]
    return {
        "arn": arn,
        "id": arn,
        "creation_date": made["creationDate"].isoformat(),
        "status": "ACTIVE",
        **picked(made, state_machine_version_arn="stateMachineVersionArn"),
    }


def _read(job: Job) -> Object:
    found = _client(job).describe_state_machine(stateMachineArn=job.state["id"])
    return {"status": found["status"]}


def _update(job: Job) -> Object:
    made = _client(job).update_state_machine(
        stateMachineArn=job.state["id"],
        **job.given(definition="definition", roleArn="role_arn"),
    )
    return picked(
        made, revision_id="revisionId", state_machine_version_arn="stateMachineVersionArn"
    )


def _delete(job: Job) -> None:
    _client(job).delete_state_machine(stateMachineArn=job.state["id"])


TYPES: Final[Types] = {
    "aws_sfn_state_machine": Emulated(create=_create, read=_read, update=_update, delete=_delete)
}
