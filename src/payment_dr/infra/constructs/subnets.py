"""How a site's network is divided: half for functions, a quarter for the database, one for NAT.

Each part is cut in four, one for each availability zone and a fourth in reserve, so that a part is
one range: the other site admits "the functions over there" by naming a single network.

| VPC | application subnet | database subnet | public subnet |
| --- | --- | --- | --- |
| /16 | /19, 8187 usable addresses | /20, 4091 | /20, 4091 |
| /20 | /23, 507 | /24, 251 | /24, 251 |
"""

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

from payment_dr.infra.place import ZONES

_CUT: Final = 2
"""Bits of a part that tell its subnets apart: four of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tier:
    """One part of the network.

    Attributes:
        part: the whole part.
        subnets: one for each availability zone, in their order.
    """

    part: IPv4Network
    subnets: tuple[IPv4Network, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SubnetPlan:
    """The three parts of a site's network."""

    application: Tier
    """Functions and the endpoints that they use: no address of the internet."""
    database: Tier
    """Cluster and proxy: no way to the internet at all."""
    public: Tier
    """NAT gateways, nothing else."""


def subnet_plan(network: IPv4Network) -> SubnetPlan:
    """Divide a network of /16 to /20, as settings have checked."""
    application, rest = network.subnets()
    database, public = rest.subnets()
    return SubnetPlan(
        application=_tier(application), database=_tier(database), public=_tier(public)
    )


def _tier(part: IPv4Network) -> Tier:
    return Tier(part=part, subnets=tuple(part.subnets(prefixlen_diff=_CUT))[: len(ZONES)])
