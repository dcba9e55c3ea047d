"""Reads the networks out of plans, following references within a plan and names between plans."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

from payment_dr.infra.policy.network import (
    AclRule,
    Gateway,
    GroupRule,
    Network,
    Placement,
    Ports,
    Protocol,
    Route,
    Subnet,
    Way,
)
from payment_dr.lint.plan import Plan
from payment_dr.lint.resource import Node, Resource
from payment_dr.lint.values import mapping, sequence, text

_WAYS: Final[Mapping[str, tuple[Way, str]]] = {
    "nat_gateway_id": (Way.NAT, "aws_nat_gateway"),
    "gateway_id": (Way.INTERNET, "aws_internet_gateway"),
    "vpc_peering_connection_id": (Way.PEERING, ""),
}
"""Argument of a route: what it leads to, and the type of resource that it names."""

_PLACED: Final[Mapping[str, tuple[str, str]]] = {
    "aws_lambda_function": ("vpc_config", "vpc_config"),
    "aws_db_proxy": ("vpc_subnet_ids", "vpc_security_group_ids"),
    "aws_db_proxy_endpoint": ("vpc_subnet_ids", "vpc_security_group_ids"),
    "aws_vpc_endpoint": ("subnet_ids", "security_group_ids"),
    "aws_rds_cluster": ("db_subnet_group_name", "vpc_security_group_ids"),
}
"""Type of resource: arguments that name its subnets and its groups."""

_GATEWAY: Final = "Gateway"
_ALL: Final = "-1"


def read(plan: Plan) -> Network:
    """The networks of all plans, joined where peerings join them."""
    return _Reading(plan).network()


def key(resource: Resource) -> str:
    """What a resource is called here."""
    return f"{resource.region}/{resource.address}"


@dataclass(frozen=True, slots=True)
class _Reading:
    plan: Plan

    def network(self) -> Network:
        plan = self.plan
        return Network(
            subnets={key(one): self._subnet(one) for one in plan.of("aws_subnet")},
            placements=dict(self._placements()),
            routes=tuple(route for one in plan.of("aws_route") for route in self._route(one)),
            acl_rules=tuple(
                rule for one in plan.of("aws_network_acl_rule") for rule in self._acl_rule(one)
            ),
            group_rules=tuple(self._group_rules()),
            gateways=tuple(
                self._gateway(one)
                for one in plan.of("aws_vpc_endpoint")
                if one.text("vpc_endpoint_type") == _GATEWAY
            ),
            nats={
                key(one): subnet
                for one in plan.of("aws_nat_gateway")
                for subnet in self._keys(one, "subnet_id", "aws_subnet")
            },
            peerings=dict(self._peerings()),
        )

    def _subnet(self, subnet: Resource) -> Subnet:
        plan = self.plan
        kind = "aws_route_table_association"
        associations = plan.referring(kind, "subnet_id").get(subnet, [])
        tables = [
            table
            for one in associations
            for table in self._keys(one, "route_table_id", "aws_route_table")
        ]
        acls = plan.referring("aws_network_acl", "subnet_ids").get(subnet, [])
        return Subnet(
            vpc=next(iter(self._keys(subnet, "vpc_id", "aws_vpc")), ""),
            network=IPv4Network(subnet.text("cidr_block")),
            table=next(iter(tables), ""),
            acl=next((key(one) for one in acls), ""),
        )

    def _placements(self) -> Iterator[tuple[str, Placement]]:
        for kind, (subnets, groups) in _PLACED.items():
            for one in self.plan.of(kind):
                if one.text("vpc_endpoint_type") == _GATEWAY:
                    continue
                yield (
                    key(one),
                    Placement(
                        subnets=self._subnets_of(one, subnets),
                        groups=self._keys(one, groups, "aws_security_group"),
                        service=_service(one) if one.is_true("private_dns_enabled") else "",
                    ),
                )

    def _subnets_of(self, resource: Resource, name: str) -> tuple[str, ...]:
        """Subnets that an argument names, or the subnets of the group that it names."""
        groups = self.plan.targets(resource, name).of("aws_db_subnet_group")
        return self._keys(resource, name, "aws_subnet") + tuple(
            subnet for group in groups for subnet in self._keys(group, "subnet_ids", "aws_subnet")
        )

    def _route(self, route: Resource) -> Iterator[Route]:
        destination = route.text("destination_cidr_block")
        for name, (way, kind) in _WAYS.items():
            # After an apply every argument is known, and those that are not used are empty.
            targets = self._keys(route, name, kind) if kind else self._connections(route)
            for target in targets if destination and route.is_set(name) else ():
                for table in self._found(route, "route_table_id", "aws_route_table"):
                    yield Route(
                        table=table,
                        destination=IPv4Network(destination),
                        way=way,
                        target=target,
                    )

    def _acl_rule(self, rule: Resource) -> Iterator[AclRule]:
        network = rule.text("cidr_block")
        for acl in self._keys(rule, "network_acl_id", "aws_network_acl"):
            for ports in _ports(rule, rule.text("protocol")) if network else ():
                yield AclRule(
                    acl=acl,
                    number=int(rule.number("rule_number", 0)),
                    out=rule.is_true("egress"),
                    allow=rule.text("rule_action") == "allow",
                    ports=ports,
                    network=IPv4Network(network),
                )

    def _group_rules(self) -> Iterator[GroupRule]:
        for out, kind in (
            (True, "aws_vpc_security_group_egress_rule"),
            (False, "aws_vpc_security_group_ingress_rule"),
        ):
            for rule in self.plan.of(kind):
                network = rule.text("cidr_ipv4")
                other = self._keys(rule, "referenced_security_group_id", "aws_security_group")
                for group in self._keys(rule, "security_group_id", "aws_security_group"):
                    for ports in _ports(rule, rule.text("ip_protocol")):
                        yield GroupRule(
                            group=group,
                            out=out,
                            ports=ports,
                            network=IPv4Network(network) if network else None,
                            other=next(iter(other), ""),
                        )

    def _gateway(self, endpoint: Resource) -> Gateway:
        return Gateway(
            service=_service(endpoint),
            tables=frozenset(self._keys(endpoint, "route_table_ids", "aws_route_table")),
        )

    def _peerings(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Peerings across regions are of no use before the other side has accepted them."""
        accepters = self.plan.referring(
            "aws_vpc_peering_connection_accepter", "vpc_peering_connection_id"
        )
        for one in self.plan.of("aws_vpc_peering_connection"):
            if any(accepter.is_true("auto_accept") for accepter in accepters.get(one, [])):
                own = self._found(one, "vpc_id", "aws_vpc")
                yield key(one), frozenset((*own, *self._found(one, "peer_vpc_id", "aws_vpc")))

    def _connections(self, route: Resource) -> tuple[str, ...]:
        """The peering of a route, which names it itself or its acceptance."""
        name, kind = "vpc_peering_connection_id", "aws_vpc_peering_connection"
        accepters = self.plan.targets(route, name).of("aws_vpc_peering_connection_accepter")
        through = (one for accepter in accepters for one in self._keys(accepter, name, kind))
        return tuple(dict.fromkeys((*self._keys(route, name, kind), *through)))

    def _keys(self, resource: Resource, name: str, kind: str) -> tuple[str, ...]:
        return tuple(key(one) for one in self.plan.targets(resource, name).of(kind))

    def _found(self, resource: Resource, name: str, kind: str) -> tuple[str, ...]:
        """The same, and what a data source finds in another plan by its tag `Name`."""
        targets = self.plan.targets(resource, name)
        looked_up = [one for one in targets.resources if not one.managed and one.kind == kind]
        named = {(one.region, value) for one in looked_up for value in _names(one)}
        return tuple(key(one) for one in targets.of(kind)) + tuple(
            key(one)
            for one in self.plan.of(kind)
            if (one.region, text(mapping(one.known("tags")).get("Name"))) in named
        )


def _names(data: Node) -> Iterator[str]:
    """Values of the tag `Name` that a data source filters by."""
    blocks = (block for block in data.blocks("filter") if block.text("name") == "tag:Name")
    for block in blocks:
        yield from (text(value) for value in sequence(block.known("values")))


def _service(endpoint: Resource) -> str:
    return endpoint.text("service_name").rpartition(".")[2]


def _ports(rule: Resource, protocol: str) -> Iterator[Ports]:
    """What a rule is about; nothing for protocols without ports."""
    for known in Protocol:
        if protocol == _ALL:
            yield Ports(protocol=known, first=0, last=65_535)
        elif protocol == known:
            yield Ports(
                protocol=known,
                first=int(rule.number("from_port", 0)),
                last=int(rule.number("to_port", 0)),
            )
