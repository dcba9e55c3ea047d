"""The proxy before each site's cluster."""

import pytest

from infra.ground import ground
from infra.synthesized import (
    Body,
    StackJson,
    data,
    deployed,
    resources,
    statements,
    the,
    the_name,
)
from payment_dr.core.deployment_settings import DatabaseSettings, LedgerAuthentication
from payment_dr.infra.place import Place, places


def _proxy(stack: StackJson) -> Body:
    return the(stack, "aws_db_proxy")


def test_both_sites_have_a_proxy_that_speaks_tls_alone(site: StackJson, place: Place) -> None:
    proxy = _proxy(site)
    assert proxy["require_tls"] is True
    assert proxy["debug_logging"] is False
    group = the_name(site, "aws_security_group", name=place.name("proxy"))
    assert proxy["vpc_security_group_ids"] == [f"${{aws_security_group.{group}.id}}"]
    assert proxy["vpc_subnet_ids"] == the(site, "aws_db_subnet_group")["subnet_ids"]


def test_a_proxy_answers_for_readers_too_as_a_follower_has_no_writer(site: StackJson) -> None:
    readers = the(site, "aws_db_proxy_endpoint")
    assert readers["target_role"] == "READ_ONLY"
    assert readers["vpc_security_group_ids"] == _proxy(site)["vpc_security_group_ids"]


def test_a_proxy_waits_for_instances_and_leads_to_the_sites_own_cluster(site: StackJson) -> None:
    target = the(site, "aws_db_proxy_target")
    cluster = the_name(site, "aws_rds_cluster")
    assert target["db_cluster_identifier"] == f"${{aws_rds_cluster.{cluster}.cluster_identifier}}"
    instances = resources(site, "aws_rds_cluster_instance")
    assert set(target["depends_on"]) == {f"aws_rds_cluster_instance.{name}" for name in instances}


def test_a_proxy_takes_tokens_and_logs_in_by_its_own_as_the_one_user_of_the_api(
    site: StackJson, place: Place
) -> None:
    proxy = _proxy(site)
    assert proxy["default_auth_scheme"] == "IAM_AUTH"
    assert "auth" not in proxy
    assert data(site, "aws_secretsmanager_secret") == {}
    found = statements(the(site, "aws_iam_role_policy", name=place.name("proxy"))["policy"])
    cluster = the_name(site, "aws_rds_cluster")
    user = f"${{aws_rds_cluster.{cluster}.cluster_resource_id}}/payment_api"
    assert list(found) == ["LogIn"]
    assert found["LogIn"]["Action"] == ["rds-db:connect"]
    assert found["LogIn"]["Resource"] == [
        f"arn:aws:rds-db:{place.site.region}:123456789012:dbuser:{user}"
    ]


@pytest.fixture(name="with_passwords", scope="module")
def made_with_passwords() -> StackJson:
    """West, where the API logs in with the rotated secret."""
    database = DatabaseSettings(authentication=LedgerAuthentication.PASSWORD)
    return ground(places(deployed().model_copy(update={"database": database}))[1])


def test_a_proxy_of_passwords_admits_the_ledgers_users_and_not_its_first_one(
    with_passwords: StackJson,
) -> None:
    proxy, secrets = _proxy(with_passwords), data(with_passwords, "aws_secretsmanager_secret")
    assert proxy["default_auth_scheme"] == "NONE"
    names = {one["name"] for one in secrets.values()}
    assert names == {"payments-ledger-prod", "payments-ledger-admin-prod"}
    found = proxy["auth"]
    assert {one["secret_arn"] for one in found} == {
        f"${{data.aws_secretsmanager_secret.{name}.arn}}" for name in secrets
    }
    assert {one["client_password_auth_type"] for one in found} == {"POSTGRES_SCRAM_SHA_256"}
    assert {one["iam_auth"] for one in found} == {"DISABLED"}


def test_a_proxy_of_passwords_reads_two_secrets_and_decrypts_through_their_service_alone(
    with_passwords: StackJson, peer: Place
) -> None:
    policy = the(with_passwords, "aws_iam_role_policy", name=peer.name("proxy"))["policy"]
    found, region = statements(policy), peer.site.region
    assert found["Secrets"]["Resource"] == [
        f"arn:aws:secretsmanager:{region}:123456789012:secret:payments-{thing}-prod-??????"
        for thing in ("ledger", "ledger-admin")
    ]
    condition = found["Decrypt"]["Condition"]
    assert condition["StringEquals"] == {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}
    assert condition["ForAnyValue:StringEquals"] == {
        "kms:ResourceAliases": "alias/payments-secrets-prod"
    }
