"""A site's network: three zones, each with a subnet for NAT, for functions and for the database.

What `links` looks for by its tag `Name` is listed here: the VPC and the route tables that need a
route to the other site.
"""

from dataclasses import dataclass
from typing import Final

from cdktn_provider_aws.default_security_group import DefaultSecurityGroup
from cdktn_provider_aws.vpc import Vpc
from constructs import Construct

from payment_dr.infra.constructs.endpoints import EndpointsProps, SiteEndpoints
from payment_dr.infra.constructs.flow_logs import FlowLogsProps, SiteFlowLogs
from payment_dr.infra.constructs.keys import SiteKeys
from payment_dr.infra.constructs.network_acls import NetworkAclsProps, SiteNetworkAcls
from payment_dr.infra.constructs.placed_subnets import SiteSubnets, SubnetsProps
from payment_dr.infra.constructs.routes import (
    DATABASE_TABLE,
    RoutesProps,
    SiteRoutes,
    application_table,
)
from payment_dr.infra.constructs.security_groups import SecurityGroupsProps, SiteSecurityGroups
from payment_dr.infra.place import ZONES, Place

VPC: Final = "vpc"
"""Tag `Name` of the VPC is `Place.name` of this."""

PEERED_ROUTE_TABLES: Final = (*(application_table(zone) for zone in ZONES), DATABASE_TABLE)
"""Tags `Name` of the route tables that lead to the other site are `Place.name` of these: functions
reach the ledger over there, and the database's answers find their way back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkProps:
    """What a network depends on."""

    place: Place
    keys: SiteKeys


class SiteNetwork(Construct):
    """VPC, subnets, ways out, endpoints, security groups, flow logs.

    Attributes:
        vpc_id: the VPC.
        application_subnet_ids: where functions run, one subnet for each zone.
        database_subnet_ids: where cluster and proxy are, one subnet for each zone.
        function_group_id: security group of functions.
        ledger_group_id: security group of the cluster, and of clusters restored from backups.
        proxy_group_id: security group of the proxy.
    """

    def __init__(self, scope: Construct, construct_id: str, props: NetworkProps) -> None:
        super().__init__(scope, construct_id)
        place = props.place
        vpc = self._vpc(place)
        self.vpc_id: str = vpc.id
        subnets = SiteSubnets(self, "subnets", SubnetsProps(place=place, vpc_id=vpc.id))
        self.application_subnet_ids = subnets.application_ids
        self.database_subnet_ids = subnets.database_ids

        groups = SiteSecurityGroups(self, "groups", SecurityGroupsProps(place=place, vpc_id=vpc.id))
        self.function_group_id = groups.function_group_id
        self.ledger_group_id = groups.ledger_group_id
        self.proxy_group_id = groups.proxy_group_id

        routes = SiteRoutes(
            self, "routes", RoutesProps(place=place, vpc_id=vpc.id, subnets=subnets)
        )
        acls = NetworkAclsProps(
            place=place,
            vpc_id=vpc.id,
            default_acl_id=vpc.default_network_acl_id,
            subnets=subnets,
        )
        SiteNetworkAcls(self, "acls", acls)
        endpoints = EndpointsProps(
            place=place,
            vpc_id=vpc.id,
            subnet_ids=tuple(subnets.application_ids),
            route_table_ids=tuple(routes.application_table_ids),
            group_id=groups.endpoint_group_id,
        )
        SiteEndpoints(self, "endpoints", endpoints)
        SiteFlowLogs(self, "flow-logs", FlowLogsProps(place=place, keys=props.keys, vpc_id=vpc.id))

    def _vpc(self, place: Place) -> Vpc:
        vpc = Vpc(
            self,
            "vpc",
            cidr_block=str(place.site.cidr),
            enable_dns_support=True,
            enable_dns_hostnames=True,  # endpoints answer to the services' own names only with it
            instance_tenancy="default",
            assign_generated_ipv6_cidr_block=False,
            tags={"Name": place.name(VPC)},
        )
        # Without rules of its own: what forgets to name a group reaches nothing.
        DefaultSecurityGroup(
            self, "default-group", vpc_id=vpc.id, tags={"Name": place.name("default-closed")}
        )
        return vpc
