"""Payments table, secrets, ledger and evidence, as they were deployed."""

from typing import Any

import pytest

from deployment.found import Deployment
from payment_dr.adapters.record_items import OPEN_INDEX, UNCONFIRMED_INDEX
from payment_dr.core.settings import SiteSettings

pytestmark = pytest.mark.deployment

SECRETS = ("ledger-master", "ledger", "ledger-admin", "provider", "webhooks", "canary")


def table_at(deployed: Deployment, site: SiteSettings) -> Any:
    client = deployed.client("dynamodb", site.region)
    return client.describe_table(TableName=deployed.outputs["LinksPaymentsTableName"])["Table"]


def test_the_payments_table_is_strongly_consistent_over_both_sites_and_the_witness(
    deployed: Deployment, site: SiteSettings
) -> None:
    table = table_at(deployed, site)
    assert table["TableName"] == deployed.settings.resource("table")
    assert table["TableStatus"] == "ACTIVE"
    assert table["MultiRegionConsistency"] == "STRONG"
    other = deployed.settings.peer(site.name).region
    replicas = {each["RegionName"]: each["ReplicaStatus"] for each in table["Replicas"]}
    assert replicas[other] == "ACTIVE"
    (witness,) = table["GlobalTableWitnesses"]
    assert witness["RegionName"] == deployed.settings.witness_region
    indexes = {each["IndexName"] for each in table["GlobalSecondaryIndexes"]}
    assert indexes == {UNCONFIRMED_INDEX, OPEN_INDEX}
    assert "LocalSecondaryIndexes" not in table


def test_the_payments_table_is_on_demand_and_protected(deployed: Deployment) -> None:
    table = table_at(deployed, deployed.home)
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"]
    backups = deployed.client("dynamodb", deployed.home.region).describe_continuous_backups(
        TableName=table["TableName"]
    )["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


@pytest.mark.parametrize("thing", SECRETS)
def test_a_secret_is_the_same_at_both_sites_and_holds_no_placeholder(
    deployed: Deployment, thing: str
) -> None:
    here, there = (deployed.secret(thing, site) for site in deployed.sites)
    assert here == there
    assert here
    for name, value in here.items():
        assert value, name
        assert not value.startswith("put-"), f"{thing} still waits for its operator"
    described = deployed.client("secretsmanager", deployed.home.region).describe_secret(
        SecretId=deployed.settings.resource(thing)
    )
    copies = {each["Region"]: each["Status"] for each in described["ReplicationStatus"]}
    assert copies == {deployed.peer.region: "InSync"}


def test_the_global_cluster_has_both_sites_and_one_writer(deployed: Deployment) -> None:
    identifier = deployed.of(deployed.home, "GlobalClusterIdentifier")
    (found,) = deployed.client("rds", deployed.home.region).describe_global_clusters(
        GlobalClusterIdentifier=identifier
    )["GlobalClusters"]
    members = {each["DBClusterArn"]: each["IsWriter"] for each in found["GlobalClusterMembers"]}
    assert members.keys() == {
        deployed.place(site).arn("rds", f"cluster:{deployed.of(site, 'ClusterIdentifier')}")
        for site in deployed.sites
    }
    assert sorted(members.values()) == [False, True]


def test_each_sites_cluster_can_be_described_in_its_own_region(
    deployed: Deployment, site: SiteSettings
) -> None:
    (cluster,) = deployed.client("rds", site.region).describe_db_clusters(
        DBClusterIdentifier=deployed.of(site, "ClusterIdentifier")
    )["DBClusters"]
    assert cluster["Status"] == "available"
    assert cluster["StorageEncrypted"]
    assert cluster["Endpoint"] == deployed.of(site, "LedgerEndpoint")


def test_each_site_has_a_bucket_for_evidence(deployed: Deployment, site: SiteSettings) -> None:
    bucket = deployed.of(site, "EvidenceBucket")
    deployed.client("s3", site.region).head_bucket(Bucket=bucket)
