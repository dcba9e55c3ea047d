"""Who may talk to whom: nobody reaches the database but those who must."""

from infra.synthesized import StackJson, resources, the, the_name
from payment_dr.infra.constructs.subnets import subnet_plan
from payment_dr.infra.place import Place


def _group(stack: StackJson, place: Place, thing: str) -> str:
    name = the_name(stack, "aws_security_group", name=place.name(thing))
    return f"${{aws_security_group.{name}.id}}"


def _rules(stack: StackJson, direction: str, group: str) -> set[tuple[str, str, int, int]]:
    """Other end, protocol, first and last port of the rules of a security group."""
    return {
        (
            rule.get("referenced_security_group_id") or rule["cidr_ipv4"],
            rule["ip_protocol"],
            rule["from_port"],
            rule["to_port"],
        )
        for rule in resources(stack, f"aws_vpc_security_group_{direction}_rule").values()
        if rule["security_group_id"] == group
    }


def test_the_group_that_nothing_named_falls_into_is_closed(site: StackJson) -> None:
    assert not {"ingress", "egress"} & set(the(site, "aws_default_security_group"))


def test_nobody_calls_functions_through_the_network(site: StackJson, place: Place) -> None:
    assert _rules(site, "ingress", _group(site, place, "functions")) == set()


def test_the_cluster_admits_the_proxy_and_functions_of_both_sites_and_calls_nobody(
    site: StackJson, place: Place
) -> None:
    ledger = _group(site, place, "ledger")
    assert _rules(site, "ingress", ledger) == {
        (_group(site, place, "proxy"), "tcp", 5432, 5432),
        (_group(site, place, "functions"), "tcp", 5432, 5432),
        (str(subnet_plan(place.peer.cidr).application.part), "tcp", 5432, 5432),
    }
    assert _rules(site, "egress", ledger) == set()


def test_the_proxy_stands_between_functions_and_cluster_alone(
    site: StackJson, place: Place
) -> None:
    proxy = _group(site, place, "proxy")
    functions, ledger = _group(site, place, "functions"), _group(site, place, "ledger")
    assert _rules(site, "ingress", proxy) == {(functions, "tcp", 5432, 5432)}
    assert _rules(site, "egress", proxy) == {(ledger, "tcp", 5432, 5432)}


def test_endpoints_admit_functions_alone(site: StackJson, place: Place) -> None:
    endpoints = _group(site, place, "endpoints")
    functions = _group(site, place, "functions")
    assert _rules(site, "ingress", endpoints) == {(functions, "tcp", 443, 443)}
    assert _rules(site, "egress", endpoints) == set()


def test_functions_call_ledgers_services_and_the_internet_and_nothing_else(
    site: StackJson, place: Place
) -> None:
    assert _rules(site, "egress", _group(site, place, "functions")) == {
        (_group(site, place, "proxy"), "tcp", 5432, 5432),
        (_group(site, place, "ledger"), "tcp", 5432, 5432),
        (str(subnet_plan(place.peer.cidr).database.part), "tcp", 5432, 5432),
        (_group(site, place, "endpoints"), "tcp", 443, 443),
        ("0.0.0.0/0", "tcp", 443, 443),
        ("0.0.0.0/0", "udp", 53, 53),
        ("0.0.0.0/0", "tcp", 53, 53),
    }


def test_groups_have_no_rules_of_their_own_beside_the_rules_that_scanners_see(
    site: StackJson,
) -> None:
    for group in resources(site, "aws_security_group").values():
        assert not {"ingress", "egress"} & set(group)


def test_what_one_site_lets_out_to_the_other_is_let_in_there(
    east: StackJson, west: StackJson, home: Place, peer: Place
) -> None:
    for source, target, here, there in ((east, west, home, peer), (west, east, peer, home)):
        out = {
            rule["cidr_ipv4"]
            for rule in resources(source, "aws_vpc_security_group_egress_rule").values()
            if rule.get("cidr_ipv4", "0.0.0.0/0") != "0.0.0.0/0"
        }
        admitted = {
            rule["cidr_ipv4"]
            for rule in resources(target, "aws_vpc_security_group_ingress_rule").values()
            if "cidr_ipv4" in rule
        }
        assert out == {str(subnet_plan(there.site.cidr).database.part)}
        assert admitted == {str(subnet_plan(here.site.cidr).application.part)}
