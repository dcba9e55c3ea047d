"""The networks of plans as plain data: what `reachability` judges.

Everything has the key `<region>/<address>`: sites have the same addresses in plans of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from ipaddress import IPv4Network


@unique
class Protocol(StrEnum):
    """Of the packets, as plans write it."""

    TCP = "tcp"
    UDP = "udp"


@unique
class Way(StrEnum):
    """What a route leads to."""

    PEERING = "peering"
    NAT = "nat"
    INTERNET = "internet"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """Ports of a protocol, from first to last."""

    protocol: Protocol
    first: int
    last: int

    def within(self, other: "Ports") -> bool:
        """Whether the other ones are all of these and perhaps more."""
        return (
            self.protocol is other.protocol
            and other.first <= self.first
            and self.last <= other.last
        )

    def meets(self, other: "Ports") -> bool:
        """Whether they have a port in common."""
        return (
            self.protocol is other.protocol
            and other.first <= self.last
            and self.first <= other.last
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Subnet:
    """A subnet; `table` and `acl` are "" where the plan gives it none."""

    vpc: str
    network: IPv4Network
    table: str
    acl: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """A route of a table; `target` is a gateway or a peering."""

    table: str
    destination: IPv4Network
    way: Way
    target: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AclRule:
    """A rule of a network list; the lowest number that matches decides, and none refuses."""

    acl: str
    number: int
    out: bool
    allow: bool
    ports: Ports
    network: IPv4Network


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRule:
    """A rule of a security group: with a network, or with another group."""

    group: str
    out: bool
    ports: Ports
    network: IPv4Network | None
    other: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """Something with interfaces in subnets, under security groups.

    Attributes:
        subnets: keys; it has an interface in each, or may have.
        groups: keys.
        service: of an interface endpoint whose private name is on, e.g. `kms`; else "".
    """

    subnets: tuple[str, ...]
    groups: tuple[str, ...]
    service: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gateway:
    """A gateway endpoint: a route to a service in these tables."""

    service: str
    tables: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """All of it.

    Attributes:
        subnets: by key.
        placements: by key: functions, proxies, clusters, interface endpoints.
        nats: key of the subnet that a NAT gateway stands in, by the gateway's.
        peerings: keys of both networks of a peering that was accepted, by the peering's key.
    """

    subnets: Mapping[str, Subnet]
    placements: Mapping[str, Placement]
    routes: tuple[Route, ...]
    acl_rules: tuple[AclRule, ...]
    group_rules: tuple[GroupRule, ...]
    gateways: tuple[Gateway, ...]
    nats: Mapping[str, str]
    peerings: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
