"""Secrets and their versions. Values come as write-only arguments and go to the emulator alone."""

from typing import Any, Final

from payment_dr.lab.aws_provider.emulated.resource import (
    Emulated,
    Job,
    Types,
    blocks,
    picked,
)
from payment_dr.lab.aws_provider.wire.values import Object

_SERVICE: Final = "secretsmanager"


def _create(job: Job) -> Object:
    replicas = [{"Region": each["region"]} for each in blocks(job.arguments, "replica")]
    client = job.client(_SERVICE)
    secret = client.create_secret(
        **job.given(Name="name", Description="description", KmsKeyId="kms_key_id"),
        **({"Tags": job.tags()} if job.tags() else {}),
    )
    if replicas:
        client.replicate_secret_to_regions(SecretId=secret["ARN"], AddReplicaRegions=replicas)
    return {"arn": secret["ARN"], "id": secret["ARN"], "name": secret["Name"]}


def _read(job: Job) -> Object | None:
    secret = job.client(_SERVICE).describe_secret(SecretId=job.state["id"])
    return None if "DeletedDate" in secret else {"arn": secret["ARN"]}


def _update(job: Job) -> Object:
    job.client(_SERVICE).update_secret(
        SecretId=job.state["id"], Description=job.arguments.get("description") or ""
    )
    return {}


def _delete(job: Job) -> None:
    days = job.state.get("recovery_window_in_days")
    how: dict[str, Any] = {"ForceDeleteWithoutRecovery": True}
    if days:
        how = {"RecoveryWindowInDays": days}
    job.client(_SERVICE).delete_secret(SecretId=job.state["id"], **how)


def _put(job: Job) -> Object:
    text = job.given(value="secret_string_wo") or job.given(value="secret_string")
    version = job.client(_SERVICE).put_secret_value(
        SecretId=job.state["secret_id"],
        SecretString=text.get("value", ""),
        **job.given(VersionStages="version_stages"),
    )
    return {
        "arn": version["ARN"],
        "secret_arn": version["ARN"],
        "id": f"{job.state['secret_id']}|{version['VersionId']}",
        "version_id": version["VersionId"],
        "version_stages": version["VersionStages"],
        "has_secret_string_wo": job.arguments.get("secret_string_wo") is not None,
    }


def _read_version(job: Job) -> Object | None:
    secret = job.client(_SERVICE).describe_secret(SecretId=job.state["secret_id"])
    stages = secret["VersionIdsToStages"].get(job.state["version_id"])
    return None if stages is None else {"version_stages": stages}


def _keep(_job: Job) -> None:
    """The current version cannot be deleted: it goes with its secret."""


def read_ephemeral(job: Job) -> Object:
    """Value of a version, for as long as the engine runs."""
    value = job.client(_SERVICE).get_secret_value(
        **job.given(SecretId="secret_id", VersionId="version_id", VersionStage="version_stage")
    )
    told = picked(value, arn="ARN", version_id="VersionId", version_stages="VersionStages")
    return {**told, "secret_string": value.get("SecretString", "")}


TYPES: Final[Types] = {
    "aws_secretsmanager_secret": Emulated(
        create=_create, read=_read, update=_update, delete=_delete
    ),
    "aws_secretsmanager_secret_version": Emulated(create=_put, read=_read_version, delete=_keep),
}
