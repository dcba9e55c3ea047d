"""Ways out of subnets: routes, gateways and endpoints."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from payment_dr.lint.plan import Plan
from payment_dr.lint.resource import Node, Resource
from payment_dr.lint.values import EVERYWHERE_V4, EVERYWHERE_V6, strings

_WAYS_OUT: Final = (
    "nat_gateway_id",
    "transit_gateway_id",
    "network_interface_id",
    "vpc_endpoint_id",
    "vpc_peering_connection_id",
    "core_network_arn",
)
"""Targets of a default route by which a function without public address gets out.

An internet gateway is none: functions in a VPC have no public address.
"""


class Network:
    """Routes and endpoints of the plans."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._open_tables = self._tables_with_a_way_out()
        self._tables: defaultdict[Resource, list[Resource]] = defaultdict(list)
        self.complete = True
        """Whether all associations of subnets with route tables could be followed."""
        for association in plan.of("aws_route_table_association"):
            if not association.is_set("subnet_id"):
                continue  # a gateway's
            subnets = plan.targets(association, "subnet_id").of("aws_subnet")
            tables = plan.targets(association, "route_table_id").of(
                "aws_route_table", "aws_default_route_table"
            )
            self.complete = self.complete and bool(subnets) and bool(tables)
            for subnet in subnets:
                self._tables[subnet] += tables

    def tables(self, subnet: Resource) -> list[Resource]:
        """Route tables of a subnet; that of its VPC when it has none of its own."""
        if subnet in self._tables:
            return self._tables[subnet]
        vpcs = set(self._plan.targets(subnet, "vpc_id").of("aws_vpc"))
        mains = [
            table
            for main in self._plan.of("aws_main_route_table_association")
            if vpcs & set(self._plan.targets(main, "vpc_id").resources)
            for table in self._plan.targets(main, "route_table_id").of("aws_route_table")
        ]
        defaults = [
            table
            for table in self._plan.of("aws_default_route_table")
            if vpcs & set(self._plan.targets(table, "default_route_table_id").resources)
        ]
        return mains or defaults

    def has_way_out(self, subnet: Resource) -> bool:
        """Whether a default route of the subnet leads out of its VPC."""
        return any(table in self._open_tables for table in self.tables(subnet))

    def endpoints(self, subnet: Resource) -> tuple[frozenset[str], bool]:
        """Services with an endpoint that a subnet can use, and whether that is all of them.

        A gateway endpoint serves the subnets of its route tables, an interface endpoint the VPC.
        """
        services: set[str] = set()
        complete = True
        vpcs = set(self._plan.targets(subnet, "vpc_id").of("aws_vpc"))
        tables = set(self.tables(subnet))
        for endpoint in self._plan.of("aws_vpc_endpoint"):
            if not vpcs & set(self._plan.targets(endpoint, "vpc_id").resources):
                continue
            service = endpoint.text("service_name").rsplit(".", 1)[-1]
            if endpoint.text("vpc_endpoint_type") in ("", "Gateway"):
                routed = self._routed_by(endpoint)
                if not tables & routed:
                    complete = complete and bool(routed)
                    continue
            complete = complete and bool(service)
            services.add(service)
        return frozenset(services), complete

    def _routed_by(self, endpoint: Resource) -> set[Resource]:
        """Route tables of a gateway endpoint."""
        tables = set(self._plan.targets(endpoint, "route_table_ids").resources)
        kind = "aws_vpc_endpoint_route_table_association"
        for association in self._plan.referring(kind, "vpc_endpoint_id").get(endpoint, ()):
            tables |= set(self._plan.targets(association, "route_table_id").resources)
        return tables

    def _tables_with_a_way_out(self) -> frozenset[Resource]:
        plan = self._plan
        tables = plan.of("aws_route_table", "aws_default_route_table")
        by_block = {t for t in tables if _any_way_out(t.blocks("route"), "cidr_block")}
        routes: Mapping[Resource, list[Resource]] = plan.referring("aws_route", "route_table_id")
        by_route = {
            table
            for table, found in routes.items()
            if _any_way_out(found, "destination_cidr_block")
        }
        return frozenset(by_block | by_route)


def _any_way_out(routes: Iterable[Node], destination: str) -> bool:
    return any(
        (_is_default(route, destination)) and any(route.is_set(name) for name in _WAYS_OUT)
        for route in routes
    )


def _is_default(route: Node, destination: str) -> bool:
    return EVERYWHERE_V4 in strings(route.known(destination)) or EVERYWHERE_V6 in strings(
        route.known(f"{destination.removesuffix('cidr_block')}ipv6_cidr_block")
    )
