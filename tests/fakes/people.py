"""People with an IAM policy in a lab: what they call is allowed by it, or refused as AWS would.

Every call of boto3 in this process passes here. What IAM is asked for a call, on which resources
and with which keys, follows from the call's parameters as AWS documents it:
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from payment_dr.core.settings import Settings
from payment_dr.infra.constructs.policies import PolicyStatement
from payment_dr.infra.place import Place

ASKED_AS: Final[Mapping[str, str]] = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
}
"""IAM's action of a call, where it is not the one of the same name."""

ALWAYS: Final = frozenset({"sts:GetCallerIdentity"})
"""Needs no permission, says AWS."""

_PREFIXES: Final = {"stepfunctions": "states", "sfn": "states"}

Context = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What IAM is asked: an action, on each of these resources, with these keys of conditions."""

    action: str
    resources: tuple[str, ...]
    context: Context


@dataclass(kw_only=True)
class Caller:
    """Somebody with these statements; `used` are (Sid, action) that allowed something."""

    settings: Settings
    statements: tuple[PolicyStatement, ...]
    used: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    refused: list[Call] = field(default_factory=list[Call])

    @contextmanager
    def calling(self) -> Generator[None]:
        """What this process calls meanwhile is called by them."""
        original: Callable[..., Any] = vars(BaseClient)["_make_api_call"]

        def make(client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
            place = self._place(client.meta.region_name)
            service = client.meta.service_model.service_name
            call = call_of(service, operation, parameters, place)
            if call.action not in ALWAYS and not self._may(call):
                self.refused.append(call)
                raise _denied(operation)
            return original(client, operation, parameters)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BaseClient, "_make_api_call", make)
            yield

    def _place(self, region: str) -> Place:
        site = next(one for one in self.settings.sites if one.region == region)
        return Place(settings=self.settings, site=site)

    def _may(self, call: Call) -> bool:
        by = [allowing(self.statements, call, resource) for resource in call.resources]
        if not all(by):
            return False
        self.used.update((sid, call.action) for sids in by for sid in sids)
        return True


def allowing(statements: Iterable[PolicyStatement], call: Call, resource: str) -> tuple[str, ...]:
    """Names of the statements that allow a call on a resource."""
    return tuple(
        one.sid
        for one in statements
        if call.action in one.actions
        and any(fnmatchcase(resource, pattern) for pattern in one.resources)
        and all(
            _holds(call.context.get(key, ()), value)
            for keys in one.conditions.values()
            for key, value in keys.items()
        )
    )


def _holds(found: tuple[str, ...], pattern: str) -> bool:
    return bool(found) and all(fnmatchcase(one, pattern) for one in found)


def call_of(service: str, operation: str, asked: Mapping[str, Any], place: Place) -> Call:
    """What IAM is asked for a call that a client of the place's region makes."""
    prefix = _PREFIXES.get(service, service)
    action = f"{prefix}:{operation}"
    action = ASKED_AS.get(action, action)
    keys: tuple[str, ...] = ()
    if service == "dynamodb":
        keys = tuple(_leading_keys(asked))
    aliases = (asked["KeyId"],) if service == "kms" else ()
    return Call(
        action=action,
        resources=tuple(_resources(service, asked, place)),
        context={"dynamodb:LeadingKeys": keys, "kms:ResourceAliases": aliases},
    )


def _leading_keys(asked: Mapping[str, Any]) -> Iterator[str]:
    if "RequestItems" in asked:
        for request in asked["RequestItems"].values():
            yield from (key["payment_id"]["S"] for key in request["Keys"])
    elif keyed := asked.get("Key") or asked.get("Item"):
        yield keyed["payment_id"]["S"]


def _resources(service: str, asked: Mapping[str, Any], place: Place) -> Iterable[str]:
    of = _OF_SERVICE.get(service)
    return ("*",) if of is None else (tuple(of(asked, place)) or ("*",))


def _of_dynamodb(asked: Mapping[str, Any], place: Place) -> Iterator[str]:
    tables = asked.get("RequestItems") or {asked["TableName"]: None}
    index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
    yield from (place.arn("dynamodb", f"table/{table}{index}") for table in tables)


def _of_s3(asked: Mapping[str, Any], place: Place) -> Iterator[str]:
    # A lab's buckets lack the account, which makes them unique on AWS.
    bucket = f"arn:aws:s3:::{asked['Bucket']}{place.bucket_suffix}"
    yield f"{bucket}/{asked['Key']}" if "Key" in asked else bucket


def _of_lambda(asked: Mapping[str, Any], place: Place) -> Iterator[str]:
    if name := asked.get("FunctionName"):
        qualifier = f":{asked['Qualifier']}" if "Qualifier" in asked else ""
        yield place.arn("lambda", f"function:{name}{qualifier}")


def _of_rds(asked: Mapping[str, Any], place: Place) -> Iterator[str]:
    account = place.settings.deployment.account_id
    if name := asked.get("GlobalClusterIdentifier"):
        yield f"arn:aws:rds::{account}:global-cluster:{name}"
    if target := asked.get("TargetDbClusterIdentifier"):
        yield target if target.startswith("arn:") else place.arn("rds", f"cluster:{target}")
    if name := asked.get("DBClusterIdentifier"):
        yield place.arn("rds", f"cluster:{name}")
    if name := asked.get("DBClusterParameterGroupName"):
        yield place.arn("rds", f"cluster-pg:{name}")


_OF_SERVICE: Final[Mapping[str, Callable[[Mapping[str, Any], Place], Iterable[str]]]] = {
    "dynamodb": _of_dynamodb,
    "s3": _of_s3,
    "rds": _of_rds,
    "lambda": _of_lambda,
    "kms": lambda _asked, place: [place.arn("kms", "key/0123")],
    "secretsmanager": lambda asked, place: [
        place.arn("secretsmanager", f"secret:{asked['SecretId']}-AbCdEf")
    ],
    "stepfunctions": lambda asked, _place: [asked.get("stateMachineArn") or asked["executionArn"]],
    "acm": lambda asked, _place: [arn for arn in [asked.get("CertificateArn")] if arn],
}
"""ARNs that a call names, by service; none of them is `*`."""


def _denied(operation: str) -> ClientError:
    response: Any = {
        "Error": {"Code": "AccessDeniedException", "Message": "no statement allows it"},
        "ResponseMetadata": {"HTTPStatusCode": 403},
    }
    return ClientError(response, operation)
