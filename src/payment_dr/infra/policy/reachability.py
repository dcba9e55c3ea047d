"""Who reaches whom: groups, routes and network lists of both ends, the call and the answer.

Pure. A refusal is said as the place where the packet ends; "" means that it arrives.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

from payment_dr.infra.policy.network import (
    GroupRule,
    Network,
    Placement,
    Ports,
    Protocol,
    Route,
    Subnet,
    Way,
)

INTERNET: Final = IPv4Network("0.0.0.0/0")
_CLIENT: Final = (1024, 65_535)
"""Ports of those who call."""


def calls(protocol: Protocol, number: int) -> Ports:
    """One port."""
    return Ports(protocol=protocol, first=number, last=number)


def refusal(network: Network, source: str, target: str, ports: Ports) -> str:
    """Why something does not reach something else, from and to any of their subnets.

    Args:
        network: both are in it.
        source: key of a placement.
        target: key of a placement.
        ports: of the target.
    """
    here, there = network.placements[source], network.placements[target]
    if not _are_placed(here, there):
        return f"{source} or {target} is in no subnet or no group"
    problems = (
        problem
        for subnet in here.subnets
        for other in there.subnets
        for problem in _between(network, _End(here, subnet), _End(there, other), ports)
    )
    return next(problems, "")


def refusal_to_internet(network: Network, source: str, ports: Ports) -> str:
    """Why something does not reach the internet through NAT, from any of its subnets."""
    here = network.placements[source]
    if not _are_placed(here):
        return f"{source} is in no subnet or no group"
    if not _leaves(network, here, ports, INTERNET, ()):
        return f"no group of {source} lets it leave"
    problems = (
        problem for subnet in here.subnets for problem in _through_nat(network, subnet, ports)
    )
    return next(problems, "")


def refusal_to_service(network: Network, source: str, service: str, ports: Ports) -> str:
    """Why something does not reach a service of AWS by an endpoint of its own network."""
    here = network.placements[source]
    if not _are_placed(here):
        return f"{source} is in no subnet or no group"
    vpcs = {network.subnets[subnet].vpc for subnet in here.subnets}
    for target, placement in network.placements.items():
        if placement.service == service and vpcs >= {
            network.subnets[subnet].vpc for subnet in placement.subnets
        }:
            return refusal(network, source, target, ports)
    if not _leaves(network, here, ports, INTERNET, ()):
        return f"no group of {source} lets it leave"
    tables = [one.tables for one in network.gateways if one.service == service]
    for subnet in here.subnets:
        if not any(network.subnets[subnet].table in each for each in tables):
            return f"{subnet} has no endpoint of {service}"
        problem = next(_lists(network, subnet, None, ports), "")
        if problem:
            return problem
    return ""


def admitted(network: Network, target: str, ports: Ports) -> frozenset[str]:
    """Everything that the groups of something let in: keys of placements, and networks.

    Placements are those that carry a group that is let in; networks are told as written.
    """
    there = network.placements[target]
    found: set[str] = set()
    for rule in network.group_rules:
        if rule.out or rule.group not in there.groups or not rule.ports.meets(ports):
            continue
        if rule.network is not None:
            found.add(str(rule.network))
        found |= {name for name, one in network.placements.items() if rule.other in one.groups}
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class _End:
    placement: Placement
    subnet: str


def _are_placed(*placements: Placement) -> bool:
    return all(one.subnets and one.groups for one in placements)


def _between(network: Network, here: _End, there: _End, ports: Ports) -> Iterator[str]:
    source, target = network.subnets[here.subnet], network.subnets[there.subnet]
    # A group of another network cannot be named.
    named = there.placement.groups if source.vpc == target.vpc else ()
    if not _leaves(network, here.placement, ports, target.network, named):
        yield f"{here.subnet}: no group lets it leave to {there.subnet}"
    yield from _routed(network, here.subnet, there.subnet)
    if here.subnet != there.subnet:
        yield from _lists(network, here.subnet, there.subnet, ports)
    named = here.placement.groups if source.vpc == target.vpc else ()
    if not _enters(network, there.placement, ports, source.network, named):
        yield f"{there.subnet}: no group lets it in from {here.subnet}"
    yield from _routed(network, there.subnet, here.subnet)


def _leaves(
    network: Network, of: Placement, ports: Ports, to: IPv4Network, groups: Iterable[str]
) -> bool:
    rules = [one for one in network.group_rules if one.out and one.group in of.groups]
    return _passes(rules, ports, to, groups)


def _enters(
    network: Network, into: Placement, ports: Ports, came: IPv4Network, groups: Iterable[str]
) -> bool:
    rules = [one for one in network.group_rules if not one.out and one.group in into.groups]
    return _passes(rules, ports, came, groups)


def _passes(
    rules: Iterable[GroupRule], ports: Ports, other: IPv4Network, groups: Iterable[str]
) -> bool:
    """Groups keep state: answers pass without a rule of their own."""
    named = set(groups)
    return any(
        ports.within(rule.ports)
        and (rule.other in named or (rule.network is not None and other.subnet_of(rule.network)))
        for rule in rules
    )


def _routed(network: Network, here: str, there: str) -> Iterator[str]:
    """Packets from a subnet to another one; inside a network they need no route."""
    source, target = network.subnets[here], network.subnets[there]
    if source.vpc == target.vpc:
        return
    route = _best(network, source, target.network)
    if route is None or route.way is not Way.PEERING:
        yield f"{here}: no route to {there}"
    elif network.peerings.get(route.target) != frozenset({source.vpc, target.vpc}):
        yield f"{here}: {route.target} does not lead to {there}, or was not accepted"


def _best(network: Network, subnet: Subnet, destination: IPv4Network) -> Route | None:
    """The most exact route to a whole network."""
    fitting = [
        one
        for one in network.routes
        if one.table == subnet.table and destination.subnet_of(one.destination)
    ]
    return max(fitting, key=lambda one: one.destination.prefixlen, default=None)


def _through_nat(network: Network, here: str, ports: Ports) -> Iterator[str]:
    route = _best(network, network.subnets[here], INTERNET)
    if route is None or route.way is not Way.NAT:
        yield f"{here}: no route to a NAT gateway"
    else:
        yield from _beyond_nat(network, here, network.nats[route.target], ports)


def _beyond_nat(network: Network, here: str, between: str, ports: Ports) -> Iterator[str]:
    """From a subnet through the one that the gateway stands in, and back."""
    out = _best(network, network.subnets[between], INTERNET)
    if out is None or out.way is not Way.INTERNET:
        yield f"{between}: the NAT gateway has no route to the internet"
    yield from _lists(network, here, None, ports)
    yield from _lists(network, between, None, ports)
    # The list of the gateway's subnet sees the caller's own address.
    source = network.subnets[here].network
    yield from _list(network, between, source, ports, out=False)
    yield from _list(network, between, source, _answers(ports), out=True)


def _lists(network: Network, here: str, there: str | None, ports: Ports) -> Iterator[str]:
    """Both lists, for the call and for the answer; None is the internet, which has no list."""
    source = network.subnets[here].network
    target = INTERNET if there is None else network.subnets[there].network
    yield from _list(network, here, target, ports, out=True)
    yield from _list(network, here, target, _answers(ports), out=False)
    if there is not None:
        yield from _list(network, there, source, ports, out=False)
        yield from _list(network, there, source, _answers(ports), out=True)


def _answers(ports: Ports) -> Ports:
    return Ports(protocol=ports.protocol, first=_CLIENT[0], last=_CLIENT[1])


def _list(
    network: Network, subnet: str, other: IPv4Network, ports: Ports, *, out: bool
) -> Iterator[str]:
    """Lists keep no state, and a subnet without one of its own has that of its network: closed."""
    acl = network.subnets[subnet].acl
    rules = [one for one in network.acl_rules if one.acl == acl and one.out is out]
    for rule in sorted(rules, key=lambda one: one.number):
        if rule.allow and ports.within(rule.ports) and other.subnet_of(rule.network):
            return
        if not rule.allow and ports.meets(rule.ports) and other.overlaps(rule.network):
            break
    way = "leave to" if out else "come from"
    yield f"{subnet}: its list lets {ports.protocol} {ports.first}-{ports.last} not {way} {other}"
