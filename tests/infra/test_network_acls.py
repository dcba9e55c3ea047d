"""The second fence: everything that a site has to say passes it, in both directions."""

import copy

import pytest

from infra.packets import Port, refused
from infra.synthesized import StackJson, resources, the
from payment_dr.infra.constructs.subnets import subnet_plan
from payment_dr.infra.place import Place

INTERNET = "203.0.113.7"


def _addresses(place: Place) -> dict[str, str]:
    """An address in each part of both sites, in different zones."""
    own, peer = subnet_plan(place.site.cidr), subnet_plan(place.peer.cidr)
    return {
        "function": str(own.application.subnets[0][10]),
        "endpoint": str(own.application.subnets[1][10]),
        "ledger": str(own.database.subnets[1][10]),
        "proxy": str(own.database.subnets[2][10]),
        "nat": str(own.public.subnets[0][10]),
        "peer function": str(peer.application.subnets[2][10]),
        "peer ledger": str(peer.database.subnets[0][10]),
        "internet": INTERNET,
    }


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        ("function", "endpoint", ("tcp", 443)),
        ("function", "ledger", ("tcp", 5432)),
        ("function", "proxy", ("tcp", 5432)),
        ("function", "peer ledger", ("tcp", 5432)),
        ("peer function", "ledger", ("tcp", 5432)),
        ("proxy", "ledger", ("tcp", 5432)),
        ("function", "internet", ("tcp", 443)),
        ("function", "internet", ("udp", 53)),
        ("function", "internet", ("tcp", 53)),
        ("nat", "internet", ("tcp", 443)),
        ("nat", "internet", ("udp", 53)),
    ],
)
def test_what_a_site_has_to_say_passes_and_so_does_the_answer(
    site: StackJson, place: Place, source: str, target: str, port: Port
) -> None:
    at = _addresses(place)
    assert refused(site, at[source], at[target], port) == ""


@pytest.mark.parametrize("port", [("tcp", 443), ("udp", 53), ("tcp", 53)])
def test_nat_takes_from_functions_what_it_passes_on(
    site: StackJson, place: Place, port: Port
) -> None:
    """Addressed to the internet, it enters the subnet of NAT from a function."""
    at = _addresses(place)
    assert refused(site, at["function"], at["nat"], port) == ""


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        ("internet", "ledger", ("tcp", 5432)),
        ("nat", "ledger", ("tcp", 5432)),
        ("ledger", "internet", ("tcp", 443)),
        ("function", "ledger", ("tcp", 22)),
        ("peer function", "proxy", ("tcp", 443)),
        ("peer function", "endpoint", ("tcp", 443)),
        ("internet", "function", ("tcp", 443)),
        ("internet", "nat", ("tcp", 443)),
    ],
)
def test_nothing_else_comes_to_the_database_or_out_of_it(
    site: StackJson, place: Place, source: str, target: str, port: Port
) -> None:
    at = _addresses(place)
    assert refused(site, at[source], at[target], port) != ""


@pytest.mark.parametrize("kind", ["public", "application"])
def test_packets_that_tell_a_sender_to_send_less_come_in(
    site: StackJson, place: Place, kind: str
) -> None:
    name = next(
        name
        for name, acl in resources(site, "aws_network_acl").items()
        if acl["tags"]["Name"] == place.name(f"acl-{kind}")
    )
    rule = the(
        site,
        "aws_network_acl_rule",
        network_acl_id=f"${{aws_network_acl.{name}.id}}",
        protocol="icmp",
        egress=False,
    )
    assert (rule["icmp_type"], rule["icmp_code"]) == (3, 4)
    assert rule["cidr_block"] == "0.0.0.0/0"


def test_a_missing_rule_for_answers_is_noticed(east: StackJson, home: Place) -> None:
    broken = copy.deepcopy(dict(east))
    rules = resources(broken, "aws_network_acl_rule")
    for name in [n for n, r in rules.items() if r.get("from_port") == 1024 and not r["egress"]]:
        del rules[name]
    at = _addresses(home)
    assert refused(broken, at["function"], at["internet"], ("tcp", 443)) == "answer enters"


def test_the_list_that_subnets_have_by_default_lets_nothing_pass(site: StackJson) -> None:
    default = the(site, "aws_default_network_acl")
    assert not {"ingress", "egress", "subnet_ids"} & set(default)


def test_each_subnet_has_a_list_of_its_own_part(site: StackJson) -> None:
    listed = [
        subnet
        for acl in resources(site, "aws_network_acl").values()
        for subnet in acl["subnet_ids"]
    ]
    assert sorted(listed) == sorted(
        f"${{aws_subnet.{name}.id}}" for name in resources(site, "aws_subnet")
    )


def test_the_number_of_rules_stays_within_what_an_account_has_by_default(site: StackJson) -> None:
    counts: dict[tuple[str, bool], int] = {}
    for rule in resources(site, "aws_network_acl_rule").values():
        key = (rule["network_acl_id"], rule["egress"])
        counts[key] = counts.get(key, 0) + 1
    assert max(counts.values()) <= 20
