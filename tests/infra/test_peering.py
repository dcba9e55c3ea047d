"""The sites' networks joined, both ways."""

import pytest

from infra.synthesized import StackJson, data, resources, synthesize_at, the, the_name
from payment_dr.infra.constructs.network import PEERED_ROUTE_TABLES, VPC
from payment_dr.infra.constructs.peering import PeeringProps, SitePeering
from payment_dr.infra.place import Place

ACCEPTER = "aws_vpc_peering_connection_accepter"


@pytest.fixture(scope="module", name="stack")
def made_stack(home: Place, peer: Place) -> StackJson:
    props = PeeringProps(home=home, peer=peer)
    return synthesize_at(home, lambda stack: SitePeering(stack, "peering", props))


def accepted(stack: StackJson) -> str:
    """Reference to the accepted connection."""
    return f"${{{ACCEPTER}.{the_name(stack, ACCEPTER)}.id}}"


def found(stack: StackJson, kind: str, name: str, region: str) -> str:
    """Reference to what is found by its tag `Name` in a region."""
    wanted = [{"name": "tag:Name", "values": [name]}]
    (key,) = [
        key
        for key, body in data(stack, kind).items()
        if body["filter"] == wanted and body["region"] == region
    ]
    return f"${{data.{kind}.{key}.id}}"


def test_home_asks_in_its_region_and_the_other_site_accepts_in_its_own(
    stack: StackJson, home: Place, peer: Place
) -> None:
    asked = the(stack, "aws_vpc_peering_connection")
    assert (asked["region"], asked["peer_region"]) == (home.site.region, peer.site.region)
    assert asked["auto_accept"] is False
    assert asked["vpc_id"] == found(stack, "aws_vpc", home.name(VPC), home.site.region)
    assert asked["peer_vpc_id"] == found(stack, "aws_vpc", peer.name(VPC), peer.site.region)

    accepter = the(stack, ACCEPTER)
    assert (accepter["region"], accepter["auto_accept"]) == (peer.site.region, True)
    name = the_name(stack, "aws_vpc_peering_connection")
    assert accepter["vpc_peering_connection_id"] == f"${{aws_vpc_peering_connection.{name}.id}}"


def test_names_resolve_to_private_addresses_from_both_sides(
    stack: StackJson, home: Place, peer: Place
) -> None:
    kind = "aws_vpc_peering_connection_options"
    yes = {"allow_remote_vpc_dns_resolution": True}
    at_home = the(stack, kind, region=home.site.region)
    at_peer = the(stack, kind, region=peer.site.region)
    assert at_home["requester"] == yes
    assert at_peer["accepter"] == yes
    # Options can be set on an active connection only, so they wait for the acceptance.
    for options in (at_home, at_peer):
        assert options["vpc_peering_connection_id"] == accepted(stack)


@pytest.mark.parametrize("thing", PEERED_ROUTE_TABLES)
def test_every_table_of_functions_and_database_leads_to_the_other_site(
    stack: StackJson, home: Place, peer: Place, thing: str
) -> None:
    for place, other in ((home, peer), (peer, home)):
        table = found(stack, "aws_route_table", place.name(thing), place.site.region)
        route = the(stack, "aws_route", route_table_id=table)
        assert route["destination_cidr_block"] == str(other.site.cidr)
        assert route["vpc_peering_connection_id"] == accepted(stack)
        assert route["region"] == place.site.region


def test_no_other_table_leads_there(stack: StackJson) -> None:
    assert len(resources(stack, "aws_route")) == 2 * len(PEERED_ROUTE_TABLES)
