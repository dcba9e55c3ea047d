"""How clients find a site: records, health checks, and the switch to leave home."""

from typing import Any

import pytest

from deployment.found import Deployment
from payment_dr.core.settings import SiteSettings

pytestmark = pytest.mark.deployment


def records(deployed: Deployment) -> dict[str, Any]:
    """The failover records of the name that clients resolve, by site."""
    client = deployed.client("route53", deployed.home.region)
    pages = client.get_paginator("list_resource_record_sets").paginate(
        HostedZoneId=deployed.outputs["FoundationZoneId"]
    )
    return {
        each["SetIdentifier"]: each
        for page in pages
        for each in page["ResourceRecordSets"]
        if each["Name"] == f"{deployed.settings.dns.name}." and "Failover" in each
    }


def check(deployed: Deployment, check_id: str) -> Any:
    client = deployed.client("route53", deployed.home.region)
    return client.get_health_check(HealthCheckId=check_id)["HealthCheck"]["HealthCheckConfig"]


def test_the_name_leads_to_home_and_else_to_the_other_site(deployed: Deployment) -> None:
    found = records(deployed)
    settings = deployed.settings
    assert {site: each["Failover"] for site, each in found.items()} == {
        deployed.home.name: "PRIMARY",
        deployed.peer.name: "SECONDARY",
    }
    for site, each in found.items():
        assert each["Type"] == "CNAME"
        assert [value["Value"] for value in each["ResourceRecords"]] == [settings.domain(site)]


def test_the_answer_may_be_kept_as_long_as_the_settings_say(deployed: Deployment) -> None:
    kept = {site: each["TTL"] for site, each in records(deployed).items()}
    assert kept == dict.fromkeys(kept, deployed.settings.dns.ttl_s)


@pytest.mark.parametrize("output", ["LinksHomeEndpointCheckId", "LinksPeerEndpointCheckId"])
def test_a_site_is_probed_as_the_settings_say(deployed: Deployment, output: str) -> None:
    found = check(deployed, deployed.outputs[output])
    probes = deployed.settings.probes
    assert (found["Type"], found["ResourcePath"]) == ("HTTPS", "/health")
    assert found["RequestInterval"] == probes.interval_s
    assert found["FailureThreshold"] == probes.threshold
    site = deployed.home if "Home" in output else deployed.peer
    assert found["FullyQualifiedDomainName"] == deployed.settings.domain(site.name)


def test_home_answers_while_its_endpoint_is_healthy_and_the_switch_is_not_raised(
    deployed: Deployment,
) -> None:
    decides = records(deployed)[deployed.home.name]["HealthCheckId"]
    assert decides == deployed.outputs["LinksHomeHealthCheckId"]
    calculated = check(deployed, decides)
    assert (calculated["Type"], calculated["HealthThreshold"]) == ("CALCULATED", 2)
    endpoint = deployed.outputs["LinksHomeEndpointCheckId"]
    (switch_id,) = set(calculated["ChildHealthChecks"]) - {endpoint}
    assert switch_id == deployed.outputs["LinksTakeoverCheckId"]


def test_the_switch_is_asked_of_the_other_site_and_no_answer_means_not_raised(
    deployed: Deployment,
) -> None:
    switch = check(deployed, deployed.outputs["LinksTakeoverCheckId"])
    health = check(deployed, deployed.outputs["LinksPeerEndpointCheckId"])
    assert (switch["ResourcePath"], switch["Inverted"]) == ("/takeover", True)
    assert not health.get("Inverted")
    for same in ("Type", "FullyQualifiedDomainName", "RequestInterval", "FailureThreshold"):
        assert switch[same] == health[same], same


def test_a_site_says_at_an_address_of_its_own_whether_clients_are_to_leave_home(
    deployed: Deployment, site: SiteSettings
) -> None:
    """Both say the same; Route 53 asks the one that is not home."""
    answer = deployed.call(site, "/takeover")
    assert (answer.status, answer.body["takeover"]) in {(404, "lowered"), (200, "raised")}


def test_the_other_site_answers_while_its_endpoint_is_healthy(deployed: Deployment) -> None:
    decides = records(deployed)[deployed.peer.name]["HealthCheckId"]
    assert decides == deployed.outputs["LinksPeerEndpointCheckId"]


def test_each_site_has_a_name_of_its_own_that_no_move_changes(
    deployed: Deployment, site: SiteSettings
) -> None:
    client = deployed.client("route53", deployed.home.region)
    name = f"{deployed.settings.domain(site.name)}."
    found = client.list_resource_record_sets(
        HostedZoneId=deployed.outputs["FoundationZoneId"], StartRecordName=name
    )["ResourceRecordSets"]
    own = [each for each in found if each["Name"] == name and each["Type"] == "A"]
    assert len(own) == 1
    assert "Failover" not in own[0]
    assert deployed.of(site, "ApiUrl") == f"https://{name.rstrip('.')}"
