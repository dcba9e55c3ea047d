"""What the lab reads back of a deployment, and what it does not accept."""

import json
from typing import Any

import pytest

from fakes.aws import EAST, CloudUnderTest
from payment_dr.adapters.function_call import ALIAS
from payment_dr.core.settings import DnsSettings, ProbeSettings, Settings
from payment_dr.functions.catalogue import FUNCTIONS
from payment_dr.lab.deployed import DeployedSite, deployed_routing, deployed_site
from payment_dr.lab.errors import LabError
from payment_dr.lab.function_environment import lab_addresses
from payment_dr.lab.network.routing import Routing
from payment_dr.lab.state_machines import create_machine

ROLE = "arn:aws:iam::000000000000:role/functions"
BUCKET = "payments-evidence-of-a-deployment"


def deploy_functions(cloud: CloudUnderTest, settings: Settings, **different: str) -> None:
    """Every function at east; `different` are variables that one of them alone has otherwise."""
    client = cloud.client("lambda", EAST)
    for function in FUNCTIONS:
        name = settings.resource(function.name, "east")
        variables = {
            "PAYMENT_DR_SITE": "east",
            "PAYMENT_DR_EVIDENCE_BUCKET": BUCKET,
            "PAYMENT_DR_LEDGER_HOST": f"{function.name}.of.aws",
            **(different if function.name == "poster" else {}),
        }
        created = client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=ROLE,
            Handler=function.lambda_handler,
            Timeout=function.timeout_s,
            Environment={"Variables": variables},
            Code={"ZipFile": package()},
            Publish=True,
        )
        client.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion=created["Version"])


def package() -> bytes:
    """A zip without entries."""
    return b"PK\x05\x06" + bytes(18)


def renamed(cloud: CloudUnderTest, suffix: str) -> Settings:
    """Settings of an environment of the test's own, with a zone of its own."""
    dns = DnsSettings(zone=f"{suffix}.example", name=f"api.{suffix}.example", ttl_s=7)
    return cloud.settings.model_copy(update={"environment_suffix": suffix, "dns": dns})


def test_functions_run_as_deployed_with_the_labs_addresses(cloud: CloudUnderTest) -> None:
    settings = renamed(cloud, "functions")
    deploy_functions(cloud, settings)
    assert deployed_site(settings, cloud.addresses, "east") == DeployedSite(
        environment={
            "PAYMENT_DR_SITE": "east",
            "PAYMENT_DR_EVIDENCE_BUCKET": BUCKET,
            **lab_addresses(settings, cloud.addresses, "east"),
        },
        api_handler="payment_dr.functions.api:handler",
        api_timeout_s=29,
    )


def test_a_site_without_a_function_is_named_with_what_to_do(cloud: CloudUnderTest) -> None:
    settings = renamed(cloud, "absent")
    with pytest.raises(LabError, match=r"payments-api-east-absent is not deployed") as caught:
        deployed_site(settings, cloud.addresses, "east")
    assert caught.value.remedy == "payment-dr lab deploy"


def test_functions_that_one_process_cannot_run_are_refused(cloud: CloudUnderTest) -> None:
    settings = renamed(cloud, "different")
    deploy_functions(cloud, settings, PAYMENT_DR_EVIDENCE_BUCKET="another")
    with pytest.raises(LabError, match="environments of the functions at east are not one"):
        deployed_site(settings, cloud.addresses, "east")


class Zone:
    """A zone with failover records, whose parts a test may make wrong."""

    def __init__(self, cloud: CloudUnderTest, settings: Settings) -> None:
        self.settings = settings
        self._client = cloud.client("route53", EAST)
        self._zone = self._client.create_hosted_zone(
            Name=settings.dns.zone, CallerReference=settings.environment_suffix
        )["HostedZone"]["Id"]

    def check(self, **configuration: Any) -> str:
        number = len(self._client.list_health_checks()["HealthChecks"])
        reference = f"{self.settings.environment_suffix}-{number}"
        made = self._client.create_health_check(
            CallerReference=reference, HealthCheckConfig=configuration
        )
        return str(made["HealthCheck"]["Id"])

    def endpoint(self, *, interval_s: int = 10, threshold: int = 2) -> str:
        return self.check(
            Type="HTTPS",
            FullyQualifiedDomainName="site.example",
            RequestInterval=interval_s,
            FailureThreshold=threshold,
        )

    def calculated(self, *children: str) -> str:
        return self.check(
            Type="CALCULATED", ChildHealthChecks=list(children), HealthThreshold=len(children)
        )

    def switch(self) -> str:
        return self.check(
            Type="HTTPS",
            FullyQualifiedDomainName="site.example",
            ResourcePath="/takeover",
            Inverted=True,
            RequestInterval=10,
            FailureThreshold=2,
        )

    def answer(self, failover: str, check: str, *, ttl_s: int) -> None:
        record = {
            "Name": self.settings.dns.name,
            "Type": "CNAME",
            "TTL": ttl_s,
            "SetIdentifier": failover,
            "Failover": failover,
            "HealthCheckId": check,
            "ResourceRecords": [{"Value": "site.example"}],
        }
        change = {"Action": "UPSERT", "ResourceRecordSet": record}
        self._client.change_resource_record_sets(
            HostedZoneId=self._zone, ChangeBatch={"Changes": [change]}
        )


def test_probes_and_time_to_live_are_those_of_route_53(cloud: CloudUnderTest) -> None:
    settings = renamed(cloud, "routing")
    zone = Zone(cloud, settings)
    zone.answer("PRIMARY", zone.calculated(zone.endpoint(), zone.switch()), ttl_s=9)
    zone.answer("SECONDARY", zone.endpoint(), ttl_s=9)
    found = deployed_routing(settings, cloud.addresses)
    assert found == Routing(probes=ProbeSettings(interval_s=10, threshold=2), ttl_s=9)


def test_sites_that_are_probed_or_kept_differently_are_refused(cloud: CloudUnderTest) -> None:
    settings = renamed(cloud, "uneven")
    zone = Zone(cloud, settings)
    zone.answer("PRIMARY", zone.endpoint(), ttl_s=9)
    zone.answer("SECONDARY", zone.endpoint(threshold=3), ttl_s=9)
    with pytest.raises(LabError, match="health checks of the sites are not one"):
        deployed_routing(settings, cloud.addresses)
    zone.answer("SECONDARY", zone.endpoint(), ttl_s=60)
    with pytest.raises(LabError, match=r"times to live of the records .*\[60, 9\]|\[9, 60\]"):
        deployed_routing(settings, cloud.addresses)


def test_a_zone_that_is_absent_or_empty_is_named(cloud: CloudUnderTest) -> None:
    settings = renamed(cloud, "nothing")
    with pytest.raises(LabError, match="Route 53 lacks what was deployed"):
        deployed_routing(settings, cloud.addresses)
    Zone(cloud, settings)
    with pytest.raises(LabError, match=r"are not one and the same: \[\]"):
        deployed_routing(settings, cloud.addresses)


def test_a_lab_with_a_state_machine_has_one_at_each_site(cloud: CloudUnderTest) -> None:
    settings = renamed(cloud, "machine")
    machines = cloud.client("stepfunctions", EAST)
    create_machine(settings, "east", cloud.client("lambda", EAST), machines)
    arn = f"arn:aws:states:{EAST}:000000000000:stateMachine:payments-recovery-east-machine"
    found = json.loads(machines.describe_state_machine(stateMachineArn=arn)["definition"])
    called = f"arn:aws:lambda:{EAST}:000000000000:function:payments-recovery-east-machine:{ALIAS}"
    assert called in json.dumps(found)
