"""Lambda functions and their aliases.

The emulator keeps a function's configuration. Its code never runs there, so the package stays
here: only its size and hash are told, and an archive without content is sent in its place.
"""

import base64
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any, Final

from payment_dr.lab.aws_provider.behaviour.cloud import RefusedError
from payment_dr.lab.aws_provider.emulated.resource import Emulated, Job, Types, first, picked
from payment_dr.lab.aws_provider.wire.values import Object

_CODE: Final = ("source_code_hash", "filename")


def _create(job: Job) -> Object:
    package = _package(job)
    client = job.client("lambda")
    made = client.create_function(
        FunctionName=job.state["function_name"],
        Code={"ZipFile": _nothing()},
        Publish=bool(job.state.get("publish")),
        **job.given(Architectures="architectures"),
        **({"Tags": job.tag_map()} if job.tag_map() else {}),
        **_configuration(job),
    )
    reserved = job.state.get("reserved_concurrent_executions")
    if reserved is not None and reserved >= 0:
        client.put_function_concurrency(
            FunctionName=job.state["function_name"], ReservedConcurrentExecutions=reserved
        )
    return {"id": job.state["function_name"], **package, **_told(job, made)}


def _configuration(job: Job) -> dict[str, Any]:
    variables = picked(first(job.arguments, "environment"), Variables="variables")
    letters = picked(first(job.arguments, "dead_letter_config"), TargetArn="target_arn")
    tracing = picked(first(job.arguments, "tracing_config"), Mode="mode")
    network = picked(
        first(job.arguments, "vpc_config"),
        SubnetIds="subnet_ids",
        SecurityGroupIds="security_group_ids",
    )
    nested = {
        "Environment": variables,
        "DeadLetterConfig": letters,
        "TracingConfig": tracing,
        "VpcConfig": network,
    }
    return job.given(
        Role="role",
        Runtime="runtime",
        Handler="handler",
        Description="description",
        Timeout="timeout",
        MemorySize="memory_size",
        KMSKeyArn="kms_key_arn",
    ) | {name: each for name, each in nested.items() if each}


def _told(job: Job, function: Any) -> Object:
    version = function["Version"]
    unqualified = function["FunctionArn"].removesuffix(f":{version}")
    qualified = f"{unqualified}:{version}"
    return {
        "arn": unqualified,
        "qualified_arn": qualified,
        "invoke_arn": _invoke_arn(job, unqualified),
        "qualified_invoke_arn": _invoke_arn(job, qualified),
        "version": version,
        **picked(function, last_modified="LastModified"),
    }


def _invoke_arn(job: Job, arn: str) -> str:
    path = f"lambda:path/2015-03-31/functions/{arn}/invocations"
    return f"arn:aws:apigateway:{job.region}:{path}"


def _read(job: Job) -> Object:
    job.client("lambda").get_function_configuration(FunctionName=job.state["id"])
    return {}


def _update(job: Job) -> Object:
    client, name = job.client("lambda"), job.state["function_name"]
    made = client.update_function_configuration(FunctionName=name, **_configuration(job))
    package: Object = {}
    if job.changed(*_CODE):
        package = _package(job)
        made = client.update_function_code(
            FunctionName=name, ZipFile=_nothing(), Publish=bool(job.state.get("publish"))
        )
    return {**package, **_told(job, made)}


def _delete(job: Job) -> None:
    job.client("lambda").delete_function(FunctionName=job.state["id"])


def _package(job: Job) -> Object:
    """Size and hash of a function's package; a missing one stops the apply, as on AWS."""
    name = job.given(name="filename").get("name")
    if name is None:
        return {}
    try:
        content = Path(name).read_bytes()
    except OSError as error:
        raise RefusedError(f"unable to load {name}: {error.strerror}") from error
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return {"code_sha256": digest, "source_code_size": len(content)}


def _nothing() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr(zipfile.ZipInfo("README"), "The lab runs functions from its own source.\n")
    return archive.getvalue()


def _create_alias(job: Job) -> Object:
    alias = job.client("lambda").create_alias(**_alias(job))
    arn = alias["AliasArn"]
    return {"arn": arn, "id": arn, "invoke_arn": _invoke_arn(job, arn)}


def _alias(job: Job) -> dict[str, Any]:
    return job.given(
        FunctionName="function_name",
        Name="name",
        FunctionVersion="function_version",
        Description="description",
    )


def _read_alias(job: Job) -> Object:
    alias = job.client("lambda").get_alias(**job.given(FunctionName="function_name", Name="name"))
    return {"function_version": alias["FunctionVersion"]}


def _update_alias(job: Job) -> Object:
    job.client("lambda").update_alias(**_alias(job))
    return {}


def _delete_alias(job: Job) -> None:
    job.client("lambda").delete_alias(**job.given(FunctionName="function_name", Name="name"))


TYPES: Final[Types] = {
    "aws_lambda_alias": Emulated(
        create=_create_alias, read=_read_alias, update=_update_alias, delete=_delete_alias
    ),
    "aws_lambda_function": Emulated(create=_create, read=_read, update=_update, delete=_delete),
}
