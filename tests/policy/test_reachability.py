"""Functions reach what they call, and nothing else reaches the ledger: by the plans alone."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import pytest

from payment_dr.functions.catalogue import FUNCTIONS, Function, Need
from payment_dr.infra.policy.network import Network, Placement, Ports, Protocol
from payment_dr.infra.policy.reachability import (
    admitted,
    calls,
    refusal,
    refusal_to_internet,
    refusal_to_service,
)
from payment_dr.infra.policy.reading import read
from payment_dr.lint.document import PlanDocument
from payment_dr.lint.plan import Plan
from policy.planned import Stacks

LEDGER: Final = calls(Protocol.TCP, 5432)
HTTPS: Final = calls(Protocol.TCP, 443)
DNS: Final = (calls(Protocol.UDP, 53), calls(Protocol.TCP, 53))

SERVICES: Final[Mapping[Need, tuple[str, ...]]] = {
    Need.TABLE_READ: ("dynamodb",),
    Need.TABLE_WRITE: ("dynamodb",),
    Need.LEDGER: ("secretsmanager",),
    Need.LEDGER_PROXY: (),
    Need.LEDGER_ADMIN: ("secretsmanager",),
    Need.LEDGER_MASTER: ("secretsmanager",),
    Need.PROVIDER: ("secretsmanager",),
    Need.MERCHANTS: ("secretsmanager",),
    Need.WEBHOOKS: ("secretsmanager",),
    Need.CANARY: ("secretsmanager",),
    Need.DIRECTORY: ("dynamodb",),
    Need.CLUSTERS_READ: ("rds",),
    Need.CLUSTERS_MOVE: ("rds",),
    Need.EVIDENCE: ("s3",),
    Need.DNS: (),
    Need.START_MOVE: ("states",),
    Need.RESTORE: ("rds", "dynamodb"),
    Need.ROTATE: ("secretsmanager",),
    Need.EXPIRE: ("dynamodb",),
    Need.OBSERVE: ("kms", "lambda", "rds", "secretsmanager"),
}
"""Services of the region that a need calls, each by an endpoint inside the network."""

INTERNET: Final[Mapping[Need, tuple[Ports, ...]]] = {
    Need.PROVIDER: (HTTPS,),
    Need.WEBHOOKS: (HTTPS,),
    Need.CANARY: (HTTPS,),
    Need.CLUSTERS_READ: (HTTPS,),  # of the other region
    Need.CLUSTERS_MOVE: (HTTPS,),
    Need.DNS: (*DNS, HTTPS),
    Need.OBSERVE: (HTTPS,),  # of the other region, and certificates
}
"""What leaves by NAT."""


@dataclass(frozen=True, kw_only=True)
class Sites:
    """A network, and where to find things in it."""

    stacks: Stacks
    network: Network

    def the(self, site: str, kind: str, name: str = "") -> str:
        """Key of the one placement of a type at a site, whose name has that part."""
        region = self.stacks.settings.site(site).region
        begin = f"{region}/{kind}."
        found = [key for key in self.network.placements if key.startswith(begin) and name in key]
        assert len(found) == 1, found
        return found[0]

    def function(self, site: str, function: Function) -> str:
        return self.the(site, "aws_lambda_function", f"functions_{function.name}_function")

    def databases(self, site: str, function: Function) -> list[str]:
        """What a function connects to: those who write the journal by the proxy."""
        peer = self.stacks.settings.peer(site).name
        reached = {
            Need.LEDGER: [(site, "aws_db_proxy")],
            Need.LEDGER_PROXY: [(site, "aws_db_proxy")],
            Need.LEDGER_ADMIN: [(site, "aws_rds_cluster"), (peer, "aws_rds_cluster")],
            Need.LEDGER_MASTER: [(site, "aws_rds_cluster")],
        }
        return [self.the(*one) for need in function.needs for one in reached.get(need, [])]

    def problems(self, site: str, function: Function) -> Iterator[str]:
        """What a function does not reach of all that it needs."""
        source, network = self.function(site, function), self.network
        for need in sorted(function.needs, key=lambda one: one.name):
            for service in SERVICES[need]:
                yield refusal_to_service(network, source, service, HTTPS)
            for ports in INTERNET.get(need, ()):
                yield refusal_to_internet(network, source, ports)
        for target in self.databases(site, function):
            yield refusal(network, source, target, LEDGER)

    def all_problems(self) -> list[str]:
        """What functions and proxies of both sites do not reach."""
        found = [
            one
            for site in self.stacks.sites
            for function in FUNCTIONS
            for one in self.problems(site, function)
        ]
        for site in self.stacks.sites:
            cluster = self.the(site, "aws_rds_cluster")
            found += [
                refusal(self.network, self.the(site, kind), cluster, LEDGER)
                for kind in ("aws_db_proxy", "aws_db_proxy_endpoint")
            ]
        return [one for one in found if one]

    def expected_callers(self, site: str) -> dict[str, set[str]]:
        """Who may come to the cluster and to each endpoint of the proxy."""
        functions = {self.function(site, one) for one in FUNCTIONS}
        proxies = {self.the(site, one) for one in ("aws_db_proxy", "aws_db_proxy_endpoint")}
        peer = self.stacks.settings.peer(site)
        # A group of another region cannot be named: functions stand in the network's first half.
        over_there = str(next(peer.cidr.subnets()))
        cluster = self.the(site, "aws_rds_cluster")
        return {cluster: functions | proxies | {over_there}, **dict.fromkeys(proxies, functions)}

    def callers(self, site: str) -> dict[str, set[str]]:
        return {
            target: set(admitted(self.network, target, LEDGER))
            for target in self.expected_callers(site)
        }


@pytest.fixture(scope="module", name="sites")
def _sites(stacks: Stacks) -> Sites:
    return Sites(stacks=stacks, network=network_of(stacks, {}))


Document = dict[str, Any]
Fault = Callable[[Document], None]


def network_of(stacks: Stacks, faults: Mapping[str, Fault]) -> Network:
    """The network of the plans, with something planted into some of them."""
    documents = []
    for name, stack in stacks.stacks.items():
        if name in faults:
            document = json.loads(stack.plan_file.read_bytes())
            faults[name](document)
            documents.append(msgspec.convert(document, PlanDocument))
        else:
            documents.append(stack.document)
    return read(Plan(documents))


def test_each_function_reaches_all_that_it_needs(sites: Sites) -> None:
    assert SERVICES.keys() == set(Need)
    assert sites.all_problems() == []


def test_the_same_is_read_from_the_plans_of_what_was_deployed(stacks: Stacks, sites: Sites) -> None:
    settled = read(Plan([stack.document for stack in stacks.settled.values()]))
    assert settled == sites.network


@pytest.mark.parametrize("site", ["east", "west"])
def test_nothing_but_functions_and_the_proxy_reaches_the_ledger(sites: Sites, site: str) -> None:
    assert sites.callers(site) == sites.expected_callers(site)
    ledger = sites.network.placements[sites.the(site, "aws_rds_cluster")].groups
    # It answers and opens no connection; and nobody else is under its group.
    assert not [one for one in sites.network.group_rules if one.out and one.group in ledger]
    assert [one for one in sites.network.placements.values() if set(one.groups) & set(ledger)] == [
        sites.network.placements[sites.the(site, "aws_rds_cluster")]
    ]


@pytest.mark.parametrize("site", ["east", "west"])
def test_in_the_networks_that_are_let_in_stand_functions_and_endpoints_alone(
    sites: Sites, site: str
) -> None:
    source = sites.network.placements[sites.function(site, FUNCTIONS[0])]
    inside = {
        key.partition("/")[2].partition(".")[0]
        for key, one in sites.network.placements.items()
        if set(one.subnets) & set(source.subnets)
    }
    assert inside == {"aws_lambda_function", "aws_vpc_endpoint"}


@pytest.mark.parametrize("site", ["east", "west"])
def test_the_lists_hold_where_a_group_has_been_opened_by_mistake(sites: Sites, site: str) -> None:
    """Something in a public subnet, under the functions' own group."""
    network = sites.network
    groups = network.placements[sites.function(site, FUNCTIONS[0])].groups
    region = sites.stacks.settings.site(site).region
    public = tuple(key for key in network.nats.values() if key.startswith(region))
    intruder = Placement(subnets=public, groups=groups)
    opened = replace(network, placements={**network.placements, "intruder": intruder})
    for kind in ("aws_rds_cluster", "aws_db_proxy"):
        assert "list" in refusal(opened, "intruder", sites.the(site, kind), LEDGER)


def test_no_function_reaches_the_other_site_s_proxy(sites: Sites) -> None:
    """It would be reached where only the ledger of a move is meant to be."""
    source = sites.function("east", FUNCTIONS[0])
    proxy = sites.the("west", "aws_db_proxy")
    assert "no group lets it in" in refusal(sites.network, source, proxy, LEDGER)
    assert "leave" in refusal_to_internet(sites.network, source, calls(Protocol.TCP, 80))
    assert "no endpoint of sqs" in refusal_to_service(sites.network, source, "sqs", HTTPS)


@pytest.mark.parametrize(
    ("lost", "said"),
    [(Placement(subnets=(), groups=("g",)), "in no subnet"), (None, "lets it leave")],
)
def test_what_stands_nowhere_or_under_another_group_reaches_nothing(
    sites: Sites, lost: Placement | None, said: str
) -> None:
    source, cluster = sites.function("west", FUNCTIONS[0]), sites.the("west", "aws_rds_cluster")
    there = lost or replace(sites.network.placements[source], groups=("another",))
    network = replace(sites.network, placements={**sites.network.placements, source: there})
    assert said in refusal(network, source, cluster, LEDGER)
    assert said in refusal_to_internet(network, source, HTTPS)
    for service in ("dynamodb", "kms"):
        assert said in refusal_to_service(network, source, service, HTTPS)


def removed(kind: str, part: str) -> Fault:
    """Resources of a type whose name has that part are gone."""

    def plant(document: Document) -> None:
        root = document["planned_values"]["root_module"]
        kept = [one for one in root["resources"] if one["type"] != kind or part not in one["name"]]
        assert len(kept) < len(root["resources"])
        root["resources"] = kept

    return plant


def valued(kind: str, part: str, **values: object) -> Fault:
    """Resources of a type whose name has that part have other values."""

    def plant(document: Document) -> None:
        resources = document["planned_values"]["root_module"]["resources"]
        found = [one for one in resources if one["type"] == kind and part in one["name"]]
        assert found
        for one in found:
            one["values"].update(values)

    return plant


def referring(kind: str, part: str, name: str, old: str, new: str) -> Fault:
    """References of an argument go elsewhere: from names with one part to those with another."""

    def plant(document: Document) -> None:
        resources = document["configuration"]["root_module"]["resources"]
        declared = [one["address"] for one in resources]
        found = [one for one in resources if one["type"] == kind and part in one["name"]]
        assert found
        for one in found:
            references = one["expressions"][name]["references"]
            others = [each for each in references if old not in each]
            assert len(others) < len(references)
            others += [each for each in declared if new and new in each]
            one["expressions"][name]["references"] = others

    return plant


OUT, IN = "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule"
ACL = "aws_network_acl_rule"

UNREACHED: Final[Mapping[str, tuple[str, Fault, str]]] = {
    "no way out to the proxy": (
        "east",
        removed(OUT, "functions-to-proxy"),
        "no group lets it leave",
    ),
    "no way in to the cluster": (
        "west",
        removed(IN, "functions-to-ledger"),
        "no group lets it in",
    ),
    "the proxy is not let in": ("east", removed(IN, "proxy-to-ledger"), "no group lets it in"),
    "another port": (
        "east",
        valued(OUT, "functions-to-ledger", from_port=5433, to_port=5433),
        "no group lets it leave",
    ),
    "a route to NAT is missing": (
        "west",
        removed("aws_route", "application-b-default"),
        "no route to a NAT gateway",
    ),
    "NAT without a route to the internet": (
        "east",
        removed("aws_route", "public-default"),
        "no route to the internet",
    ),
    "a subnet without its table": (
        "east",
        removed("aws_route_table_association", "application-a"),
        "no ",
    ),
    "answers of the internet are not let in": (
        "east",
        removed(ACL, "application-4_"),
        "not come from",
    ),
    "answers of the ledger are not let out": (
        "west",
        removed(ACL, "database-4_"),
        "not leave to",
    ),
    "answers of the ledger to the other site are not let out": (
        "west",
        removed(ACL, "database-5_"),
        "not leave to",
    ),
    "answers to a part of the clients' ports only": (
        "east",
        valued(ACL, "database-4_", to_port=32_767),
        "1024-65535 not leave to",
    ),
    "a list that refuses first": (
        "east",
        valued(ACL, "database-8_", rule_action="deny", rule_number=1, from_port=0),
        "not come from",
    ),
    "NAT's list does not take what functions send": (
        "east",
        removed(ACL, "public-4_"),
        "not come from",
    ),
    "an endpoint in another group": (
        "east",
        referring("aws_vpc_endpoint", "_kms_", "security_group_ids", "endpoints", "groups_proxy"),
        "no group lets it in",
    ),
    "an endpoint without a group": (
        "west",
        referring("aws_vpc_endpoint", "_rds_", "security_group_ids", "endpoints", ""),
        "no subnet or no group",
    ),
    "an endpoint without its private name": (
        "east",
        valued("aws_vpc_endpoint", "_states_", private_dns_enabled=False),
        "no endpoint of states",
    ),
    "an endpoint that a table does not have": (
        "west",
        referring("aws_vpc_endpoint", "_dynamodb_", "route_table_ids", "application-c", ""),
        "no endpoint of dynamodb",
    ),
    "routes one way only": (
        "links",
        removed("aws_route", "database-west"),
        "no route to us-east-1",
    ),
    "a route to another network": (
        "links",
        valued("aws_route", "application-a-east", destination_cidr_block="10.9.0.0/16"),
        "no route to us-west-2",
    ),
    "a peering that nobody accepts": (
        "links",
        valued("aws_vpc_peering_connection_accepter", "", auto_accept=False),
        "was not accepted",
    ),
    "a proxy in no subnet": (
        "east",
        referring("aws_db_proxy", "database_proxy", "vpc_subnet_ids", "subnets", ""),
        "in no subnet",
    ),
}
"""Faults: the stack, what is planted, and what is said."""


@pytest.mark.parametrize("fault", UNREACHED)
def test_a_way_that_is_closed_by_mistake_is_found(sites: Sites, fault: str) -> None:
    stack, plant, said = UNREACHED[fault]
    broken = Sites(stacks=sites.stacks, network=network_of(sites.stacks, {stack: plant}))
    problems = broken.all_problems()
    assert problems
    assert all(said in one for one in problems), problems


OPENED: Final[Mapping[str, Fault]] = {
    "the cluster for everybody": valued(IN, "peer-functions-to-ledger", cidr_ipv4="0.0.0.0/0"),
    "the cluster for endpoints": referring(
        IN,
        "groups_functions-to-ledger",
        "referenced_security_group_id",
        "functions",
        "groups_endpoints",
    ),
    "the proxy for itself": referring(
        IN,
        "groups_functions-to-proxy",
        "referenced_security_group_id",
        "functions",
        "groups_proxy",
    ),
    "every port for the other site": valued(
        IN, "peer-functions-to-ledger", ip_protocol="-1", cidr_ipv4="10.1.0.0/16"
    ),
}


@pytest.mark.parametrize("fault", OPENED)
def test_a_way_that_is_opened_by_mistake_is_found(sites: Sites, fault: str) -> None:
    network = network_of(sites.stacks, {"east": OPENED[fault]})
    broken = Sites(stacks=sites.stacks, network=network)
    assert broken.callers("east") != broken.expected_callers("east")
    assert broken.callers("west") == broken.expected_callers("west")
