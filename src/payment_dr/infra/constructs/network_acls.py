"""The second fence, by network: it holds when a security group has been opened by mistake.

It keeps no state, so answers need rules of their own: ports of clients on the way back. Packets
that say "too large" pass as well, without which large answers through NAT would be lost.
"""

from dataclasses import dataclass
from typing import Final, Literal

from cdktn_provider_aws.default_network_acl import DefaultNetworkAcl
from cdktn_provider_aws.network_acl import NetworkAcl
from cdktn_provider_aws.network_acl_rule import NetworkAclRule
from constructs import Construct

from payment_dr.infra.constructs.placed_subnets import SiteSubnets
from payment_dr.infra.constructs.ports import (
    DNS_PORT,
    EPHEMERAL_PORTS,
    HTTPS_PORT,
    INTERNET,
    LEDGER_PORT,
)
from payment_dr.infra.constructs.subnets import subnet_plan
from payment_dr.infra.place import Place

_STEP: Final = 10
_UNREACHABLE: Final = 3
_TOO_LARGE: Final = 4
"""Type and code of the ICMP packet that tells a sender to send smaller ones."""

Protocol = Literal["tcp", "udp", "icmp"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """One rule that lets packets pass.

    Attributes:
        out: whether they leave the subnets.
        protocol: of the packets.
        network: where they come from or go to.
        ports: first and last port of the receiver; ICMP has none.
    """

    out: bool
    protocol: Protocol
    network: str
    ports: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkAclsProps:
    """Which subnets are fenced."""

    place: Place
    vpc_id: str
    default_acl_id: str
    subnets: SiteSubnets


class SiteNetworkAcls(Construct):
    """A list for each part of the network; that of the VPC itself lets nothing pass."""

    def __init__(self, scope: Construct, construct_id: str, props: NetworkAclsProps) -> None:
        super().__init__(scope, construct_id)
        DefaultNetworkAcl(
            self,
            "default",
            default_network_acl_id=props.default_acl_id,
            tags={"Name": props.place.name("default-closed")},
        )
        place, subnets = props.place, props.subnets
        self._acl("public", props, subnets.public_ids, public_rules(place))
        self._acl("application", props, subnets.application_ids, application_rules(place))
        self._acl("database", props, subnets.database_ids, database_rules(place))

    def _acl(
        self, kind: str, props: NetworkAclsProps, subnets: list[str], rules: list[Pass]
    ) -> None:
        acl = NetworkAcl(
            self,
            kind,
            vpc_id=props.vpc_id,
            subnet_ids=subnets,
            tags={"Name": props.place.name(f"acl-{kind}")},
        )
        for number, rule in enumerate(rules, start=1):
            is_icmp = rule.protocol == "icmp"
            first, last = rule.ports or (None, None)
            NetworkAclRule(
                self,
                f"{kind}-{number}",
                network_acl_id=acl.id,
                rule_number=number * _STEP,
                egress=rule.out,
                rule_action="allow",
                protocol=rule.protocol,
                cidr_block=rule.network,
                from_port=first,
                to_port=last,
                icmp_type=_UNREACHABLE if is_icmp else None,
                icmp_code=_TOO_LARGE if is_icmp else None,
            )


def public_rules(place: Place) -> list[Pass]:
    """NAT: from functions to the internet, and answers back."""
    functions = str(subnet_plan(place.site.cidr).application.part)
    return [
        *_calls(INTERNET, out=True),
        *_calls(functions, out=False),
        *_answers(INTERNET, out=False),
        *_answers(functions, out=True),
    ]


def application_rules(place: Place) -> list[Pass]:
    """Functions and endpoints: to each other, to both ledgers, to the internet through NAT."""
    own, peer = subnet_plan(place.site.cidr), subnet_plan(place.peer.cidr)
    functions = str(own.application.part)
    return [
        *_calls(INTERNET, out=True),
        *_answers(INTERNET, out=False),
        _tcp(functions, HTTPS_PORT, out=False),
        Pass(out=True, protocol="tcp", network=functions, ports=EPHEMERAL_PORTS),
        _tcp(str(own.database.part), LEDGER_PORT, out=True),
        _tcp(str(peer.database.part), LEDGER_PORT, out=True),
    ]


def database_rules(place: Place) -> list[Pass]:
    """Cluster and proxy: the ledger's port for functions of both sites, and for each other."""
    own, peer = subnet_plan(place.site.cidr), subnet_plan(place.peer.cidr)
    inside = str(own.database.part)
    callers = (str(own.application.part), str(peer.application.part), inside)
    return [
        *(_tcp(caller, LEDGER_PORT, out=False) for caller in callers),
        *(
            Pass(out=True, protocol="tcp", network=caller, ports=EPHEMERAL_PORTS)
            for caller in callers
        ),
        _tcp(inside, LEDGER_PORT, out=True),
        Pass(out=False, protocol="tcp", network=inside, ports=EPHEMERAL_PORTS),
    ]


def _tcp(network: str, port: int, *, out: bool) -> Pass:
    return Pass(out=out, protocol="tcp", network=network, ports=(port, port))


def _calls(network: str, *, out: bool) -> list[Pass]:
    """HTTPS and DNS in the direction in which they are called."""
    return [
        _tcp(network, HTTPS_PORT, out=out),
        _tcp(network, DNS_PORT, out=out),
        Pass(out=out, protocol="udp", network=network, ports=(DNS_PORT, DNS_PORT)),
    ]


def _answers(network: str, *, out: bool) -> list[Pass]:
    """What comes back to the ports of clients."""
    return [
        Pass(out=out, protocol="tcp", network=network, ports=EPHEMERAL_PORTS),
        Pass(out=out, protocol="udp", network=network, ports=EPHEMERAL_PORTS),
        Pass(out=out, protocol="icmp", network=network),
    ]
