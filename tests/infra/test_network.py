"""Networks: functions reach what they call, the database is reached by nobody else."""

from collections.abc import Mapping
from typing import Final

import pytest

from infra.ground import ground
from infra.synthesized import StackJson, deployed, resources, statements, the, the_name
from payment_dr.functions.catalogue import FUNCTIONS, Need
from payment_dr.infra.constructs.endpoints import GATEWAY_SERVICES, INTERFACE_SERVICES
from payment_dr.infra.constructs.network import PEERED_ROUTE_TABLES, VPC
from payment_dr.infra.constructs.subnets import subnet_plan
from payment_dr.infra.place import ZONES, Place, places

SERVICES: Final[Mapping[Need, frozenset[str]]] = {
    Need.TABLE_READ: frozenset({"dynamodb"}),
    Need.TABLE_WRITE: frozenset({"dynamodb"}),
    Need.LEDGER: frozenset({"secretsmanager"}),
    Need.LEDGER_PROXY: frozenset(),
    Need.LEDGER_ADMIN: frozenset({"secretsmanager"}),
    Need.LEDGER_MASTER: frozenset({"secretsmanager"}),
    Need.PROVIDER: frozenset({"secretsmanager"}),
    Need.MERCHANTS: frozenset({"secretsmanager"}),
    Need.WEBHOOKS: frozenset({"secretsmanager"}),
    Need.CANARY: frozenset({"secretsmanager"}),
    Need.DIRECTORY: frozenset({"dynamodb"}),
    Need.CLUSTERS_READ: frozenset({"rds"}),
    Need.CLUSTERS_MOVE: frozenset({"rds"}),
    Need.EVIDENCE: frozenset({"s3"}),
    Need.DNS: frozenset(),
    Need.START_MOVE: frozenset({"states"}),
    Need.RESTORE: frozenset({"rds", "kms"}),
    Need.ROTATE: frozenset({"secretsmanager"}),
    Need.EXPIRE: frozenset({"dynamodb"}),
    Need.OBSERVE: frozenset({"kms", "lambda", "secretsmanager"}),
}
"""Services of the own region that a need calls; what else it calls lies on the internet."""


def _named(stack: StackJson, kind: str, name: str) -> str:
    """Reference to the resource with this tag `Name`."""
    found = [key for key, body in resources(stack, kind).items() if body["tags"]["Name"] == name]
    assert len(found) == 1, f"{len(found)} resources {kind} are called {name}"
    return f"${{{kind}.{found[0]}.id}}"


def _routes(stack: StackJson) -> dict[str, dict[str, object]]:
    """Routes by the table that has them; each has one at most."""
    return {route["route_table_id"]: route for route in resources(stack, "aws_route").values()}


def test_the_network_answers_to_names_without_which_endpoints_are_not_found(
    site: StackJson, place: Place
) -> None:
    vpc = the(site, "aws_vpc")
    assert vpc["cidr_block"] == str(place.site.cidr)
    assert vpc["enable_dns_support"] is True
    assert vpc["enable_dns_hostnames"] is True


def test_links_finds_the_network_and_its_tables_by_the_names_listed(
    site: StackJson, place: Place
) -> None:
    assert the(site, "aws_vpc")["tags"]["Name"] == place.name(VPC)
    for thing in PEERED_ROUTE_TABLES:
        assert _named(site, "aws_route_table", place.name(thing))


def test_functions_and_database_have_routes_to_the_other_site_and_nat_has_none(
    site: StackJson, place: Place
) -> None:
    peered = {_named(site, "aws_route_table", place.name(thing)) for thing in PEERED_ROUTE_TABLES}
    tables: dict[str, set[str]] = {}
    for association in resources(site, "aws_route_table_association").values():
        name = association["subnet_id"].removeprefix("${aws_subnet.").removesuffix(".id}")
        tier = resources(site, "aws_subnet")[name]["tags"]["Tier"]
        tables.setdefault(tier, set()).add(association["route_table_id"])
    assert tables["application"] | tables["database"] == peered
    assert not tables["public"] & peered


def test_each_zone_has_a_subnet_for_nat_functions_and_database(
    site: StackJson, place: Place
) -> None:
    plan = subnet_plan(place.site.cidr)
    parts = {"public": plan.public, "application": plan.application, "database": plan.database}
    found = {
        (subnet["tags"]["Tier"], subnet["availability_zone"], subnet["cidr_block"])
        for subnet in resources(site, "aws_subnet").values()
    }
    assert found == {
        (tier, zone, str(network))
        for tier, part in parts.items()
        for zone, network in zip(place.zones, part.subnets, strict=True)
    }


def test_nothing_gets_a_public_address_by_being_started(site: StackJson) -> None:
    subnets = resources(site, "aws_subnet").values()
    assert {subnet["map_public_ip_on_launch"] for subnet in subnets} == {False}


def test_functions_leave_by_nat_in_their_own_zone(site: StackJson, place: Place) -> None:
    for zone in ZONES:
        table = _named(site, "aws_route_table", place.name(f"routes-application-{zone}"))
        route = _routes(site)[table]
        assert route["destination_cidr_block"] == "0.0.0.0/0"
        assert route["nat_gateway_id"] == _named(site, "aws_nat_gateway", place.name(f"nat-{zone}"))
        subnet = _named(site, "aws_subnet", place.name(f"application-{zone}"))
        the(site, "aws_route_table_association", subnet_id=subnet, route_table_id=table)


def test_each_nat_gateway_stands_in_the_public_subnet_of_its_zone(
    site: StackJson, place: Place
) -> None:
    public = _named(site, "aws_route_table", place.name("routes-public"))
    assert _routes(site)[public]["gateway_id"] == _named(
        site, "aws_internet_gateway", place.name("internet")
    )
    for zone in ZONES:
        subnet = _named(site, "aws_subnet", place.name(f"public-{zone}"))
        the(site, "aws_nat_gateway", subnet_id=subnet)
        the(site, "aws_route_table_association", subnet_id=subnet, route_table_id=public)


def test_one_nat_gateway_serves_all_zones_if_settings_say_so() -> None:
    place = places(deployed({"nat_per_zone": False}))[0]
    stack = ground(place)
    gateway = f"${{aws_nat_gateway.{the_name(stack, 'aws_nat_gateway')}.id}}"
    by_nat = [
        route for route in resources(stack, "aws_route").values() if "nat_gateway_id" in route
    ]
    assert [route["nat_gateway_id"] for route in by_nat] == [gateway] * len(ZONES)
    assert len(resources(stack, "aws_eip")) == 1


def test_the_database_has_no_way_to_the_internet(site: StackJson, place: Place) -> None:
    assert _named(site, "aws_route_table", place.name("routes-database")) not in _routes(site)


def test_every_need_of_a_function_says_which_services_it_calls() -> None:
    assert set(SERVICES) == set(Need)


def test_each_service_that_a_function_calls_has_an_endpoint(site: StackJson, place: Place) -> None:
    there = {
        endpoint["service_name"].removeprefix(f"com.amazonaws.{place.site.region}.")
        for endpoint in resources(site, "aws_vpc_endpoint").values()
    }
    for function in FUNCTIONS:
        called = {service for need in function.needs for service in SERVICES[need]}
        assert called <= there, function.name


def test_table_and_evidence_are_reached_by_routes_of_every_zone(
    site: StackJson, place: Place
) -> None:
    tables = {
        _named(site, "aws_route_table", place.name(f"routes-application-{zone}")) for zone in ZONES
    }
    for service in GATEWAY_SERVICES:
        endpoint = the(
            site,
            "aws_vpc_endpoint",
            vpc_endpoint_type="Gateway",
            service_name=f"com.amazonaws.{place.site.region}.{service}",
        )
        assert set(endpoint["route_table_ids"]) == tables


def test_other_services_have_an_address_in_each_zone_under_their_own_name(
    site: StackJson, place: Place
) -> None:
    subnets = {_named(site, "aws_subnet", place.name(f"application-{zone}")) for zone in ZONES}
    for service in INTERFACE_SERVICES:
        endpoint = the(
            site,
            "aws_vpc_endpoint",
            vpc_endpoint_type="Interface",
            service_name=f"com.amazonaws.{place.site.region}.{service}",
        )
        assert endpoint["private_dns_enabled"] is True
        assert set(endpoint["subnet_ids"]) == subnets
        group = the_name(site, "aws_security_group", name=place.name("endpoints"))
        assert endpoint["security_group_ids"] == [f"${{aws_security_group.{group}.id}}"]


def test_credentials_of_another_account_carry_nothing_out_through_an_endpoint(
    site: StackJson,
) -> None:
    for endpoint in resources(site, "aws_vpc_endpoint").values():
        (statement,) = statements(endpoint["policy"]).values()
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}


def test_every_connection_is_logged_encrypted_for_as_long_as_settings_say(
    site: StackJson, place: Place
) -> None:
    log = the(site, "aws_flow_log")
    assert log["traffic_type"] == "ALL"
    group = the(site, "aws_cloudwatch_log_group", name=f"/aws/vpc/{place.name('flow-logs')}")
    key = the_name(site, "aws_kms_key", tags={"Name": place.name("logs")})
    assert group["kms_key_id"] == f"${{aws_kms_key.{key}.arn}}"
    assert group["retention_in_days"] == 365


def test_flow_logs_are_written_by_a_role_that_writes_nothing_else(
    site: StackJson, place: Place
) -> None:
    name = place.name("flow-logs")
    write = statements(the(site, "aws_iam_role_policy", name=name)["policy"])["Write"]
    group = f"arn:aws:logs:{place.site.region}:123456789012:log-group:/aws/vpc/{name}"
    assert write["Resource"] == [group, f"{group}:*"]
    trusted = statements(the(site, "aws_iam_role", name=name)["assume_role_policy"])["Assume"]
    assert trusted["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert trusted["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}


@pytest.mark.parametrize("word", ["primary", "secondary", "standby", "active"])
def test_no_resource_is_called_after_a_role_of_the_moment(site: StackJson, word: str) -> None:
    for kind, named in site["resource"].items():
        assert not [name for name in named if word in name.lower()], kind
