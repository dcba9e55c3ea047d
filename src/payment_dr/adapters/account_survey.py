"""What readiness asks AWS: each question apart, so that one without an answer says which it was.

Everything is read, of one region at a time. The other site's region is asked for what must be
equal there; it may be away, and nothing of this site's own depends on it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError
from pydantic import TypeAdapter

from payment_dr.adapters.aws_calls import aws_errors, error_code
from payment_dr.adapters.verification_store import VerificationStore
from payment_dr.checks.verdict import Verdict
from payment_dr.core.errors import UnavailableError
from payment_dr.recovery.readiness_survey import (
    Answer,
    Concurrency,
    Drift,
    Quotas,
    SiteFacts,
    Unknown,
    Verified,
)

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

DRIFT_KEY: Final = "drift.json"
"""Object of the evidence bucket that tells of the last plan: {"at": Unix seconds, "changes": n}."""

_WRITER_ONLY: Final = "rds.global_db_rpo"
"""The one parameter that must differ: it is set on the writer's cluster and left on the other."""

_ENABLED: Final = "Enabled"
_DAY_S: Final = 86_400
_PLAN: Final = TypeAdapter(dict[str, float])
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class RegionClients:
    """Clients of one region; `functions` is Lambda's."""

    rds: "RDSClient"
    functions: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteNames:
    """Names of what a site has; functions by their names in the catalogue."""

    cluster: str
    parameter_group: str
    functions: Mapping[str, str]
    qualifier: str


def ask(question: Callable[[], _T]) -> Answer[_T]:
    """The answer, or why there is none."""
    try:
        return question()
    except UnavailableError as error:
        return Unknown(why=error.what)


def site_facts(clients: RegionClients, names: SiteNames) -> SiteFacts:
    """What must be equal at both sites, of one of them."""
    return SiteFacts(
        engine_version=ask(lambda: _engine_version(clients.rds, names.cluster)),
        parameters=ask(lambda: _parameters(clients.rds, names.parameter_group)),
        packages=ask(
            lambda: {
                name: _package(clients.functions, full, names.qualifier)
                for name, full in names.functions.items()
            }
        ),
        concurrency=ask(
            lambda: {
                name: _concurrency(clients.functions, full, names.qualifier)
                for name, full in names.functions.items()
            }
        ),
    )


def secrets_present(
    client: "SecretsManagerClient", names: Iterable[str]
) -> Answer[Mapping[str, str]]:
    """What is wrong with each secret, in this region."""
    return ask(lambda: {name: _secret(client, name) for name in names})


def keys_enabled(client: Any, aliases: Iterable[str]) -> Answer[Mapping[str, str]]:
    """What is wrong with each key."""
    return ask(lambda: {alias: _key(client, alias) for alias in aliases})


def quotas(client: Any) -> Answer[Quotas]:
    """Concurrency of the account's functions in the region."""

    def found() -> Quotas:
        with aws_errors("lambda:GetAccountSettings", writes=False):
            limits = client.get_account_settings()["AccountLimit"]
        return Quotas(
            limit=limits["ConcurrentExecutions"],
            unreserved=limits["UnreservedConcurrentExecutions"],
        )

    return ask(found)


def certificate_days(client: Any, domains: Iterable[str], now: float) -> Answer[float | None]:
    """Days until the first issued certificate of these domains expires; None without one."""
    wanted = set(domains)

    def found() -> float | None:
        with aws_errors("acm:ListCertificates", writes=False):
            pages = client.get_paginator("list_certificates").paginate(
                CertificateStatuses=["ISSUED", "EXPIRED"]
            )
            arns = [
                one["CertificateArn"]
                for page in pages
                for one in page["CertificateSummaryList"]
                if one.get("DomainName") in wanted
            ]
        ends = [_end_of(client, arn) for arn in arns]
        return min(((end - now) / _DAY_S for end in ends), default=None)

    return ask(found)


def verified(store: VerificationStore, now: float) -> Answer[Verified | None]:
    """The newest verification of backups."""

    def found() -> Verified | None:
        latest = store.latest()
        if not latest:
            return None
        return Verified(
            run=latest[0].run,
            passed=all(one.verdict is Verdict.PASS for one in latest),
            age_s=now - max(one.verified_at for one in latest),
        )

    return ask(found)


def drill_age(client: "S3Client", bucket: str, now: float) -> Answer[float | None]:
    """Seconds since the newest evidence of a move or drill was filed; None without any."""

    def found() -> float | None:
        with aws_errors(f"s3:ListObjectsV2 of {bucket}", writes=False):
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="moves/")
            times = [
                one["LastModified"].timestamp()
                for page in pages
                for one in page.get("Contents", [])
                if "LastModified" in one
            ]
        return None if not times else now - max(times)

    return ask(found)


def drift(client: "S3Client", bucket: str, now: float) -> Answer[Drift]:
    """What the last plan would have changed, if one was filed."""

    def found() -> Drift:
        with aws_errors(f"s3:GetObject {DRIFT_KEY} of {bucket}", writes=False):
            try:
                body = client.get_object(Bucket=bucket, Key=DRIFT_KEY)["Body"].read()
            except ClientError as error:
                if error_code(error) != "NoSuchKey":
                    raise
                raise UnavailableError(
                    f"no plan was filed as {DRIFT_KEY} in {bucket}; compare by hand: "
                    "payment-dr diff"
                ) from error
        plan = _PLAN.validate_json(body)
        return Drift(changes=int(plan["changes"]), age_s=now - plan["at"])

    return ask(found)


def store_drift(client: "S3Client", bucket: str, *, changes: int, now: float) -> None:
    """File how many resources a plan of now would change.

    Raises:
        UnavailableError: the bucket did not take it.
    """
    with aws_errors(f"s3:PutObject {DRIFT_KEY} of {bucket}", writes=True):
        client.put_object(
            Bucket=bucket,
            Key=DRIFT_KEY,
            Body=_PLAN.dump_json({"at": now, "changes": changes}),
            ContentType="application/json",
        )


def _engine_version(client: "RDSClient", cluster: str) -> str:
    with aws_errors(f"rds:DescribeDBClusters {cluster}", writes=False):
        answer = client.describe_db_clusters(DBClusterIdentifier=cluster)
    return answer["DBClusters"][0].get("EngineVersion", "")


def _parameters(client: "RDSClient", group: str) -> dict[str, str]:
    with aws_errors(f"rds:DescribeDBClusterParameters {group}", writes=False):
        pages = client.get_paginator("describe_db_cluster_parameters").paginate(
            DBClusterParameterGroupName=group, Source="user"
        )
        found = {
            one.get("ParameterName", ""): one.get("ParameterValue", "")
            for page in pages
            for one in page["Parameters"]
        }
    found.pop(_WRITER_ONLY, None)
    return found


def _package(client: Any, function: str, qualifier: str) -> str:
    with aws_errors(f"lambda:GetFunctionConfiguration {function}", writes=False):
        answer = client.get_function_configuration(FunctionName=function, Qualifier=qualifier)
    sha: str = answer["CodeSha256"]
    return sha


def _concurrency(client: Any, function: str, qualifier: str) -> Concurrency:
    with aws_errors(f"lambda:GetFunctionConcurrency {function}", writes=False):
        answer = client.get_function_concurrency(FunctionName=function)
    with aws_errors(f"lambda:GetProvisionedConcurrencyConfig {function}", writes=False):
        try:
            warm: dict[str, int] = client.get_provisioned_concurrency_config(
                FunctionName=function, Qualifier=qualifier
            )
        except ClientError as error:
            if error_code(error) != "ProvisionedConcurrencyConfigNotFoundException":
                raise
            warm = {}
    return Concurrency(
        reserved=answer.get("ReservedConcurrentExecutions"),
        provisioned=warm.get("RequestedProvisionedConcurrentExecutions", 0),
        ready=warm.get("AvailableProvisionedConcurrentExecutions", 0),
    )


def _secret(client: "SecretsManagerClient", name: str) -> str:
    """What is wrong with it; a replica names its primary's region, a primary its replicas."""
    with aws_errors(f"secretsmanager:DescribeSecret {name}", writes=False):
        try:
            answer = client.describe_secret(SecretId=name)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            return "is not in this region"
    replicas = answer.get("ReplicationStatus", [])
    if not replicas and not answer.get("PrimaryRegion"):
        return "has no replica in another region"
    failed = [one.get("Region", "") for one in replicas if one.get("Status") == "Failed"]
    return f"is not replicated to {', '.join(failed)}" if failed else ""


def _key(client: Any, alias: str) -> str:
    with aws_errors(f"kms:DescribeKey {alias}", writes=False):
        try:
            state: str = client.describe_key(KeyId=alias)["KeyMetadata"]["KeyState"]
        except ClientError as error:
            if error_code(error) != "NotFoundException":
                raise
            return "is not in this region"
    return "" if state == _ENABLED else f"is {state}"


def _end_of(client: Any, arn: str) -> float:
    with aws_errors(f"acm:DescribeCertificate {arn}", writes=False):
        answer = client.describe_certificate(CertificateArn=arn)
    end: float = answer["Certificate"]["NotAfter"].timestamp()
    return end
