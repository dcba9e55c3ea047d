"""What readiness asks AWS, and what it makes of the answers."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fakes.stubbed import Stubbed
from payment_dr.adapters import account_survey as survey
from payment_dr.adapters.account_survey import RegionClients, SiteNames
from payment_dr.adapters.verification_store import VerificationStore
from payment_dr.checks.backup import unreadable
from payment_dr.checks.backup_documents import VERIFICATION_EVIDENCE, VerificationEvidence
from payment_dr.checks.backup_source import BackupKind, RestorePoint
from payment_dr.checks.verdict import Verdict
from payment_dr.recovery.readiness_survey import Concurrency, Drift, Quotas, Unknown, Verified

NOW = 1_700_000_000.0
NAMES = SiteNames(
    cluster="payments-cluster-east-dev",
    parameter_group="payments-cluster-east-dev",
    functions={"api": "payments-api-east-dev"},
    qualifier="live",
)
ARN = "arn:aws:acm:us-east-1:000000000000:certificate/12345678-1234-1234-1234-123456789012"

Make = Callable[[str], Stubbed]


@pytest.fixture(name="stub")
def stub_fixture() -> Iterator[Make]:
    open_ones: list[Any] = []

    def make(service: str) -> Stubbed:
        stubbed = Stubbed(service)
        scope = stubbed.scripted()
        scope.__enter__()
        open_ones.append(scope)
        return stubbed

    yield make
    for scope in open_ones:
        scope.__exit__(None, None, None)


def ago(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW - seconds, UTC)


def told(answer: object) -> str:
    assert isinstance(answer, Unknown)
    return answer.why


def test_facts_of_a_site_are_those_that_must_be_equal(stub: Make) -> None:
    rds, functions = stub("rds"), stub("lambda")
    rds.answers("describe_db_clusters", {"DBClusters": [{"EngineVersion": "16.8"}]})
    rds.answers(
        "describe_db_cluster_parameters",
        {
            "Parameters": [
                {"ParameterName": "rds.force_ssl", "ParameterValue": "1"},
                {"ParameterName": "rds.global_db_rpo", "ParameterValue": "20"},
            ]
        },
    )
    functions.answers("get_function_configuration", {"CodeSha256": "sha"})
    functions.answers("get_function_concurrency", {"ReservedConcurrentExecutions": 100})
    functions.answers(
        "get_provisioned_concurrency_config",
        {
            "RequestedProvisionedConcurrentExecutions": 5,
            "AvailableProvisionedConcurrentExecutions": 4,
        },
    )
    facts = survey.site_facts(RegionClients(rds=rds.client, functions=functions.client), NAMES)
    assert facts.engine_version == "16.8"
    assert facts.parameters == {"rds.force_ssl": "1"}
    assert facts.packages == {"api": "sha"}
    assert facts.concurrency == {"api": Concurrency(reserved=100, provisioned=5, ready=4)}
    assert functions.requests[0][1] == {
        "FunctionName": "payments-api-east-dev",
        "Qualifier": "live",
    }
    assert rds.requests[1][1]["Source"] == "user"


def test_each_fact_that_cannot_be_found_names_its_own_call(stub: Make) -> None:
    rds, functions = stub("rds"), stub("lambda")
    for action in ("describe_db_clusters", "describe_db_cluster_parameters"):
        rds.refuses(action, "AccessDenied", 403)
    for action in ("get_function_configuration", "get_function_concurrency"):
        functions.refuses(action, "ServiceException", 500)
    facts = survey.site_facts(RegionClients(rds=rds.client, functions=functions.client), NAMES)
    assert "rds:DescribeDBClusters payments-cluster-east-dev" in told(facts.engine_version)
    assert "rds:DescribeDBClusterParameters" in told(facts.parameters)
    assert "lambda:GetFunctionConfiguration payments-api-east-dev" in told(facts.packages)
    assert "lambda:GetFunctionConcurrency payments-api-east-dev" in told(facts.concurrency)


def test_a_function_without_warm_instances_or_a_reservation_has_none(stub: Make) -> None:
    rds, functions = stub("rds"), stub("lambda")
    rds.refuses("describe_db_clusters", "x")
    rds.refuses("describe_db_cluster_parameters", "x")
    functions.answers("get_function_configuration", {"CodeSha256": "sha"})
    functions.answers("get_function_concurrency")
    functions.refuses(
        "get_provisioned_concurrency_config", "ProvisionedConcurrencyConfigNotFoundException", 404
    )
    clients = RegionClients(rds=rds.client, functions=functions.client)
    facts = survey.site_facts(clients, NAMES)
    assert facts.concurrency == {"api": Concurrency(reserved=None, provisioned=0, ready=0)}
    rds.refuses("describe_db_clusters", "x")
    rds.refuses("describe_db_cluster_parameters", "x")
    functions.answers("get_function_configuration", {"CodeSha256": "sha"})
    functions.answers("get_function_concurrency")
    functions.refuses("get_provisioned_concurrency_config", "TooManyRequestsException", 429)
    assert "lambda:GetProvisionedConcurrencyConfig" in told(
        survey.site_facts(clients, NAMES).concurrency
    )


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"PrimaryRegion": "us-east-1"}, ""),
        ({"ReplicationStatus": [{"Region": "us-west-2", "Status": "InSync"}]}, ""),
        (
            {"ReplicationStatus": [{"Region": "us-west-2", "Status": "Failed"}]},
            "is not replicated to us-west-2",
        ),
        ({}, "has no replica in another region"),
        (None, "is not in this region"),
    ],
)
def test_a_secret_is_here_and_has_its_replica_or_something_is_wrong(
    stub: Make, answer: dict[str, Any] | None, problem: str
) -> None:
    client = stub("secretsmanager")
    if answer is None:
        client.refuses("describe_secret", "ResourceNotFoundException")
    else:
        client.answers("describe_secret", answer)
    assert survey.secrets_present(client.client, ["s"]) == {"s": problem}


@pytest.mark.parametrize(
    ("state", "problem"),
    [("Enabled", ""), ("PendingDeletion", "is PendingDeletion"), (None, "is not in this region")],
)
def test_a_key_is_enabled_or_something_is_wrong(
    stub: Make, state: str | None, problem: str
) -> None:
    client = stub("kms")
    if state is None:
        client.refuses("describe_key", "NotFoundException")
    else:
        client.answers("describe_key", {"KeyMetadata": {"KeyId": "k", "KeyState": state}})
    assert survey.keys_enabled(client.client, ["alias/k"]) == {"alias/k": problem}


def test_secrets_and_keys_that_cannot_be_described_are_unknown(stub: Make) -> None:
    secrets, keys = stub("secretsmanager"), stub("kms")
    secrets.refuses("describe_secret", "InternalServiceError", 500)
    keys.refuses("describe_key", "AccessDeniedException")
    assert "secretsmanager:DescribeSecret s" in told(survey.secrets_present(secrets.client, ["s"]))
    assert "kms:DescribeKey alias/k" in told(survey.keys_enabled(keys.client, ["alias/k"]))


def test_quotas_are_the_accounts(stub: Make) -> None:
    client = stub("lambda")
    limits = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 790}
    client.answers("get_account_settings", {"AccountLimit": limits})
    assert survey.quotas(client.client) == Quotas(limit=1000, unreserved=790)
    client.refuses("get_account_settings", "TooManyRequestsException", 429)
    assert "lambda:GetAccountSettings" in told(survey.quotas(client.client))


def test_the_first_certificate_to_expire_counts_of_those_with_our_names(stub: Make) -> None:
    client = stub("acm")
    listed = [
        {"CertificateArn": ARN, "DomainName": "api.payments.example"},
        {"CertificateArn": ARN, "DomainName": "east.api.payments.example"},
        {"CertificateArn": ARN, "DomainName": "elsewhere.example"},
    ]
    client.answers("list_certificates", {"CertificateSummaryList": listed})
    for days in (90, 40):
        client.answers("describe_certificate", {"Certificate": {"NotAfter": ago(-days * 86_400)}})
    domains = ("api.payments.example", "east.api.payments.example")
    assert survey.certificate_days(client.client, domains, NOW) == 40
    client.answers("list_certificates", {"CertificateSummaryList": listed[2:]})
    assert survey.certificate_days(client.client, domains, NOW) is None
    client.answers("list_certificates", {"CertificateSummaryList": listed[:1]})
    client.refuses("describe_certificate", "ThrottlingException")
    assert "acm:DescribeCertificate" in told(survey.certificate_days(client.client, domains, NOW))
    client.refuses("list_certificates", "AccessDeniedException")
    assert "acm:ListCertificates" in told(survey.certificate_days(client.client, domains, NOW))


def evidence(verdict: Verdict, at: float) -> bytes:
    failed = unreadable("x")
    return VERIFICATION_EVIDENCE.dump_json(
        VerificationEvidence(
            site="east",
            run="2026-01-09",
            point=RestorePoint(kind=BackupKind.SNAPSHOT, at=at),
            verdict=verdict,
            claims=failed.claims,
            entries=0,
            newest_age_s=None,
            restore_s=None,
            verified_at=at,
        )
    )


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self) -> bytes:
        return self._content


@pytest.mark.parametrize("second", [Verdict.PASS, Verdict.UNKNOWN])
def test_a_verification_passed_if_all_of_its_backups_did(stub: Make, second: Verdict) -> None:
    s3 = stub("s3")
    keys = [f"verifications/2026-01-09/{kind}.json" for kind in BackupKind]
    s3.answers("list_objects_v2", {"Contents": [{"Key": key} for key in keys]})
    for age, verdict in ((700, Verdict.PASS), (100, second)):
        s3.answers("get_object", {"Body": Body(evidence(verdict, NOW - age))})
    store = VerificationStore(s3.client, "bucket")
    assert survey.verified(store, NOW) == Verified(
        run="2026-01-09", passed=second is Verdict.PASS, age_s=100
    )
    s3.answers("list_objects_v2")
    assert survey.verified(store, NOW) is None
    s3.refuses("list_objects_v2", "AccessDenied", 403)
    assert "listing the evidence of backups" in told(survey.verified(store, NOW))


def test_the_newest_evidence_of_a_move_tells_when_the_last_drill_was(stub: Make) -> None:
    s3 = stub("s3")
    s3.answers(
        "list_objects_v2",
        {"Contents": [{"LastModified": ago(900)}, {"LastModified": ago(300)}, {"Key": "moves/x"}]},
    )
    assert survey.drill_age(s3.client, "bucket", NOW) == 300
    s3.answers("list_objects_v2")
    assert survey.drill_age(s3.client, "bucket", NOW) is None
    s3.refuses("list_objects_v2", "NoSuchBucket", 404)
    assert "s3:ListObjectsV2 of bucket" in told(survey.drill_age(s3.client, "bucket", NOW))


def test_drift_is_what_a_plan_said_and_unknown_with_the_reason_without_one(stub: Make) -> None:
    s3 = stub("s3")
    plan = b'{"at": 1699999000, "changes": 3}'
    s3.answers("get_object", {"Body": Body(plan)})
    assert survey.drift(s3.client, "bucket", NOW) == Drift(changes=3, age_s=1000)
    s3.refuses("get_object", "NoSuchKey", 404)
    assert "no plan was filed as drift.json" in told(survey.drift(s3.client, "bucket", NOW))
    s3.refuses("get_object", "AccessDenied", 403)
    assert "s3:GetObject drift.json" in told(survey.drift(s3.client, "bucket", NOW))
